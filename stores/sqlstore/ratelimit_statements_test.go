package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A counter is a connector to SQLite that counts statements, with BEGIN and COMMIT, and
// without sweeps, which run by chance.
type counter struct {
	dsn    string
	before atomic.Pointer[func(query string)]
	ran    atomic.Int64
}

func (c *counter) Driver() driver.Driver { return &sqlite.Driver{} }

func (c *counter) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	return counterConn{conn, c}, err
}

func (c *counter) count(query string) {
	if strings.Contains(query, "rowid IN") {
		return
	}
	c.ran.Add(1)
	if f := c.before.Load(); f != nil {
		(*f)(query)
	}
}

type counterConn struct {
	driver.Conn
	*counter
}

func (c counterConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.count(query)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c counterConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.count(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// counted returns stores whose statements are counted, and those of another process.
func counted(t *testing.T, opts *sqlstore.Options) (*counter, ratelimit.Store, ratelimit.Store) {
	t.Helper()
	s, p := backends[2].stores(t, opts)
	c := &counter{dsn: p.dsn}
	db := sql.OpenDB(c)
	t.Cleanup(func() { db.Close() })
	return c, backends[2].on(t, db, opts).RateLimits(), s.RateLimits()
}

func minutely(quota int) ratelimit.Limit {
	return ratelimit.Limit{Name: "minutely", Quota: quota, Window: time.Minute}
}

func mustTake(t *testing.T, s ratelimit.Store, takes ...ratelimit.Take) []ratelimit.State {
	t.Helper()
	states, err := s.Take(t.Context(), takes)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// TestRateLimitStatements: the number of round trips that docs/running-on-sql.md names,
// with BEGIN and COMMIT.
func TestRateLimitStatements(t *testing.T) {
	clock := harness.NewClock()
	c, here, elsewhere := counted(t, &sqlstore.Options{Now: clock.Now})
	one := ratelimit.Take{Limit: minutely(5), Key: "one", Cost: 1}
	fresh, two := one, []ratelimit.Take{{Limit: minutely(5), Key: "a", Cost: 1}, {Limit: minutely(5), Key: "b", Cost: 1}}
	fresh.Fresh = true
	var last ratelimit.State
	take := func(takes ...ratelimit.Take) func() {
		return func() { last = mustTake(t, here, takes...)[len(takes)-1] }
	}
	for _, tt := range []struct {
		name    string
		before  func()
		run     func()
		want    int64
		granted bool
	}{
		{"the first take of a client", nil, take(one), 2, true},
		{"the next", nil, take(one), 1, true},
		{"a fresh one", nil, take(fresh), 1, true},
		{"one after a take in another process", func() { mustTake(t, elsewhere, one) }, take(one), 3, true},
		{"a refusal", nil, take(one), 0, false},
		{"a refusal after a second", func() { clock.Advance(time.Second) }, take(one), 1, false},
		{"a fresh refusal", nil, take(fresh), 1, false},
		{"one after the window", func() { clock.Advance(time.Minute) }, take(one), 1, true},
		{"a give back", nil, func() {
			if err := here.GiveBack(t.Context(), []ratelimit.Taken{{Take: one, Stamp: last.Stamp}}); err != nil {
				t.Error(err)
			}
		}, 1, true},
		{"the first take of two", nil, take(two...), 5, true},
		{"the next of two", nil, take(two...), 4, true},
		{"a refusal of two", func() { mustTake(t, here, ratelimit.Take{Limit: minutely(5), Key: "a", Cost: 3}) }, take(two...), 0, true},
	} {
		if tt.before != nil {
			tt.before()
		}
		before := c.ran.Load()
		tt.run()
		if n := c.ran.Load() - before; n != tt.want || (last.RetryAfter == 0) != tt.granted {
			t.Errorf("%s: %d statements, %+v; want %d, granted: %t", tt.name, n, last, tt.want, tt.granted)
		}
	}
	// Where two processes take in turn, one of them reads before it writes.
	before := c.ran.Load()
	for range 10 {
		mustTake(t, elsewhere, ratelimit.Take{Limit: minutely(1000), Key: "one", Cost: 1})
		mustTake(t, here, ratelimit.Take{Limit: minutely(1000), Key: "one", Cost: 1})
	}
	if n := c.ran.Load() - before; n != 21 {
		t.Errorf("ten takes in turn with another process: %d statements, want 3 and then 2 each", n)
	}
}

// TestRateLimitParallelTakes: takes that arrive while one from the same count is under
// way are decided together. One that is given up while it waits takes nothing.
func TestRateLimitParallelTakes(t *testing.T) {
	c, s, _ := counted(t, nil)
	take := ratelimit.Take{Limit: minutely(1000), Key: "k", Cost: 1}
	mustTake(t, s, take)
	begun, proceed := make(chan struct{}), make(chan struct{})
	var first sync.Once
	hold := func(query string) {
		if strings.HasPrefix(query, "UPDATE guard_counts") {
			first.Do(func() { close(begun); <-proceed })
		}
	}
	c.before.Store(&hold)
	before := c.ran.Load()
	var wg sync.WaitGroup
	var granted atomic.Int64
	run := func(ctx context.Context) error {
		states, err := s.Take(ctx, []ratelimit.Take{take})
		if err == nil && states[0].RetryAfter == 0 {
			granted.Add(1)
		}
		return err
	}
	wg.Go(func() {
		if err := run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	var givenUp sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if err := run(t.Context()); err != nil {
				t.Error(err)
			}
		})
		givenUp.Go(func() {
			if err := run(ctx); !errors.Is(err, context.Canceled) {
				t.Error("a take that was given up:", err)
			}
		})
	}
	sqlstore.AwaitWaiting(s, 128)
	cancel()
	givenUp.Wait()
	close(proceed)
	wg.Wait()
	if n := c.ran.Load() - before; n != 2 || granted.Load() != 65 {
		t.Errorf("%d of 65 parallel takes were granted by %d statements, want all by 2", granted.Load(), n)
	}
	take.Cost = 0
	if st := mustTake(t, s, take)[0]; st.Remaining != 1000-66 {
		t.Errorf("%d remaining, want %d", st.Remaining, 1000-66)
	}
}

// TestRateLimitAnswersLate: a take that is given up while it is under way is answered,
// so that the limiter can undo it.
func TestRateLimitAnswersLate(t *testing.T) {
	c, s, _ := counted(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	giveUp := func(query string) {
		if strings.HasPrefix(query, "INSERT INTO guard_counts") {
			cancel()
		}
	}
	c.before.Store(&giveUp)
	take := ratelimit.Take{Limit: minutely(5), Key: "k", Cost: 1}
	states, err := s.Take(ctx, []ratelimit.Take{take})
	if err != nil || states[0].RetryAfter != 0 {
		t.Fatalf("%+v, %v", states, err)
	}
	if err := s.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, Stamp: states[0].Stamp}}); err != nil {
		t.Fatal(err)
	}
	take.Cost = 0
	if st := mustTake(t, s, take)[0]; st.Remaining != 5 {
		t.Errorf("%+v", st)
	}
}

// TestRateLimitCopies: what a process remembers of counts is bounded.
func TestRateLimitCopies(t *testing.T) {
	if n := sqlstore.FillCopies(100_000); n > 16<<10 || n < 8<<10 {
		t.Errorf("%d copies after 100,000 counts, want 8,192 to 16,384", n)
	}
}
