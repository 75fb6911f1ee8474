package redisstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/ratelimit"
)

// TestRefusalDoesNotWrite: a refusal writes nothing, and a server that accepts no writes
// still refuses.
func TestRefusalDoesNotWrite(t *testing.T) {
	srv := startServer(t)
	c := newClient(t, srv.addr)
	for _, quota := range []int{16, 20} {
		for _, fresh := range []bool{true, false} {
			take := ratelimit.Take{Limit: ratelimit.Limit{Name: "full", Quota: quota, Window: time.Minute}, Key: "k", Cost: quota, Fresh: fresh}
			s := newStoresAt(t, srv.addr).RateLimits()
			mustTake(t, s, take)
			take.Cost = 1
			before := writes(t, c)
			for range 10 {
				if st := mustTake(t, s, take); st.RetryAfter <= 0 {
					t.Fatalf("quota %d: %+v", quota, st)
				}
			}
			// Unless it is fresh, the first take is added and subtracted again.
			if n := writes(t, c) - before; n > 2 || fresh && n > 0 {
				t.Errorf("quota %d, fresh %t: 10 refusals are %d writes", quota, fresh, n)
			}
			if err := c.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
			if st := mustTake(t, newStoresAt(t, srv.addr).RateLimits(), take); st.RetryAfter <= 0 {
				t.Errorf("quota %d, fresh %t, full: %+v", quota, fresh, st)
			}
			take.Key = "other"
			if st, err := s.Take(t.Context(), []ratelimit.Take{take}); err == nil {
				t.Errorf("quota %d, fresh %t: a full server grants %+v", quota, fresh, st)
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
	stores, _, prefix := newStores(t)
	s := stores.RateLimits()
	take := ratelimit.Take{Limit: ratelimit.Limit{Name: "cost", Quota: 2, Window: time.Minute}, Key: "k", Cost: 1}
	mustTake(t, s, take)
	time.Sleep(50 * time.Millisecond) // the test cannot set the server's clock
	mustTake(t, s, take)
	one := mustTake(t, s, take)
	take.Cost = 2
	two := mustTake(t, s, take)
	if elsewhere := mustTake(t, reopen(t, prefix).RateLimits(), take); two.RetryAfter < elsewhere.RetryAfter || two.RetryAfter < one.RetryAfter+40*time.Millisecond {
		t.Errorf("one in %v, two in %v; by Redis in %v", one.RetryAfter, two.RetryAfter, elsewhere.RetryAfter)
	}
}
