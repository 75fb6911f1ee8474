package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sql"
)

// A step is one method of a store, on something that is not there.
type step struct {
	name   string
	writes bool
	run    func(ctx context.Context, s *sqlstore.Stores) error
}

var steps = []step{
	{"Sessions.Insert", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Sessions().Insert(ctx, sessiontest.Record("x"))
	}},
	{"Sessions.Load", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, found, err := s.Sessions().Load(ctx, session.Key{})
		return lost(found, err)
	}},
	{"Sessions.Touch", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Sessions().Touch(ctx, session.Key{}, time.Now(), time.Now())
	}},
	{"Sessions.Update", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.Sessions().Update(ctx, session.Key{}, 1, "")
		return lost(done, err)
	}},
	{"Sessions.Rotate", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.Sessions().Rotate(ctx, session.Key{}, session.Key{1})
		return lost(done, err)
	}},
	{"Sessions.Delete", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.Sessions().Delete(ctx, session.Key{})
		return lost(done, err)
	}},
	{"Sessions.List", false, func(ctx context.Context, s *sqlstore.Stores) error {
		list, err := s.Sessions().List(ctx, "nobody")
		return lost(len(list) > 0, err)
	}},
	{"Sessions.DeleteAll", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, err := s.Sessions().DeleteAll(ctx, "nobody", []session.ID{{}})
		return err
	}},
	{"Families.Start", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Families().Start(ctx, jwtauth.Family{Subject: "x", ID: rand.Text(), Started: time.Now(), Expires: time.Now()})
	}},
	{"Families.Rotate", true, func(ctx context.Context, s *sqlstore.Stores) error {
		r, err := s.Families().Rotate(ctx, jwtauth.Rotation{Subject: "x", ID: "none", Generation: 1, Now: time.Now()})
		return lost(r != jwtauth.FamilyUnknown, err)
	}},
	{"Families.Revoke", true, func(ctx context.Context, s *sqlstore.Stores) error { return s.Families().Revoke(ctx, "x", "none") }},
	{"Families.RevokeSubject", true, func(ctx context.Context, s *sqlstore.Stores) error {
		ids, err := s.Families().RevokeSubject(ctx, "nobody")
		return lost(len(ids) > 0, err)
	}},
	{"Denylist.Deny", true, func(ctx context.Context, s *sqlstore.Stores) error { return s.Denylist().Deny(ctx, "x", time.Now()) }},
	{"Denylist.Denied", false, func(ctx context.Context, s *sqlstore.Stores) error {
		denied, err := s.Denylist().Denied(ctx, "y", "z")
		return lost(denied, err)
	}},
	{"APIKeys.Insert", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, err := s.APIKeys().Insert(ctx, apikey.Entry{Record: apikey.Record{ID: rand.Text()}})
		return err
	}},
	{"APIKeys.Load", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, found, err := s.APIKeys().Load(ctx, "none")
		return lost(found, err)
	}},
	{"APIKeys.Rotate", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.APIKeys().Rotate(ctx, "none", apikey.Rotation{})
		return lost(done, err)
	}},
	{"APIKeys.Revoke", true, func(ctx context.Context, s *sqlstore.Stores) error {
		found, err := s.APIKeys().Revoke(ctx, "none", time.Now())
		return lost(found, err)
	}},
	{"APIKeys.Used", true, func(ctx context.Context, s *sqlstore.Stores) error { return s.APIKeys().Used(ctx, "none", time.Now()) }},
	{"APIKeys.List", false, func(ctx context.Context, s *sqlstore.Stores) error {
		list, err := s.APIKeys().List(ctx, "x", 10)
		return lost(len(list) > 0, err)
	}},
	{"Sweep", true, func(ctx context.Context, s *sqlstore.Stores) error { _, err := s.Sweep(ctx, 1); return err }},
}

// lost: something was found where nothing is.
func lost(found bool, err error) error {
	if found {
		return errors.Join(errors.New("found what is not there"), err)
	}
	return err
}

// status is what a client is answered.
func status(err error) int {
	w := httptest.NewRecorder()
	guard.Refuse(w, httptest.NewRequest("GET", "/", nil), err)
	if strings.Contains(w.Body.String(), "sqlstore") {
		return 0 // our text reached the client
	}
	return w.Code
}

// all fails every step, or only those that write, with 503.
func all(t *testing.T, s *sqlstore.Stores, ctx context.Context, writesAlone bool) {
	t.Helper()
	for _, step := range steps {
		err := step.run(ctx, s)
		switch {
		case writesAlone && !step.writes:
			if err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		case err == nil || status(err) != 503:
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

func TestStepsOnNothing(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		for _, step := range steps {
			if err := step.run(t.Context(), s); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
	})
}

func TestNoSchema(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) { all(t, b.in(t, b.create(t), nil), t.Context(), false) })
}

func TestCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		all(t, s, ctx, false)
	})
}

func TestConnectionRefused(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			p := b.create(t).at("127.0.0.1:1")
			s := b.in(t, p, nil)
			all(t, s, t.Context(), false)
			if err := s.Migrate(t.Context()); err == nil {
				t.Error("Migrate without a database")
			}
		})
	}
}

// TestReadOnly: a standby, or a database that was frozen. Who is logged in
// stays so, and what cannot be done is not said to be.
func TestReadOnly(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		rec := sessiontest.Record("alice")
		family := jwtauth.Family{Subject: "nobody", ID: rand.Text(), Started: time.Now(), Expires: time.Now().Add(time.Hour)}
		if err := errors.Join(s.Sessions().Insert(t.Context(), rec), s.Families().Start(t.Context(), family)); err != nil {
			t.Fatal(err)
		}
		frozen := b.in(t, p.readOnly(), nil)
		all(t, frozen, t.Context(), true)
		if got, found, err := frozen.Sessions().Load(t.Context(), rec.Key); got.Subject != "alice" || !found || err != nil {
			t.Errorf("Load = %v, %t, %v", got, found, err)
		}
		if done, err := frozen.Sessions().Delete(t.Context(), rec.Key); done || status(err) != 503 {
			t.Errorf("Delete = %t, %v", done, err)
		}
	})
}

// TestFullDisk: logins are refused, who is logged in stays so and can log out,
// and what is over makes room again.
func TestFullDisk(t *testing.T) {
	p := sqlitePlace(filepath.Join(t.TempDir(), "guard.db"), "&_pragma=max_page_count(40)")
	b := backends[2]
	var c clock
	s := b.in(t, p, &sqlstore.Options{Now: c.now})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var in []session.Record
	var err error
	for err == nil {
		rec := sessiontest.Record("alice")
		rec.Data = strings.Repeat("x", 1000)
		if err = s.Sessions().Insert(t.Context(), rec); err == nil {
			in = append(in, rec)
		}
	}
	if !errors.Is(err, session.ErrFull) || status(err) != 503 || len(in) < 10 {
		t.Fatalf("after %d: %v", len(in), err)
	}
	for _, rec := range in {
		if _, found, err := s.Sessions().Load(t.Context(), rec.Key); !found || err != nil {
			t.Fatalf("Load = %t, %v", found, err)
		}
	}
	if done, err := s.Sessions().Delete(t.Context(), in[0].Key); !done || err != nil {
		t.Errorf("Delete = %t, %v", done, err)
	}
	c.advance(24 * time.Hour)
	if n, err := s.Sweep(t.Context(), 0); n != len(in)-1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if err := s.Sessions().Insert(t.Context(), sessiontest.Record("bob")); err != nil {
		t.Errorf("there is room: %v", err)
	}
}

// A proxy delays what a client sends to the server.
type proxy struct {
	net.Listener
	delay atomic.Int64
	done  chan struct{}
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, done: make(chan struct{})}
	t.Cleanup(func() { l.Close(); close(p.done) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(in, out); in.Close() }()
			go p.forward(out, in)
		}
	}()
	return p
}

func (p *proxy) forward(out, in net.Conn) {
	defer out.Close()
	defer in.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := in.Read(b)
		if err != nil {
			return
		}
		select {
		case <-p.done:
			return
		case <-time.After(time.Duration(p.delay.Load())): // the latency under test
		}
		if _, err := out.Write(b[:n]); err != nil {
			return
		}
	}
}

// TestLatency: a slow database is waited for, a stuck one until the timeout;
// and the pool recovers by itself.
func TestLatency(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			rec := sessiontest.Record("alice")
			if err := s.Sessions().Insert(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			line := startProxy(t, p.addr)
			far := b.in(t, p.at(line.Addr().String()), &sqlstore.Options{Timeout: 600 * time.Millisecond})
			load := func() (bool, error) {
				_, found, err := far.Sessions().Load(t.Context(), rec.Key)
				return found, err
			}
			for _, delay := range []time.Duration{0, 0, 200 * time.Millisecond} {
				line.delay.Store(int64(delay))
				if found, err := load(); !found || err != nil {
					t.Errorf("%v: Load = %t, %v", delay, found, err)
				}
			}
			line.delay.Store(int64(5 * time.Second))
			if found, err := load(); found || status(err) != 503 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("stuck: Load = %t, %v", found, err)
			}
			line.delay.Store(0)
			for try := range 3 { // a connection may be in the midst of 5 seconds
				found, err := load()
				if found && err == nil {
					break
				}
				if try == 2 {
					t.Errorf("afterwards: Load = %t, %v", found, err)
				}
			}
		})
	}
}

// faulty is a driver whose statements fail for some time.
type faulty struct {
	err   error
	fails atomic.Int64 // how many more statements fail
	ran   atomic.Int64
}

func (f *faulty) Connect(context.Context) (driver.Conn, error) { return faultyConn{f}, nil }
func (f *faulty) Driver() driver.Driver                        { return nil }

type faultyConn struct{ *faulty }

func (faultyConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (faultyConn) Close() error                        { return nil }
func (faultyConn) Begin() (driver.Tx, error)           { return nil, errors.New("no transactions") }

func (c faultyConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if c.ran.Add(1); c.fails.Add(-1) >= 0 {
		return nil, c.err
	}
	return driver.RowsAffected(1), nil
}

func (c faultyConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if _, err := c.ExecContext(ctx, q, args); err != nil {
		return nil, err
	}
	return noRows{}, nil
}

type noRows struct{}

func (noRows) Columns() []string         { return []string{"a"} }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

type code int

func (c code) Error() string { return "sqlite" }
func (c code) Code() int     { return int(c) }

type extended struct{ ExtendedCode int }

func (extended) Error() string { return "sqlite3" }

// TestRetries: what was rolled back since two transactions met is tried again;
// what may have happened is not.
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
		{"shutdown", sqlstore.PostgreSQL, pg("57P01"), false},
		{"no code", sqlstore.PostgreSQL, io.ErrUnexpectedEOF, false},
		{"deadlock", sqlstore.MySQL, my(1213), true},
		{"changed since", sqlstore.MySQL, my(1020), true},
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

// TestRetriesEnd: where transactions keep meeting, it is an outage.
func TestRetriesEnd(t *testing.T) {
	f := &faulty{err: code(5)}
	f.fails.Store(1 << 30)
	s, err := sqlstore.New(sql.OpenDB(f), sqlstore.SQLite, &sqlstore.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := s.Sessions().Delete(t.Context(), session.Key{}); done || status(err) != 503 || f.ran.Load() > 20 {
		t.Errorf("Delete = %t, %v, after %d statements", done, err, f.ran.Load())
	}
}

// TestIsolation: the stores hold under every isolation level, the strictest of
// which fails transactions that meet.
func TestIsolation(t *testing.T) {
	set := map[sqlstore.Dialect][]string{
		sqlstore.PostgreSQL: {"&default_transaction_isolation=serializable", "&default_transaction_isolation=repeatable%20read"},
		sqlstore.MySQL:      {"SERIALIZABLE", "READ-COMMITTED"},
	}
	for _, b := range backends[:2] {
		for _, option := range set[b.dialect] {
			t.Run(b.name+"/"+option, func(t *testing.T) {
				t.Parallel()
				_, p := b.stores(t, nil)
				if b.dialect == sqlstore.MySQL {
					option = "&" + variable(t, p.open(t), "isolation") + "=%27" + option + "%27"
				}
				p.dsn += option
				s := b.in(t, p, &sqlstore.Options{Timeout: 10 * time.Second})
				rec := sessiontest.Record("alice")
				now := time.Now()
				f := jwtauth.Family{Subject: "alice", ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}
				if err := errors.Join(s.Sessions().Insert(t.Context(), rec), s.Families().Start(t.Context(), f)); err != nil {
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
						result, err2 := s.Families().Rotate(t.Context(), jwtauth.Rotation{
							Subject: "alice", ID: f.ID, Generation: 1, Now: now, Grace: time.Minute, Idle: time.Hour,
						})
						if result == jwtauth.Rotated {
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

// TestDeadlock: of two transactions that wait for each other the database ends
// one; ours is tried again.
func TestDeadlock(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			admin := p.open(t)
			update, waiting := "UPDATE guard_sessions SET data = data, remember = 1 WHERE id = ?", `SELECT COUNT(*) FROM information_schema.innodb_trx t
				JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`
			if b.dialect == sqlstore.PostgreSQL {
				update = "UPDATE guard_sessions SET remember = 1 WHERE id = $1"
				waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')"
			}
			first, second := sessiontest.Record("alice"), sessiontest.Record("alice")
			first.ID[0], second.ID[0] = 1, 2
			if err := errors.Join(s.Sessions().Insert(t.Context(), first), s.Sessions().Insert(t.Context(), second)); err != nil {
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
			for n := 0; n == 0; {
				if err := admin.QueryRow(waiting).Scan(&n); err != nil {
					t.Fatal(err)
				}
			}
			_, err = tx.Exec(update, first.ID[:])
			if err == nil {
				err = tx.Commit()
			} else {
				_ = tx.Rollback()
			}
			t.Logf("the other: %v", err)
			if err := <-deleted; err != nil {
				t.Error(err)
			}
		})
	}
}
