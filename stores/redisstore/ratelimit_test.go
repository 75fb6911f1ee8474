package redisstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// TestRateLimitGrantsExactlyQuota: eight processes together grant exactly the quota.
func TestRateLimitGrantsExactlyQuota(t *testing.T) {
	_, _, prefix := newStores(t)
	for _, limit := range []ratelimit.Limit{
		{Name: "exact", Quota: 5, Window: time.Hour},
		{Name: "counted", Quota: 100, Window: time.Hour},
		{Name: "gcra", Quota: 5, Window: time.Hour, Algorithm: ratelimit.GCRA},
	} {
		t.Run(limit.Name, func(t *testing.T) {
			var granted atomic.Int64
			var wg sync.WaitGroup
			for range 8 {
				s := reopen(t, prefix).RateLimits()
				for range 64 {
					wg.Go(func() {
						states, err := s.Take(t.Context(), []ratelimit.Take{{Limit: limit, Key: "key", Cost: 1}})
						if err != nil {
							t.Error(err)
						} else if states[0].RetryAfter == 0 {
							granted.Add(1)
						}
					})
				}
			}
			wg.Wait()
			if n := granted.Load(); n != int64(limit.Quota) {
				t.Errorf("%d of 512 were granted, want %d", n, limit.Quota)
			}
		})
	}
}

// TestRateLimitSlidingWindow: with takes counted in intervals of a sixteenth of the
// window, no window contains more than the quota, and a take is refused only if the
// window and one interval before it are full, whatever is taken and given back.
func TestRateLimitSlidingWindow(t *testing.T) {
	stores, _, _ := newStores(t)
	s := stores.RateLimits()
	limit := ratelimit.Limit{Name: "sixteenths", Quota: 60, Window: 320 * time.Millisecond}
	step := limit.Window / 16
	type grant struct {
		from, to time.Time // before and after the take
		cost     int
		taken    ratelimit.Taken
	}
	const slack = 5 * time.Millisecond // Redis rounds to milliseconds, and there are two clocks
	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for key := range 4 {
		var log []grant
		granted, refused, joined, undone := 0, 0, 0, 0
		shows := func() bool { return granted >= 10 && refused > 0 && joined > 0 && undone > 0 }
		for end := time.Now().Add(6 * limit.Window); time.Now().Before(end) || !shows(); { // a stall may be longer
			if len(log) > 0 && rng.IntN(4) == 0 {
				i := rng.IntN(len(log))
				if g := log[i]; time.Since(g.from) < limit.Window-slack { // certainly still counts
					if err := s.GiveBack(t.Context(), []ratelimit.Taken{g.taken}); err != nil {
						t.Fatal(err)
					}
					log = slices.Delete(log, i, i+1)
					undone++
				}
				continue
			}
			take := ratelimit.Take{Limit: limit, Key: strconv.Itoa(key), Cost: 1 + rng.IntN(9), Fresh: key == 0}
			from := time.Now()
			states, err := s.Take(t.Context(), []ratelimit.Take{take})
			to := time.Now()
			if err != nil {
				t.Fatal(err)
			}
			must, may := 0, 0 // units that must count now, units that may
			for _, g := range log {
				if to.Add(slack).Before(g.from.Add(limit.Window)) {
					must += g.cost
				}
				if from.Add(-slack).Before(g.to.Add(limit.Window + step)) {
					may += g.cost
				}
			}
			st := states[0]
			if st.RetryAfter > 0 {
				refused++
				if may+take.Cost <= limit.Quota {
					t.Fatalf("refused %d where at most %d of %d count: %+v", take.Cost, may, limit.Quota, st)
				}
				continue
			}
			if granted++; must+take.Cost > limit.Quota {
				t.Fatalf("granted %d where %d of %d count: %+v", take.Cost, must, limit.Quota, st)
			}
			if left := limit.Quota - take.Cost; st.Remaining > left-must || st.Remaining < left-may {
				t.Fatalf("%d are left after a take of %d where %d to %d count: %+v", st.Remaining, take.Cost, must, may, st)
			}
			if st.Reset < limit.Window-slack || st.Reset > limit.Window+step+slack {
				t.Fatalf("all units expire in %v", st.Reset)
			}
			if len(log) > 0 && log[len(log)-1].taken.Stamp == st.Stamp {
				joined++
			}
			log = append(log, grant{from, to, take.Cost, ratelimit.Taken{Take: take, Stamp: st.Stamp}})
			time.Sleep(time.Duration(rng.IntN(8)) * time.Millisecond) // the test cannot set the server's clock
		}
	}
}

// TestRateLimitCountExpires: a count expires with its last unit, and neither a refusal
// nor a take that was given back changes that.
func TestRateLimitCountExpires(t *testing.T) {
	k := newClocked(t)
	clock := &harness.Clock{Time: time.Now().Add(2 * time.Minute).Truncate(time.Minute)} // all takes are in one interval
	c, s := k.c, k.at(clock, clock.Now)
	limit := ratelimit.Limit{Name: "counted", Quota: 20, Window: time.Minute}
	take := ratelimit.Take{Limit: limit, Key: "k", Cost: 15}
	expires := func(after string) {
		t.Helper()
		keys, err := c.Keys(t.Context(), k.prefix+":c*").Result()
		if err != nil || len(keys) != 1 {
			t.Fatal(after, keys, err)
		}
		at, err := c.PExpireTime(t.Context(), keys[0]).Result()
		left, most := at-time.Duration(clock.UnixNano()), limit.Window*17/16
		if err != nil || left > most || left < limit.Window {
			t.Errorf("after %s the key lives for %v, %v; want %v to %v", after, left, err, limit.Window, most)
		}
	}
	granted := mustTake(t, s, take)
	expires("the first take")
	if st := mustTake(t, s, take); st.RetryAfter <= 0 || st.Remaining != 5 {
		t.Errorf("a refused take: %+v", st)
	}
	expires("a refused one")
	take.Cost = 5
	if st := mustTake(t, s, take); st.RetryAfter != 0 || st.Remaining != 0 {
		t.Errorf("one that joins: %+v", st)
	}
	expires("one that joins")
	taken := ratelimit.Taken{Take: take, Stamp: granted.Stamp}
	if err := s.GiveBack(t.Context(), []ratelimit.Taken{taken}); err != nil {
		t.Fatal(err)
	}
	expires("giving back")
	if st := mustTake(t, s, ratelimit.Take{Limit: limit, Key: "k"}); st.Remaining != 5 {
		t.Errorf("after giving back: %+v", st)
	}
	taken.Cost = 20
	for range 2 {
		if err := s.GiveBack(t.Context(), []ratelimit.Taken{taken}); err != nil {
			t.Fatal(err)
		}
	}
	if st := mustTake(t, s, ratelimit.Take{Limit: limit, Key: "k"}); st.Remaining != 20 {
		t.Errorf("after giving back more than was taken: %+v", st)
	}
}

// TestRateLimitClockRunsBackwards: after a failover to a server whose clock is behind,
// a unit counts for longer than a window, and so do those taken meanwhile.
func TestRateLimitClockRunsBackwards(t *testing.T) {
	stores, c, prefix := newStores(t)
	s := stores.RateLimits()
	const behind = 10 * time.Minute
	for _, quota := range []int{5, 20} {
		take := ratelimit.Take{Limit: ratelimit.Limit{Name: "back", Quota: quota, Window: time.Minute}, Key: strconv.Itoa(quota), Cost: 2}
		mustTake(t, s, take)
		keys, err := c.Keys(t.Context(), prefix+":c{"+take.Key+"}*").Result()
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		// Instead of the clock, the times in the count are moved.
		const ahead = `
local at, n = struct.unpack('>I8I4', ARGV[1] == 'hash' and redis.call('HGET', KEYS[1], 'v') or redis.call('GET', KEYS[1]))
local v = struct.pack('>I8I4', at + ARGV[2], n)
if ARGV[1] == 'hash' then redis.call('HSET', KEYS[1], 'v', v) else redis.call('SET', KEYS[1], v) end
return redis.call('PEXPIREAT', KEYS[1], math.ceil((at + ARGV[2]) / 1000))`
		kind := c.Type(t.Context(), keys[0]).Val()
		if err := c.Eval(t.Context(), ahead, keys, kind, behind.Microseconds()).Err(); err != nil {
			t.Fatal(err)
		}
		for left := quota - 3; left >= 0; left-- {
			take.Cost = 1
			if st := mustTake(t, s, take); st.RetryAfter != 0 || st.Remaining != left || st.Reset < behind {
				t.Fatalf("quota %d, %d left: %+v", quota, left, st)
			}
		}
		if st := mustTake(t, s, take); st.RetryAfter < behind {
			t.Errorf("quota %d, all taken: %+v", quota, st)
		}
	}
}

func mustTake(t *testing.T, s ratelimit.Store, take ratelimit.Take) ratelimit.State {
	t.Helper()
	states, err := s.Take(t.Context(), []ratelimit.Take{take})
	if err != nil {
		t.Fatal(err)
	}
	return states[0]
}

// TestRateLimitGiveBackDeletesEmptyCount: takes that are given back use no memory.
func TestRateLimitGiveBackDeletesEmptyCount(t *testing.T) {
	stores, c, prefix := newStores(t)
	s := stores.RateLimits()
	for _, quota := range []int{5, 20} {
		take := ratelimit.Take{Limit: ratelimit.Limit{Name: "gone", Quota: quota, Window: time.Hour}, Key: "k", Cost: 1, Fresh: true}
		back := func(st ratelimit.State) {
			t.Helper()
			if err := s.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, Stamp: st.Stamp}}); err != nil {
				t.Fatal(err)
			}
		}
		first := mustTake(t, s, take)
		for range 100 {
			back(mustTake(t, s, take))
		}
		keys, err := c.Keys(t.Context(), prefix+":c*").Result()
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		if n := c.MemoryUsage(t.Context(), keys[0]).Val(); n > 300 {
			t.Errorf("quota %d: one that failed and 100 that did not take %d bytes", quota, n)
		}
		back(first)
		take.Cost = 0
		if st := mustTake(t, s, take); st.Remaining != quota || st.Reset != 0 {
			t.Errorf("quota %d: %+v where nothing is left", quota, st)
		}
		if n := c.Exists(t.Context(), keys[0]).Val(); n != 0 {
			t.Errorf("quota %d: the key is still there", quota)
		}
	}
}

// TestRateLimitEntriesExpire: the entry of every kind of count expires when nothing in it
// counts any more, the count of a period a minute later.
func TestRateLimitEntriesExpire(t *testing.T) {
	stores, c, prefix := newStores(t)
	s := stores.RateLimits()
	for _, tt := range []struct {
		limit ratelimit.Limit
		want  time.Duration
	}{
		{ratelimit.Limit{Name: "exact", Quota: 5, Window: time.Hour}, time.Hour},
		{ratelimit.Limit{Name: "gcra", Quota: 4, Window: time.Hour, Algorithm: ratelimit.GCRA}, 30 * time.Minute},
		{ratelimit.Limit{Name: "flight", Quota: 5, Window: time.Hour, Algorithm: ratelimit.InFlight}, time.Hour},
		{ratelimit.Limit{Name: "day", Quota: 5, Calendar: ratelimit.Daily(nil)}, time.Hour + time.Minute},
		{ratelimit.Limit{Name: "past", Quota: 5, Calendar: ratelimit.Daily(nil)}, time.Minute},
	} {
		take := ratelimit.Take{Limit: tt.limit, Key: "k", Cost: 2, Call: "call"}
		switch tt.limit.Name {
		case "day":
			take.Since, take.Until = time.UnixMilli(0), time.Now().Add(time.Hour)
		case "past": // the clock of this process is behind
			take.Since, take.Until = time.UnixMilli(0), time.Now().Add(-time.Hour)
		}
		for _, cost := range []int{2, 0} {
			take.Cost = cost
			mustTake(t, s, take)
			keys, err := c.Keys(t.Context(), prefix+":c{k}/"+tt.limit.Name+"/*").Result()
			if err != nil || len(keys) != 1 {
				t.Fatal(tt.limit.Name, keys, err)
			}
			left, err := c.PTTL(t.Context(), keys[0]).Result()
			if err != nil || left > tt.want+10*time.Millisecond || left < tt.want-10*time.Second {
				t.Errorf("%s: the entry lives for %v, want %v", tt.limit.Name, left, tt.want)
			}
		}
	}
}

// TestEmptiedBucketHasAnotherNumber: whenever a bucket is emptied and used again, what
// was taken before is not given back.
func TestEmptiedBucketHasAnotherNumber(t *testing.T) {
	clock := &harness.Clock{Time: time.Now().Add(time.Hour).Truncate(time.Second)}
	store := newClocked(t).at(clock, clock.Now)
	l := ratelimit.Limit{Name: "bucket", Quota: 4, Window: time.Hour, Algorithm: ratelimit.GCRA, Burst: 3}
	take := func(key string, cost int) ratelimit.Taken {
		t.Helper()
		take := ratelimit.Take{Limit: l, Key: key, Cost: cost}
		states, err := store.Take(t.Context(), []ratelimit.Take{take})
		if err != nil || states[0].RetryAfter != 0 {
			t.Fatalf("%+v, error %v", states, err)
		}
		return ratelimit.Taken{Take: take, Stamp: states[0].Stamp}
	}
	giveBack := func(taken ratelimit.Taken) {
		t.Helper()
		if err := store.GiveBack(t.Context(), []ratelimit.Taken{taken}); err != nil {
			t.Fatal(err)
		}
	}
	for between := range 512 {
		key := fmt.Sprint("key", between)
		before := take(key, 3)
		emptied := before // by what it took, or by a reset
		emptied.All = between%2 == 0
		giveBack(emptied)
		clock.Advance(time.Duration(between) * time.Microsecond)
		take(key, 3)
		giveBack(before)
		states, err := store.Take(t.Context(), []ratelimit.Take{{Limit: l, Key: key, Cost: 1}})
		if err != nil || states[0].RetryAfter == 0 {
			t.Fatalf("%d µs after: %+v, error %v", between, states, err)
		}
	}
}
