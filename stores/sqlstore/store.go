// Package sqlstore keeps the state of guard's packages in a SQL database, so
// that several processes share it and a restart loses no session: sessions,
// refresh token families, a denylist, API keys, passkeys, rate limits, and what may
// happen a single time (package once). It supports PostgreSQL, MySQL, MariaDB and SQLite
// through database/sql; the caller chooses the driver.
//
//	db, err := sql.Open("pgx", url)
//	stores := guard.Must(sqlstore.New(db, sqlstore.PostgreSQL, nil))
//	err = stores.Migrate(ctx)
//	sessions := guard.Must(session.New[User](&session.Options{Store: stores.Sessions()}))
//
// A change is one conditional statement, or a transaction that first writes the row
// which orders it, so that concurrent requests are ordered by the database under any
// isolation level. The tables hold no session token, refresh token or API key, only
// digests: a copy of them grants no access. Inserts delete some of the expired rows;
// Sweep deletes the others.
//
// If the database fails, the error is a 503. A transaction that was rolled back
// because of a conflict with another one is retried first.
//
// Rate limits are exact, but each granted take is a write: package redisstore counts
// faster.
//
// Not covered: a replica that lags, which still has deleted sessions.
// docs/running-on-sql.md lists what each failure loses.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/internal/secret"
)

// A Dialect is a kind of database. The zero value is invalid.
type Dialect int

// The supported dialects.
const (
	PostgreSQL Dialect = iota + 1 // 12 or newer
	MySQL                         // 8.0 or newer, and MariaDB 10.5 or newer
	SQLite                        // 3.37 or newer
)

// String returns the name of the dialect.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case MySQL:
		return "MySQL"
	case SQLite:
		return "SQLite"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// Options holds what has a default. The zero value is ready for production.
type Options struct {
	// Timeout is the maximum duration of one operation, including retries and the
	// waits for a connection and for locks; a ROLLBACK may take a second more. An
	// earlier deadline of its context ends an operation, too; the cancellation of the
	// context ends only the wait for its turn. If zero, 3 seconds.
	Timeout time.Duration
	// Now is the clock that determines which rows have expired. If nil, time.Now.
	Now func() time.Time
	// Schema is the schema that has the tables, as the database spells it: on MySQL a
	// database, on SQLite an attached one. It has at most 63 ASCII letters, digits and
	// underscores. If empty, the connection determines it: on PostgreSQL by its
	// search_path, on MySQL by the database of its DSN.
	Schema string
	// Prefix begins the names of the tables: "app1_" makes app1_guard_sessions. It has
	// at most 30 lower-case ASCII letters, digits and underscores, and does not begin
	// with a digit. Applications with different prefixes share a schema and no row.
	Prefix string
}

// Stores creates the stores of one application in one database. It is safe for
// concurrent use.
type Stores struct {
	hidden  secret.Value[*sql.DB] // its connector may hold a password
	dialect Dialect
	timeout time.Duration
	now     func() time.Time
	names

	reads, writes chan struct{} // one element for each operation that runs: see inTurn
	autocommit    atomic.Int32  // see manualCommit
}

// minTurns is how many operations may run at the same time at least.
const minTurns = 64

// New returns stores in db, which the caller configures and closes; limit its
// connections with SetMaxOpenConns before. At most 64 operations run at the same time, or
// as many as there may be connections, if that is more. opts may be nil. The error lists
// every mistake. New does not connect to the database and does not create tables: see
// [Stores.Migrate].
func New(db *sql.DB, d Dialect, opts *Options) (*Stores, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var errs []error
	if db == nil {
		errs = append(errs, errors.New("sqlstore: the database is nil"))
	}
	if d < PostgreSQL || d > SQLite {
		errs = append(errs, fmt.Errorf("sqlstore: %v is not a supported dialect", d))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("sqlstore: the timeout of %v is negative", o.Timeout))
	}
	n, err := d.names(o.Schema, o.Prefix)
	if errs = append(errs, err); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Stores{hidden: secret.New(db), dialect: d, timeout: o.Timeout, now: o.Now, names: n}
	s.reads = make(chan struct{}, max(minTurns, db.Stats().MaxOpenConnections))
	s.writes = s.reads
	if d == SQLite { // it has one writer, and lets others wait in no order
		s.writes = make(chan struct{}, 1)
	}
	return s, nil
}

func (s *Stores) db() *sql.DB { return s.hidden.Reveal() }

// bind replaces each "?" of a query by the dialect's placeholder.
func (d Dialect) bind(query string) string {
	if d != PostgreSQL {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		query = after
	}
}

// statement returns a query as the database executes it. In this package, queries name
// the tables without schema and prefix.
func (s *Stores) statement(query string) string { return s.dialect.bind(s.in(query)) }

// placeholders returns a list of n placeholders.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// exec runs a statement and returns how many rows it changed. Every statement of
// this package changes each row that it matches, since MySQL by default counts
// changed rows and other databases count matched rows.
func (s *Stores) exec(ctx context.Context, on runner, query string, args ...any) (n int64, err error) {
	manual, err := s.manualCommit(ctx, on)
	if err != nil {
		return 0, err
	}
	if manual {
		err = s.inTx(ctx, func(tx runner) (err error) {
			n, err = s.exec(ctx, tx, query, args...)
			return err
		})
		return n, err
	}
	res, err := on.ExecContext(ctx, s.statement(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query calls scan for each row.
func (s *Stores) query(ctx context.Context, on runner, scan func(*sql.Rows) error, query string, args ...any) error {
	manual, err := s.manualCommit(ctx, on)
	if err != nil {
		return err
	}
	if manual {
		return s.inTx(ctx, func(tx runner) error { return s.query(ctx, tx, scan, query, args...) })
	}
	rows, err := on.QueryContext(ctx, s.statement(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// toMS returns a time as it is stored, in Unix ms. The zero time is 0.
func toMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMS is the reverse of toMS.
func fromMS(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
