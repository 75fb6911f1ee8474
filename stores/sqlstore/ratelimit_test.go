package sqlstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

func TestRateLimits(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b backend) {
		c := harness.NewClock()
		s, _ := b.stores(t, &sqlstore.Options{Now: c.Now})
		limits := s.RateLimits()
		ratelimittest.Run(t, func(*testing.T) ratelimit.Store { return limits }, c)
	})
}

// processes is a store whose calls are those of several processes at random. Their
// takes are Fresh: a refusal by a copy may be a second old.
type processes struct {
	mu     sync.Mutex
	rnd    *rand.Rand
	stores []ratelimit.Store
}

func (p *processes) any() ratelimit.Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stores[p.rnd.IntN(len(p.stores))]
}

func (p *processes) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	for i := range takes {
		takes[i].Fresh = true
	}
	return p.any().Take(ctx, takes)
}

func (p *processes) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	return p.any().GiveBack(ctx, taken)
}

// TestRateLimitTraces: in random traces of several counts whose quotas change, no limit
// is exceeded, none refuses what it grants, and no RetryAfter is wrong: those of one
// process, and of three.
func TestRateLimitTraces(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b backend) {
		n := map[sqlstore.Dialect]int{sqlstore.PostgreSQL: 150, sqlstore.MySQL: 150, sqlstore.SQLite: 300}[b.dialect]
		if race.Enabled {
			n /= 10
		}
		c := harness.NewClock()
		opts := &sqlstore.Options{Now: c.Now}
		s, p := b.stores(t, opts)
		ratelimittest.Traces(t, s.RateLimits(), c, 0, n/3)
		three := &processes{rnd: rand.New(rand.NewPCG(1, 2)), stores: []ratelimit.Store{
			s.RateLimits(), b.in(t, p, opts).RateLimits(), b.in(t, p, opts).RateLimits(),
		}}
		ratelimittest.Traces(t, three, c, n/3, n-n/3)
	})
}

// takeInParallel takes 64 times in parallel, by each of three processes, and returns
// how many takes were granted.
func takeInParallel(t *testing.T, processes []ratelimit.Store, takes func(n int64) []ratelimit.Take) int64 {
	t.Helper()
	var granted, next atomic.Int64
	var wg sync.WaitGroup
	for _, s := range processes {
		for range 64 {
			wg.Go(func() {
				states, err := s.Take(t.Context(), takes(next.Add(1)))
				if err != nil {
					t.Error(err)
					return
				}
				for _, st := range states {
					if st.RetryAfter > 0 {
						return
					}
				}
				granted.Add(1)
			})
		}
	}
	wg.Wait()
	return granted.Load()
}

// TestRateLimitHotKeys: parallel takes of three processes are all answered, and together
// grant exactly the quota, under every isolation level: those from one count, and those
// from two, which some name in another order.
func TestRateLimitHotKeys(t *testing.T) {
	for _, b := range backends {
		for _, level := range levels {
			if b.dialect == sqlstore.SQLite && level != "SERIALIZABLE" {
				continue // it has one level
			}
			t.Run(b.name+"/"+level, func(t *testing.T) {
				t.Parallel()
				_, p := b.stores(t, nil)
				var three []ratelimit.Store
				for range 3 {
					s := b.in(t, p, nil)
					if b.dialect != sqlstore.SQLite {
						s = b.withIsolation(t, p, level)
					}
					three = append(three, s.RateLimits())
				}
				for _, quota := range []int64{10, 1000} {
					one := func(int64) []ratelimit.Take {
						return []ratelimit.Take{{Limit: minutely(int(quota)), Key: fmt.Sprint(quota), Cost: 1}}
					}
					two := func(n int64) []ratelimit.Take {
						takes := []ratelimit.Take{
							{Limit: minutely(int(quota)), Key: fmt.Sprint("a", quota), Cost: 1},
							{Limit: minutely(2000), Key: fmt.Sprint("b", quota), Cost: 1},
						}
						if n%2 == 0 {
							takes[0], takes[1] = takes[1], takes[0]
						}
						return takes
					}
					for _, takes := range []func(int64) []ratelimit.Take{one, two} {
						if n, want := takeInParallel(t, three, takes), min(quota, 3*64); n != want {
							t.Errorf("%d of 192 takes of %d were granted, want %d", n, quota, want)
						}
					}
				}
			})
		}
	}
}

// TestRateLimitClocks: a unit counts for a window by the clock that is ahead. A process
// whose clock is behind grants nothing early, and its units count for no shorter.
func TestRateLimitClocks(t *testing.T) {
	b := backends[2]
	ahead, behind := harness.NewClock(), harness.NewClock()
	ahead.Advance(10 * time.Minute)
	s, p := b.stores(t, &sqlstore.Options{Now: ahead.Now})
	first, second := s.RateLimits(), b.in(t, p, &sqlstore.Options{Now: behind.Now}).RateLimits()
	for _, quota := range []int{5, 20} {
		take := ratelimit.Take{Limit: minutely(quota), Key: "k" + fmt.Sprint(quota), Cost: 2}
		mustTake(t, first, take)
		take.Cost = 1
		for left := quota - 3; left >= 0; left-- {
			if st := mustTake(t, second, take)[0]; st.RetryAfter != 0 || st.Remaining != left || st.Reset < 10*time.Minute {
				t.Fatalf("quota %d, %d left: %+v", quota, left, st)
			}
		}
		if st := mustTake(t, second, take)[0]; st.RetryAfter < 10*time.Minute {
			t.Errorf("quota %d, by the clock that is behind: %+v", quota, st)
		}
		take.Fresh = true
		if st := mustTake(t, first, take)[0]; st.RetryAfter < 59*time.Second {
			t.Errorf("quota %d, by the clock that is ahead: %+v", quota, st)
		}
	}
	bucket := ratelimit.Take{Limit: minutely(2), Key: "bucket", Cost: 2}
	bucket.Limit.Algorithm = ratelimit.GCRA
	mustTake(t, first, bucket)
	bucket.Cost = 1
	if st := mustTake(t, second, bucket)[0]; st.RetryAfter != 10*time.Minute+30*time.Second {
		t.Errorf("a bucket by the clock that is behind: %+v", st)
	}
}

// TestRateLimitGiveBackAfterReset: units that were taken before a reset are not given
// back to the takes after it, also in another process.
func TestRateLimitGiveBackAfterReset(t *testing.T) {
	b := backends[2]
	clock := harness.NewClock()
	opts := &sqlstore.Options{Now: clock.Now}
	s, p := b.stores(t, opts)
	first, second := s.RateLimits(), b.in(t, p, opts).RateLimits()
	bucket := minutely(5)
	bucket.Algorithm = ratelimit.GCRA
	day := ratelimit.Limit{Name: "day", Quota: 5, Calendar: ratelimit.Daily(nil)}
	for _, limit := range []ratelimit.Limit{minutely(5), minutely(100), bucket, day} {
		take := ratelimit.Take{Limit: limit, Key: "k", Cost: 2, Fresh: true}
		if limit == day {
			take.Since, take.Until = clock.Now(), clock.Now().Add(time.Hour)
		}
		before := mustTake(t, first, take)[0]
		if err := second.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, All: true}}); err != nil {
			t.Fatal(err)
		}
		after := mustTake(t, second, take)[0]
		for _, stamp := range []int64{before.Stamp, 0, -1} {
			if err := first.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, Stamp: stamp}}); err != nil {
				t.Fatal(err)
			}
		}
		take.Cost = 0
		if st := mustTake(t, first, take)[0]; st.Remaining != after.Remaining || st.Remaining != limit.Quota-2 {
			t.Errorf("%+v: %+v, want as many remaining as in %+v", limit, st, after)
		}
	}
}

// TestRateLimitAskingBesideTaking: a take of cost 0 refuses the others of its call by
// what another process has taken.
func TestRateLimitAskingBesideTaking(t *testing.T) {
	s, p := backends[2].stores(t, nil)
	here, elsewhere := s.RateLimits(), backends[2].in(t, p, nil).RateLimits()
	full, other := ratelimit.Take{Limit: minutely(5), Key: "full", Cost: 1}, ratelimit.Take{Limit: minutely(5), Key: "other", Cost: 1}
	mustTake(t, here, full)
	mustTake(t, here, other)
	full.Cost = 4
	mustTake(t, elsewhere, full)
	full.Cost = 0
	if st := mustTake(t, here, full, other); st[0].RetryAfter == 0 || st[1].Remaining != 4 {
		t.Errorf("%+v", st)
	}
}

// TestRateLimitPeriodEnds: after the end of a period, what was taken in it counts for
// the processes whose clocks are behind.
func TestRateLimitPeriodEnds(t *testing.T) {
	clock := harness.NewClock()
	s, _ := backends[2].stores(t, &sqlstore.Options{Now: clock.Now})
	limits, day := s.RateLimits(), ratelimit.Limit{Name: "day", Quota: 5, Calendar: ratelimit.Daily(nil)}
	take := ratelimit.Take{Limit: day, Key: "k", Cost: 3, Since: clock.Now(), Until: clock.Now().Add(time.Second)}
	mustTake(t, limits, take)
	clock.Advance(2 * time.Second)
	take.Cost = 2
	if st := mustTake(t, limits, take)[0]; st.RetryAfter != 0 || st.Remaining != 0 {
		t.Errorf("the last two of five: %+v", st)
	}
	take.Cost = 1
	if st := mustTake(t, limits, take)[0]; st.RetryAfter <= 0 || st.Reset <= 0 {
		t.Errorf("the sixth: %+v", st)
	}
}

// TestRateLimitSize: the row of a count has a bounded size, whatever its takes are.
func TestRateLimitSize(t *testing.T) {
	clock := harness.NewClock()
	s, p := backends[2].stores(t, &sqlstore.Options{Now: clock.Now})
	limits, db := s.RateLimits(), p.open(t)
	for i := range 500 {
		for key, quotas := range map[string][]int{"one": {5}, "several": {5, 100, 16}} {
			quota := quotas[i%len(quotas)]
			mustTake(t, limits, ratelimit.Take{Limit: minutely(quota), Key: key, Cost: 1, Force: true})
		}
		clock.Advance(100 * time.Millisecond)
	}
	var n int
	if err := db.QueryRow("SELECT MAX(LENGTH(state)) FROM guard_counts").Scan(&n); err != nil || n > 300 || n < 100 {
		t.Errorf("a state of %d bytes, %v; want at most 300", n, err)
	}
}

// TestRateLimitSweep: a count is deleted a minute or two after nothing in it counts any
// more, by Sweep or by the inserts of others.
func TestRateLimitSweep(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		c := harness.NewClock()
		s, p := b.stores(t, &sqlstore.Options{Now: c.Now})
		limits, db := s.RateLimits(), p.open(t)
		flight := ratelimit.Limit{Name: "flight", Quota: 5, Window: time.Minute, Algorithm: ratelimit.InFlight}
		bucket := minutely(5)
		bucket.Algorithm = ratelimit.GCRA
		hundred := minutely(100)
		hundred.Name = "hundred"
		for _, l := range []ratelimit.Limit{minutely(5), hundred, bucket, flight} {
			mustTake(t, limits, ratelimit.Take{Limit: l, Key: "k", Cost: 5, Call: "call"})
		}
		day := ratelimit.Limit{Name: "day", Quota: 5, Calendar: ratelimit.Daily(nil)}
		mustTake(t, limits, ratelimit.Take{Limit: day, Key: "k", Cost: 5, Since: c.Now(), Until: c.Now().Add(time.Minute)})
		left := func(after time.Duration, want int) {
			t.Helper()
			c.Advance(after)
			if _, err := s.Sweep(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "guard_counts"); n != want {
				t.Errorf("%d counts are left, want %d", n, want)
			}
		}
		left(time.Minute+59*time.Second, 5)
		left(2*time.Minute, 0)
		if st := mustTake(t, limits, ratelimit.Take{Limit: minutely(5), Key: "k", Cost: 5}); st[0].RetryAfter != 0 {
			t.Errorf("after the sweep: %+v", st)
		}
		for i := range 300 {
			mustTake(t, limits, ratelimit.Take{Limit: minutely(5), Key: fmt.Sprint(i), Cost: 1})
			c.Advance(2 * time.Second)
		}
		if n := count(t, db, "guard_counts"); n > 250 {
			t.Errorf("%d counts are left after 300 takes in ten minutes", n)
		}
	})
}

// TestRateLimitUnknownFormat: a state that this version cannot read is an outage, and
// grants nothing.
func TestRateLimitUnknownFormat(t *testing.T) {
	s, p := backends[2].stores(t, nil)
	limits, db := s.RateLimits(), p.open(t)
	take := ratelimit.Take{Limit: minutely(5), Key: "k", Cost: 1}
	for _, state := range []string{"x''", "x'02'", "x'01ff'", "x'010001ff'", "x'01000102'", "x'010001ffffffffffffffffff01'", "x'01000102ffffffffff01'"} {
		mustTake(t, limits, take)
		if _, err := db.Exec("UPDATE guard_counts SET state = " + state); err != nil {
			t.Fatal(err)
		}
		for _, s := range []ratelimit.Store{limits, s.RateLimits()} {
			take.Fresh = s == limits
			if _, err := s.Take(t.Context(), []ratelimit.Take{take}); status(err) != 503 {
				t.Errorf("%s: %v", state, err)
			}
			if err := s.GiveBack(t.Context(), []ratelimit.Taken{{Take: take}}); status(err) != 503 {
				t.Errorf("%s: %v", state, err)
			}
		}
		if _, err := db.Exec("DELETE FROM guard_counts"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRateLimitInvalidTakes: an invalid take is an error, and takes nothing.
func TestRateLimitInvalidTakes(t *testing.T) {
	s, p := backends[2].stores(t, nil)
	limits, valid := s.RateLimits(), ratelimit.Take{Limit: minutely(5), Key: "k", Cost: 1}
	flight := ratelimit.Limit{Name: "flight", Quota: 5, Window: time.Minute, Algorithm: ratelimit.InFlight}
	day := ratelimit.Limit{Name: "day", Quota: 5, Calendar: ratelimit.Daily(nil)}
	for name, take := range map[string]ratelimit.Take{
		"no key":         {Limit: minutely(5), Cost: 1},
		"no quota":       {Limit: minutely(0), Key: "k", Cost: 1},
		"no window":      {Limit: ratelimit.Limit{Name: "x", Quota: 5}, Key: "k", Cost: 1},
		"negative":       {Limit: minutely(5), Key: "k", Cost: -1},
		"too much":       {Limit: minutely(5), Key: "k", Cost: 6},
		"too much force": {Limit: minutely(5), Key: "k", Cost: 1<<30 + 1, Force: true},
		"no call":        {Limit: flight, Key: "k", Cost: 1},
		"forced":         {Limit: flight, Key: "k", Cost: 1, Call: "call", Force: true},
		"no period":      {Limit: day, Key: "k", Cost: 1},
	} {
		if _, err := limits.Take(t.Context(), []ratelimit.Take{valid, take}); err == nil || status(err) != 500 {
			t.Errorf("%s: Take: %v", name, err)
		}
		if err := limits.GiveBack(t.Context(), []ratelimit.Taken{{Take: valid}, {Take: take}}); err == nil || status(err) != 500 {
			t.Errorf("%s: GiveBack: %v", name, err)
		}
	}
	if _, err := limits.Take(t.Context(), make([]ratelimit.Take, 17)); err == nil {
		t.Error("17 takes")
	}
	if _, err := limits.Take(t.Context(), []ratelimit.Take{valid, valid}); err == nil {
		t.Error("two takes from one count")
	}
	if states, err := limits.Take(t.Context(), nil); err != nil || len(states) != 0 {
		t.Error("no takes:", states, err)
	}
	if n := count(t, p.open(t), "guard_counts"); n != 0 {
		t.Errorf("%d counts", n)
	}
}

// TestEmptiedCountHasAnotherLife: what was taken before a reset is not given back, however
// often an account signs in.
func TestEmptiedCountHasAnotherLife(t *testing.T) {
	seen := map[uint16]int{}
	var row []byte
	for n := range 10000 {
		life, next, err := sqlstore.NextLife(row)
		if err != nil || life == 0 {
			t.Fatalf("life %d, error %v", life, err)
		}
		if last, ok := seen[life]; ok && n-last < 4095 {
			t.Fatalf("life %d was that of %d resets ago", life, n-last)
		}
		seen[life], row = n, next
	}
}
