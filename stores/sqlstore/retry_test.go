package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A faulty driver fails a number of statements.
type faulty struct {
	err   error
	fails atomic.Int64 // how many more statements fail
	ran   atomic.Int64
}

func (f *faulty) Connect(context.Context) (driver.Conn, error) { return faultyConn{f}, nil }
func (f *faulty) Driver() driver.Driver                        { return nil }

type faultyConn struct{ *faulty }

func (c faultyConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	if strings.Contains(query, "SKIP LOCKED") { // a sweep, which comes by chance
		return driver.RowsAffected(0), nil
	}
	if c.ran.Add(1); c.fails.Add(-1) >= 0 {
		return nil, c.err
	}
	return driver.RowsAffected(1), nil
}

func (c faultyConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if q == "SELECT @@autocommit" {
		return &oneRow{value: int64(1)}, nil
	}
	if _, err := c.ExecContext(ctx, q, args); err != nil {
		return nil, err
	}
	return noRows{}, nil
}

type noRows struct{}

type oneRow struct {
	noRows
	value driver.Value
	read  bool
}

func (r *oneRow) Next(dest []driver.Value) error {
	if r.read {
		return io.EOF
	}
	dest[0], r.read = r.value, true
	return nil
}

type code int

func (c code) Error() string { return "sqlite" }
func (c code) Code() int     { return int(c) }

type extended struct{ ExtendedCode int }

// TestRetries: a write is repeated after a conflict, and after no other error, since it
// may have been committed.
func TestRetries(t *testing.T) {
	pg := func(state string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: state}) }
	my := func(n uint16) error { return fmt.Errorf("wrapped: %w", &mysql.MySQLError{Number: n}) }
	tests := []struct {
		name    string
		dialect sqlstore.Dialect
		err     error
		again   bool
	}{
		{"serialization failure", sqlstore.PostgreSQL, pg("40001"), true},
		{"deadlock", sqlstore.PostgreSQL, pg("40P01"), true},
		{"lock timeout", sqlstore.PostgreSQL, pg("55P03"), true},
		{"shutdown", sqlstore.PostgreSQL, pg("57P01"), false},
		{"no code", sqlstore.PostgreSQL, io.ErrUnexpectedEOF, false},
		{"deadlock", sqlstore.MySQL, my(1213), true},
		{"changed since", sqlstore.MySQL, my(1020), true},
		{"lock timeout", sqlstore.MySQL, my(1205), true},
		{"read-only", sqlstore.MySQL, my(1290), false},
		{"no number", sqlstore.MySQL, mysql.ErrInvalidConn, false},
		{"busy", sqlstore.SQLite, code(5), true},
		{"busy snapshot", sqlstore.SQLite, code(517), true},
		{"locked", sqlstore.SQLite, code(6), true},
		{"busy, another driver", sqlstore.SQLite, extended{5}, true},
		{"corrupt", sqlstore.SQLite, code(11), false},
	}
	for _, tt := range tests {
		t.Run(tt.dialect.String()+"/"+tt.name, func(t *testing.T) {
			f := &faulty{err: tt.err}
			s, err := sqlstore.New(sql.OpenDB(f), tt.dialect, nil)
			if err != nil {
				t.Fatal(err)
			}
			f.fails.Store(3)
			done, err := s.Sessions().Delete(t.Context(), session.Key{})
			if done != tt.again || (err == nil) != tt.again || f.ran.Load() != map[bool]int64{true: 4, false: 1}[tt.again] {
				t.Errorf("Delete = %t, %v, after %d statements", done, err, f.ran.Load())
			}
			f.fails.Store(1)
			if _, found, err := s.Sessions().Load(t.Context(), session.Key{}); found || err != nil { // read again
				t.Errorf("Load = %t, %v", found, err)
			}
			f.fails.Store(1 << 30)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if done, err := s.Sessions().Delete(ctx, session.Key{}); done || status(err) != 503 {
				t.Errorf("Delete = %t, %v", done, err)
			}
		})
	}
}

// TestRetriesAreLimited: conflicts without end are an outage at the timeout.
func TestRetriesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{err: code(5)}
		f.fails.Store(1 << 30)
		db := sql.OpenDB(f)
		defer db.Close()
		s := backends[2].on(t, db, &sqlstore.Options{Timeout: 100 * time.Millisecond})
		begun := time.Now()
		if done, err := s.Sessions().Delete(t.Context(), session.Key{}); done || status(err) != 503 || f.ran.Load() < 2 || f.ran.Load() > 100 {
			t.Errorf("Delete = %t, %v, after %d statements", done, err, f.ran.Load())
		}
		if took := time.Since(begun); took > 100*time.Millisecond {
			t.Errorf("Delete took %v", took)
		}
		if n, err := s.Sweep(t.Context(), 1); n != 0 || status(err) != 503 {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}

// awaitWaiting returns when n transactions wait for a lock, or fails if one has ended.
func awaitWaiting(t *testing.T, admin *sql.DB, d sqlstore.Dialect, n int, ended <-chan error) {
	t.Helper()
	var waiting string
	switch {
	case d == sqlstore.PostgreSQL:
		waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')"
	case isMariaDB(t, admin):
		waiting = `SELECT COUNT(*) FROM information_schema.innodb_trx t
			JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`
	default: // MySQL, whose innodb_trx cannot show a statement with bytes
		waiting = `SELECT COUNT(DISTINCT t.thread_id) FROM performance_schema.data_lock_waits w
			JOIN performance_schema.threads t ON t.thread_id = w.requesting_thread_id WHERE t.processlist_db = DATABASE()`
	}
	for have := 0; have < n; {
		select {
		case err := <-ended:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		if err := readWaiting(admin, waiting, &have); err != nil {
			t.Fatal(err)
		}
	}
}

// waitingReads is held by the test that reads what waits. MariaDB refreshes its view
// after 100 ms in which no connection read it: tests in parallel must take turns.
var waitingReads sync.Mutex

func readWaiting(admin *sql.DB, query string, n *int) error {
	waitingReads.Lock()
	defer waitingReads.Unlock()
	time.Sleep(120 * time.Millisecond)
	return admin.QueryRow(query).Scan(n)
}

// withIsolation returns stores whose transactions have an isolation level.
func (b backend) withIsolation(t *testing.T, p database, level string) *sqlstore.Stores {
	t.Helper()
	if b.dialect == sqlstore.MySQL {
		p.dsn += "&" + variable(t, p.open(t), "isolation") + "=%27" + strings.ReplaceAll(level, " ", "-") + "%27"
	} else {
		p.dsn += "&default_transaction_isolation=" + url.PathEscape(level)
	}
	return b.in(t, p, nil)
}

var levels = []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}

// TestIsolation: the stores work under every isolation level. The strictest ones roll
// back conflicting transactions.
func TestIsolation(t *testing.T) {
	for _, b := range backends[:2] {
		for _, level := range levels {
			t.Run(b.name+"/"+level, func(t *testing.T) {
				t.Parallel()
				_, p := b.stores(t, nil)
				s := b.withIsolation(t, p, level)
				rec := sessiontest.Record("alice")
				now := time.Now()
				f := refresh.Family{Subject: "alice", ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}
				if err := errors.Join(s.Sessions().Insert(t.Context(), rec, session.AnyEpoch), startFamily(t.Context(), s, f)); err != nil {
					t.Fatal(err)
				}
				var updated, rotated atomic.Int32
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						done, err := s.Sessions().Update(t.Context(), rec.Key, rec.Revision, "{}")
						if done {
							updated.Add(1)
						}
						result, err2 := s.TokenFamilies().Rotate(t.Context(), refresh.Rotation{
							Subject: "alice", ID: f.ID, Generation: 1, Now: now, Grace: time.Minute, Idle: time.Hour,
						})
						if result == refresh.Rotated {
							rotated.Add(1)
						}
						if err := errors.Join(err, err2); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if updated.Load() != 1 || rotated.Load() != 1 {
					t.Errorf("%d updates, %d rotations", &updated, &rotated)
				}
			})
		}
	}
}

// TestDeadlock: the database rolls back one of two transactions that wait for each
// other; if it is that of the store, the operation is repeated.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			admin := p.open(t)
			update := "UPDATE guard_sessions SET revision = revision + 1 WHERE id = ?"
			if b.dialect == sqlstore.PostgreSQL {
				update = "UPDATE guard_sessions SET revision = revision + 1 WHERE id = $1"
			}
			first, second := sessiontest.Record("alice"), sessiontest.Record("alice")
			first.ID[0], second.ID[0] = 1, 2
			if err := errors.Join(s.Sessions().Insert(t.Context(), first, session.AnyEpoch), s.Sessions().Insert(t.Context(), second, session.AnyEpoch)); err != nil {
				t.Fatal(err)
			}
			tx, err := admin.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.Exec(update, second.ID[:]); err != nil {
				t.Fatal(err)
			}
			deleted := make(chan error, 1)
			go func() { // deletes the first, and waits for the second
				n, err := s.Sessions().DeleteAll(context.Background(), "alice", nil)
				if err == nil && n != 2 {
					err = fmt.Errorf("%d were deleted", n)
				}
				deleted <- err
			}()
			awaitWaiting(t, admin, b.dialect, 1, deleted)
			_, err = tx.Exec(update, first.ID[:])
			if err == nil {
				err = tx.Commit()
			} else {
				_ = tx.Rollback()
			}
			t.Logf("the other transaction: %v", err)
			if err := <-deleted; err != nil {
				t.Error(err)
			}
		})
	}
}
