package redisstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// TestRefusalDoesNotWrite: a refusal writes nothing, and a server that accepts no writes
// still refuses.
func TestRefusalDoesNotWrite(t *testing.T) {
	srv := startServer(t)
	c := newClient(t, srv.addr)
	for _, limit := range []ratelimit.Limit{
		{Name: "exact", Quota: 16, Window: time.Hour},
		{Name: "counted", Quota: 20, Window: time.Hour},
		{Name: "gcra", Quota: 20, Window: time.Hour, Algorithm: ratelimit.GCRA},
		{Name: "calendar", Quota: 20, Calendar: ratelimit.Daily(nil)},
		{Name: "flight", Quota: 20, Window: time.Hour, Algorithm: ratelimit.InFlight},
	} {
		for _, fresh := range []bool{true, false} {
			quota := limit.Quota
			take := ratelimit.Take{Limit: limit, Key: "k", Cost: quota, Fresh: fresh, Call: "call"}
			if fresh {
				take.Slot = "login"
			}
			if limit.Window == 0 {
				take.Since, take.Until = time.UnixMilli(0), time.Now().Add(time.Hour)
			}
			s := newStoresAt(t, srv.addr).RateLimits()
			if st := mustTake(t, s, take); st.RetryAfter != 0 || st.Remaining != 0 {
				t.Fatalf("%s: %+v", limit.Name, st)
			}
			take.Cost, take.Call = 1, "another"
			before := writes(t, c)
			for range 10 {
				if st := mustTake(t, s, take); st.RetryAfter <= 0 {
					t.Fatalf("%s: %+v", limit.Name, st)
				}
			}
			// Unless it is fresh, the first take is added and subtracted again.
			if n := writes(t, c) - before; n > 2 || (fresh || limit.Name != "counted") && n > 0 {
				t.Errorf("%s, fresh %t: 10 refusals are %d writes", limit.Name, fresh, n)
			}
			if err := c.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
			if st := mustTake(t, newStoresAt(t, srv.addr).RateLimits(), take); st.RetryAfter <= 0 {
				t.Errorf("%s, fresh %t, full: %+v", limit.Name, fresh, st)
			}
			take.Key = "other"
			if st, err := s.Take(t.Context(), []ratelimit.Take{take}); err == nil {
				t.Errorf("%s, fresh %t: a full server grants %+v", limit.Name, fresh, st)
			}
			if err := c.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// writes returns how often the server's keys were changed.
func writes(t *testing.T, c *redis.Client) int {
	t.Helper()
	info, err := c.InfoMap(t.Context(), "persistence").Result()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(info["Persistence"]["rdb_changes_since_last_save"])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSlowRefusalIsNotCachedLonger: a refusal is cached from the time at which Redis was
// asked, not from that at which a slow answer came. What it says counts from the answer.
func TestSlowRefusalIsNotCachedLonger(t *testing.T) {
	stores, c, _ := newStores(t)
	start := time.Now()
	var elapsed time.Duration // by the clock of this process
	redisstore.SetClock(stores, func() time.Time { return start.Add(elapsed) })
	var late time.Duration
	asked := 0
	c.AddHook(hook(func(_ int, next func() error) error {
		err := next()
		elapsed += late
		asked++
		return err
	}))
	s := stores.RateLimits()
	take := ratelimit.Take{Limit: ratelimit.Limit{Name: "slow", Quota: 1, Window: time.Minute}, Key: "k", Cost: 1}
	mustTake(t, s, take)
	for _, tt := range []struct {
		late   time.Duration
		cached bool
	}{{0, true}, {999 * time.Millisecond, true}, {time.Second, false}, {time.Hour, false}} {
		elapsed += time.Minute // what was cached is over
		late = tt.late
		first := mustTake(t, s, take)
		late = 0
		before := asked
		st := mustTake(t, s, take)
		if cached := asked == before; cached && st.RetryAfter != first.RetryAfter || st.RetryAfter <= 0 {
			t.Errorf("%v: %+v after %+v", tt.late, st, first)
		} else if cached != tt.cached {
			t.Errorf("after an answer that took %v, cached: %t", tt.late, cached)
		}
	}
}

// TestRefusalDuringGiveBackIsNotCached: a refusal is not cached if something is given
// back while its reply is in transit.
func TestRefusalDuringGiveBackIsNotCached(t *testing.T) {
	stores, c, _ := newStores(t)
	var before, after func() // called before and after the next command
	c.AddHook(hook(func(_ int, next func() error) error {
		if f := before; f != nil {
			before = nil
			f()
		}
		f := after
		after = nil
		err := next()
		if f != nil {
			f()
		}
		return err
	}))
	s := stores.RateLimits()
	take := ratelimit.Take{Limit: ratelimit.Limit{Name: "back", Quota: 20, Window: time.Hour}, Cost: 20}
	for name, test := range map[string]func(one ratelimit.Take, back func()){
		"refused after it was sent": func(one ratelimit.Take, back func()) {
			before = func() {
				if st := mustTake(t, s, one); st.RetryAfter <= 0 {
					t.Errorf("before it was given back: %+v", st)
				}
			}
			back()
		},
		"given back before the answer came": func(one ratelimit.Take, back func()) {
			after = back
			if st := mustTake(t, s, one); st.RetryAfter <= 0 {
				t.Errorf("before it was given back: %+v", st)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			take.Key = name
			taken := ratelimit.Taken{Take: take, Stamp: mustTake(t, s, take).Stamp}
			one := take
			one.Cost = 1
			test(one, func() {
				if err := s.GiveBack(t.Context(), []ratelimit.Taken{taken}); err != nil {
					t.Error(err)
				}
			})
			if before != nil || after != nil {
				t.Error("the hook was not called")
			}
			if st := mustTake(t, s, one); st.RetryAfter != 0 || st.Remaining != 19 {
				t.Errorf("after it was given back: %+v", st)
			}
		})
	}
}

// TestRefusalIsCachedPerCost: the refusal of one cost does not apply to another cost.
func TestRefusalIsCachedPerCost(t *testing.T) {
	k, clock := newClocked(t), &harness.Clock{Time: time.Now().Add(time.Hour)}
	s := k.at(clock, clock.Now)
	take := ratelimit.Take{Limit: ratelimit.Limit{Name: "cost", Quota: 2, Window: time.Minute}, Key: "k", Cost: 1}
	mustTake(t, s, take)
	clock.Advance(50 * time.Millisecond)
	mustTake(t, s, take)
	one := mustTake(t, s, take)
	take.Cost = 2
	two := mustTake(t, s, take)
	if elsewhere := mustTake(t, k.at(clock, clock.Now), take); two.RetryAfter != elsewhere.RetryAfter || two.RetryAfter != one.RetryAfter+50*time.Millisecond {
		t.Errorf("one in %v, two in %v; by Redis in %v", one.RetryAfter, two.RetryAfter, elsewhere.RetryAfter)
	}
}

// TestRefusalEndsAfterReset: a refusal that one process has cached ends within a second
// of a reset in another process, and at once for a quota that was raised.
func TestRefusalEndsAfterReset(t *testing.T) {
	stores, _, prefix := newStores(t)
	a, other := stores.RateLimits(), reopen(t, prefix)
	clock := &harness.Clock{Time: time.Now()}
	redisstore.SetClock(other, clock.Now)
	b := other.RateLimits()
	day := ratelimit.Limit{Name: "day", Quota: 3, Window: 24 * time.Hour}
	bucket := ratelimit.Limit{Name: "day", Quota: 3, Window: 24 * time.Hour, Algorithm: ratelimit.GCRA}
	for _, limit := range []ratelimit.Limit{day, bucket} {
		raised := limit
		if limit == day {
			raised.Quota = 4
		} else {
			raised.Burst = 4
		}
		take := ratelimit.Take{Limit: limit, Key: "k", Cost: 1}
		refused := func(want bool) {
			t.Helper()
			if st := mustTake(t, b, take); st.RetryAfter > 0 != want {
				t.Fatalf("refused %t, want %t: %+v", !want, want, st)
			}
		}
		for range 3 {
			refused(false)
		}
		refused(true)
		take.Limit = raised
		refused(false)
		refused(true)
		take.Limit = limit
		refused(true)
		if err := a.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, All: true}}); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Second - 1)
		refused(true) // the cached one
		clock.Advance(1)
		refused(false)
		for range 2 {
			refused(false)
		}
		refused(true)
		if err := b.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, All: true}}); err != nil {
			t.Fatal(err)
		}
		refused(false)
	}
}
