package sqlstore

import (
	"errors"
	"reflect"
)

// An errorClass is a class of driver errors that a store handles alike.
type errorClass int

const (
	unclassified errorClass = iota
	conflict                // rolled back because of another transaction: nothing has changed
	duplicate               // a unique value exists already
	outOfSpace              // the disk or the database is full
)

// classify reads the error code of a driver's error. It imports no driver.
func (d Dialect) classify(err error) errorClass {
	switch d {
	case PostgreSQL:
		return map[string]errorClass{
			"40001": conflict,   // serialization_failure
			"40P01": conflict,   // deadlock_detected
			"55P03": conflict,   // lock_not_available, by lock_timeout
			"23505": duplicate,  // unique_violation
			"53100": outOfSpace, // disk_full
		}[sqlState(err)]
	case MySQL:
		return map[int64]errorClass{
			1213: conflict,   // ER_LOCK_DEADLOCK
			1205: conflict,   // ER_LOCK_WAIT_TIMEOUT: the statement was rolled back, and inTx rolls back the others
			1020: conflict,   // ER_CHECKREAD, from MariaDB's snapshot isolation
			1062: duplicate,  // ER_DUP_ENTRY
			1114: outOfSpace, // ER_RECORD_FILE_FULL
			1021: outOfSpace, // ER_DISK_FULL
		}[errorCode(err)]
	}
	switch n := errorCode(err); {
	case n == 1555 || n == 2067: // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE
		return duplicate
	case n&0xff == 5 || n&0xff == 6: // SQLITE_BUSY, SQLITE_LOCKED
		return conflict
	case n&0xff == 13: // SQLITE_FULL
		return outOfSpace
	}
	return unclassified
}

// sqlState returns the SQLSTATE of an error, "" if it has none.
func sqlState(err error) string {
	state, ok := errors.AsType[interface { // pgx and lib/pq
		error
		SQLState() string
	}](err)
	if !ok {
		return ""
	}
	return state.SQLState()
}

// errorCode returns the numeric code of an error, 0 if it has none: from the method
// Code (modernc.org/sqlite), the field Number (go-sql-driver/mysql) or the field
// ExtendedCode (mattn/go-sqlite3).
func errorCode(err error) int64 {
	for ; err != nil; err = errors.Unwrap(err) {
		if c, ok := err.(interface{ Code() int }); ok {
			return int64(c.Code())
		}
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		for _, name := range [...]string{"Number", "ExtendedCode"} {
			switch f := v.FieldByName(name); {
			case f.IsValid() && f.CanInt():
				return f.Int()
			case f.IsValid() && f.CanUint():
				return int64(f.Uint()) // error codes are small
			}
		}
	}
	return 0
}
