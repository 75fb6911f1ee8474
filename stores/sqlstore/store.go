// Package sqlstore keeps the state of guard's packages in a SQL database, so
// that several processes act as one and a restart logs nobody out: sessions,
// refresh families, a denylist and API keys. It speaks to PostgreSQL, MySQL,
// MariaDB and SQLite through database/sql; the driver is the caller's.
//
//	db, err := sql.Open("pgx", url)
//	stores := guard.Must(sqlstore.New(db, sqlstore.PostgreSQL, nil))
//	err = stores.Migrate(ctx)
//	sessions := guard.Must(session.New[User](&session.Options{Store: stores.Sessions()}))
//
// Every change is decided by one conditional statement, under any isolation
// level: the database says who was first. Nothing in the tables lets its reader log in:
// tokens and keys are there as digests only. What is over is deleted a little
// by each login, and by Sweep.
//
// A failure of the database is a 503; what it rolled back because two
// transactions met is tried again first.
//
// Not covered: rate limits, which a SQL database is too slow for (see package
// redisstore), and reading from replicas that lag: a session that was ended
// would live on there. See docs/running-on-sql.md for what is lost in which
// failure.
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
)

// A Dialect is the kind of a database. The zero value is none.
type Dialect int

// The dialects.
const (
	PostgreSQL Dialect = iota + 1 // 12 or newer
	MySQL                         // 8.0 or newer, and MariaDB 10.5 or newer
	SQLite                        // 3.37 or newer
)

// String is the name of the dialect.
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

// Options holds what has a default.
type Options struct {
	// Timeout is how long one step may take, retries and waiting for a
	// connection included. If zero, 3 seconds.
	Timeout time.Duration
	// Now is the clock by which what is over is forgotten. If nil, time.Now.
	Now func() time.Time
}

// Stores makes the stores of one application in one database. It is safe for
// use by several goroutines.
type Stores struct {
	db      *sql.DB
	dialect Dialect
	timeout time.Duration
	now     func() time.Time
	inserts [len(tables)]atomic.Uint32
}

// New returns stores in db, which stays the caller's to configure and to
// close: bound it with SetMaxOpenConns. New does not connect; see
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
		errs = append(errs, fmt.Errorf("sqlstore: %v is no dialect", d))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("sqlstore: a timeout of %v is negative", o.Timeout))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Stores{db: db, dialect: d, timeout: o.Timeout, now: o.Now}, nil
}

// bind writes a query's "?" as the dialect does.
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

// marks is n parameters of a list.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// A runner is a *sql.DB or *sql.Tx.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// exec runs a statement and returns how many rows it changed. All statements
// change each row that they match, so that MySQL counts as the others do.
func (s *Stores) exec(ctx context.Context, on runner, query string, args ...any) (int64, error) {
	res, err := on.ExecContext(ctx, s.dialect.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query calls scan for each row.
func (s *Stores) query(ctx context.Context, on runner, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := on.QueryContext(ctx, s.dialect.bind(query), args...)
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

// ms is a time as it is kept; zero is 0.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
