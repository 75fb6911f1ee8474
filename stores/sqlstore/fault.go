package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/go-guard/guard"
)

// A fault is what an error of a driver means to a store.
type fault int

const (
	other fault = iota
	again       // rolled back because two transactions met: nothing has happened
	taken       // a unique key exists
	full        // no room
)

// faultOf reads the error codes without importing a driver.
func (d Dialect) faultOf(err error) fault {
	switch d {
	case PostgreSQL:
		state, ok := errors.AsType[interface { // of pgx and lib/pq
			error
			SQLState() string
		}](err)
		if !ok {
			return other
		}
		return map[string]fault{
			"40001": again, // serialization_failure
			"40P01": again, // deadlock_detected
			"23505": taken, // unique_violation
			"53100": full,  // disk_full
		}[state.SQLState()]
	case MySQL:
		return map[int64]fault{
			1213: again, // ER_LOCK_DEADLOCK
			1020: again, // ER_CHECKREAD, snapshot isolation of MariaDB
			1062: taken, // ER_DUP_ENTRY
			1114: full,  // ER_RECORD_FILE_FULL
			1021: full,  // ER_DISK_FULL
		}[number(err)]
	}
	switch n := number(err); {
	case n == 1555 || n == 2067: // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE
		return taken
	case n&0xff == 5 || n&0xff == 6: // SQLITE_BUSY, SQLITE_LOCKED
		return again
	case n&0xff == 13: // SQLITE_FULL
		return full
	}
	return other
}

// number finds the number of an error: by the method Code of modernc.org/sqlite,
// the field Number of go-sql-driver/mysql or ExtendedCode of mattn/go-sqlite3.
func number(err error) int64 {
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
				return int64(f.Uint()) // error numbers are small
			}
		}
	}
	return 0
}

// maxTries is how often a step is tried that was rolled back.
const maxTries = 10

// write runs one step within the timeout, again where it was rolled back. A
// statement whose connection broke is not sent again: it may have happened.
func (s *Stores) write(ctx context.Context, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.failed(what, s.try(ctx, f))
}

// read is write for a step that changes nothing, which is sent again where the
// connection was gone.
func (s *Stores) read(ctx context.Context, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := s.try(ctx, f)
	if err != nil && ctx.Err() == nil {
		err = s.try(ctx, f)
	}
	return s.failed(what, err)
}

func (s *Stores) try(ctx context.Context, f func(context.Context) error) error {
	for try := 1; ; try++ {
		err := f(ctx)
		if err == nil || try == maxTries || s.dialect.faultOf(err) != again {
			return err
		}
		// Whoever met shall not meet again.
		wait := time.NewTimer(rand.N(time.Millisecond << try))
		select {
		case <-ctx.Done():
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}

// failed is an outage, whatever the driver's error wraps.
func (s *Stores) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return guard.Unavailable(fmt.Errorf("sqlstore: %s: %w", what, err))
}
