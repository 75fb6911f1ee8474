package ratelimit_test

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
)

func TestMemory(t *testing.T) {
	c := harness.NewClock()
	ratelimittest.Run(t, func(*testing.T) ratelimit.Store { return newMemory(c, 0, false) }, c)
}

// TestFlood: a flood of invented keys unblocks no blocked key.
func TestFlood(t *testing.T) {
	const blocked = 1000
	for _, tt := range []struct {
		name     string
		limit    ratelimit.Limit
		invented int
	}{
		{"sliding", loginLimit, 1_000_000},
		{"buckets", ratelimit.Limit{Name: "n", Quota: 20, Window: time.Hour}, 200_000},
		{"wide buckets", ratelimit.Limit{Name: "n", Quota: 1 << 16, Window: time.Hour}, 200_000},
		{"GCRA", ratelimit.Limit{Name: "n", Quota: 20, Window: time.Hour, Algorithm: ratelimit.GCRA}, 200_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := harness.NewClock()
			m := newMemory(c, 1<<15, false)
			for i := range blocked {
				take(t, m, tt.limit, fmt.Sprint("blocked ", i), tt.limit.Quota)
			}
			takes := []ratelimit.Take{{Limit: tt.limit, Cost: 1}}
			switch {
			case race.Enabled && testing.Short():
				tt.invented /= 10 // it is ten times slower
			case os.Getenv("GUARD_HARDEN") != "1":
				tt.invented = min(tt.invented, 200_000) // six times what the table holds
			}
			for i := range tt.invented {
				takes[0].Key = strconv.Itoa(i)
				if _, err := m.Take(t.Context(), takes); err != nil {
					t.Fatal(err)
				}
			}
			for i := range blocked {
				if s := take(t, m, tt.limit, fmt.Sprint("blocked ", i), 1); s.RetryAfter <= 0 {
					t.Fatalf("blocked key %d was evicted", i)
				}
			}
			if n := ratelimit.Slots(m); n > 1<<15*5/4 {
				t.Errorf("%d slots for %d keys", n, 1<<15)
			}
		})
	}
}

// TestBlockedKeysAreEvictedLast: a blocked key outlives those that are not, also where
// it is blocked by a smaller quota than its record has room for, and those that are
// blocked for a shorter time.
func TestBlockedKeysAreEvictedLast(t *testing.T) {
	gcra := func(quota, burst int, window time.Duration) ratelimit.Limit {
		return ratelimit.Limit{Name: "g", Quota: quota, Window: window, Burst: burst, Algorithm: ratelimit.GCRA}
	}
	sliding := func(quota int, window time.Duration) ratelimit.Limit {
		return ratelimit.Limit{Name: "s", Quota: quota, Window: window}
	}
	for _, tt := range []struct {
		name        string
		limit       ratelimit.Limit
		blocked     []ratelimit.Take // of each key
		invented    ratelimit.Limit
		cost, pause int
	}{
		{"sliding of 1", sliding(1, time.Hour), []ratelimit.Take{{Cost: 1}}, sliding(1, time.Minute), 1, 60},
		{"GCRA of 1", gcra(1, 0, time.Hour), []ratelimit.Take{{Cost: 1}}, gcra(1, 0, time.Minute), 1, 60},
		{"GCRA", gcra(20, 0, time.Hour), []ratelimit.Take{{Cost: 20}}, gcra(2000, 2, time.Hour), 1, 60},
		{"a debt in a log", sliding(3, time.Hour), []ratelimit.Take{{Cost: 8, Force: true}}, sliding(8, time.Hour), 7, 60},
		{"a smaller quota", sliding(3, time.Hour), []ratelimit.Take{{Limit: sliding(8, time.Hour), Cost: 4}, {Cost: 1, Force: true}}, sliding(8, time.Hour), 7, 60},
		{"a debt in buckets", sliding(3, time.Hour), []ratelimit.Take{{Cost: 20, Force: true}}, sliding(200, time.Hour), 150, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const blocked = 1000
			c := harness.NewClock()
			m := newMemory(c, 1<<13, false)
			for i := range blocked {
				for _, b := range tt.blocked {
					if b.Limit.Quota == 0 {
						b.Limit = tt.limit
					}
					b.Key = fmt.Sprint("blocked ", i)
					takeOne(t, m, b)
				}
			}
			c.Advance(time.Duration(tt.pause) * time.Second)
			for i := range 100_000 {
				take(t, m, tt.invented, strconv.Itoa(i), tt.cost)
			}
			free := 0
			for i := range blocked {
				if s := take(t, m, tt.limit, fmt.Sprint("blocked ", i), 0); s.RetryAfter <= 0 {
					free++
				}
			}
			if free > 0 {
				t.Errorf("%d of %d blocked keys are free", free, blocked)
			}
		})
	}
}

// TestKeepsMax: no key is evicted before there are Max.
func TestKeepsMax(t *testing.T) {
	c := harness.NewClock()
	for _, n := range []int{1, 7, 100, 1000, 1 << 15, 100_000} {
		m := newMemory(c, n, false)
		for i := range n {
			take(t, m, loginLimit, fmt.Sprint(i), 1)
		}
		for i := range n {
			if s := take(t, m, loginLimit, fmt.Sprint(i), 0); s.Remaining != 4 {
				t.Fatalf("Max %d: key %d was evicted", n, i)
			}
		}
	}
}

func TestDenyNewWhenFull(t *testing.T) {
	c := harness.NewClock()
	m := newMemory(c, 1000, true)
	admitted := 0
	for i := range 5000 {
		c.Advance(time.Millisecond)
		s := take(t, m, loginLimit, fmt.Sprint(i), 1)
		if s.RetryAfter <= 0 {
			admitted++
		}
		if i < 1000 && s.RetryAfter > 0 {
			t.Fatalf("key %d was refused before the store was full", i)
		}
	}
	if admitted > 1250 {
		t.Errorf("%d keys were admitted to a store of 1000", admitted)
	}
	if s := take(t, m, loginLimit, "0", 1); s.RetryAfter > 0 {
		t.Errorf("a known key was refused: %+v", s)
	}
	s := take(t, m, loginLimit, "4999", 1)
	if s.RetryAfter <= 0 || s.Remaining != 0 {
		t.Fatalf("a new key in a full store: %+v", s)
	}
	c.Advance(s.RetryAfter)
	if s := take(t, m, loginLimit, "4999", 1); s.RetryAfter > 0 {
		t.Errorf("after the wait: %+v", s)
	}
}

// TestDenyNewWhenFullEvictsNothing: also while the store grows to its size.
func TestDenyNewWhenFullEvictsNothing(t *testing.T) {
	l := ratelimit.Limit{Name: "l", Quota: 2, Window: time.Hour}
	for _, size := range []int{1, 8, 27, 430, 3416, 50_000} {
		if race.Enabled && size > 10_000 {
			continue
		}
		c := harness.NewClock()
		m := newMemory(c, size, true)
		var in []string
		for i := range size*3/2 + 20 {
			key := fmt.Sprint(i)
			if s := take(t, m, l, key, 1); s.RetryAfter <= 0 {
				in = append(in, key)
			}
		}
		if len(in) < size {
			t.Errorf("Max %d: %d keys were accepted", size, len(in))
		}
		for _, key := range in {
			if s := take(t, m, l, key, 0); s.RetryAfter > 0 || s.Remaining != 1 {
				t.Fatalf("Max %d: key %s was evicted: %+v", size, key, s)
			}
		}
	}
}

// TestAllOrNoneWhenFull: two limits that both need the last slot take nothing, and
// wait for two slots.
func TestAllOrNoneWhenFull(t *testing.T) {
	a := ratelimit.Limit{Name: "a", Quota: 5, Window: time.Hour}
	b := ratelimit.Limit{Name: "b", Quota: 5, Window: time.Minute}
	for _, full := range []int{7, 8} { // of eight slots
		c := harness.NewClock()
		m := newMemory(c, 1, true)
		for i := range full {
			take(t, m, a, fmt.Sprint(i), 1)
			c.Advance(time.Second)
		}
		takes := []ratelimit.Take{{Limit: a, Key: "x", Cost: 1}, {Limit: b, Key: "x", Cost: 1}}
		both := func() time.Duration {
			states, err := m.Take(t.Context(), takes)
			if err != nil {
				t.Fatal(err)
			}
			return max(states[0].RetryAfter, states[1].RetryAfter)
		}
		wait := both()
		if want := time.Hour - 8*time.Second + time.Second; wait != want && full == 8 {
			t.Errorf("a wait of %v, want %v", wait, want)
		}
		for _, l := range []ratelimit.Limit{a, b} {
			if s := take(t, m, l, "x", 0); full == 7 && s.Remaining != 5 || s.Remaining < 5 && s.RetryAfter <= 0 {
				t.Errorf("%s was taken: %+v", l.Name, s)
			}
		}
		c.Advance(wait - 1)
		if again := both(); again != 1 {
			t.Errorf("%d slots used: just before the wait of %v is over: %v", full, wait, again)
		}
		c.Advance(1)
		if again := both(); again > 0 {
			t.Errorf("%d slots used: after the wait of %v another one of %v", full, wait, again)
		}
	}
}

// TestExpiredKeysAreReplaced: a store is full of what counts, not of what did.
func TestExpiredKeysAreReplaced(t *testing.T) {
	c := harness.NewClock()
	m := newMemory(c, 1000, true)
	for range 5 {
		for i := range 1000 {
			if s := take(t, m, loginLimit, fmt.Sprint(c.Now(), i), 5); s.RetryAfter > 0 {
				t.Fatalf("refused: %+v", s)
			}
		}
		c.Advance(loginLimit.Window + time.Microsecond)
	}
}

// TestClockBackwards: time that runs backwards grants nothing, and time that
// goes on does so again.
func TestClockBackwards(t *testing.T) {
	for _, l := range []ratelimit.Limit{
		loginLimit,
		{Name: "buckets", Quota: 50, Window: 15 * time.Minute},
		{Name: "gcra", Quota: 5, Window: 15 * time.Minute, Algorithm: ratelimit.GCRA},
	} {
		c := harness.NewClock()
		m := newMemory(c, 0, false)
		take(t, m, l, "k", l.Quota-1)
		for _, back := range []time.Duration{time.Second, time.Hour, 50 * 365 * 24 * time.Hour} {
			c.Advance(-back)
			if s := take(t, m, l, "k", 2); s.RetryAfter <= 0 || s.Remaining > 1 {
				t.Errorf("%s: %v back: %+v", l.Name, back, s)
			}
			c.Advance(back)
		}
		c.Advance(-time.Hour)
		if s := take(t, m, l, "k", 1); l.Algorithm == ratelimit.Sliding && s.RetryAfter > 0 {
			t.Errorf("%s: what was left is gone: %+v", l.Name, s)
		}
		if s := take(t, m, l, "k", 1); s.RetryAfter <= 0 {
			t.Errorf("%s: more than the quota: %+v", l.Name, s)
		}
		c.Advance(time.Hour + l.Window*17/16 + time.Microsecond)
		if s := take(t, m, l, "k", 0); s.Remaining != l.Quota {
			t.Errorf("%s: afterwards: %+v", l.Name, s)
		}
	}
}

func TestMemoryRefusesNonsense(t *testing.T) {
	m := guard.Must(ratelimit.NewMemory(nil))
	good := ratelimit.Take{Limit: loginLimit, Key: "k", Cost: 1}
	for name, change := range map[string]func(*ratelimit.Take){
		"no key":             func(t *ratelimit.Take) { t.Key = "" },
		"negative cost":      func(t *ratelimit.Take) { t.Cost = -1 },
		"cost over quota":    func(t *ratelimit.Take) { t.Cost = 6 },
		"no quota":           func(t *ratelimit.Take) { t.Limit.Quota, t.Cost = 0, 0 },
		"no window":          func(t *ratelimit.Take) { t.Limit.Window = 0 },
		"negative GCRA cost": func(t *ratelimit.Take) { t.Limit.Algorithm, t.Cost = ratelimit.GCRA, -1 },
	} {
		bad := good
		change(&bad)
		if _, err := m.Take(t.Context(), []ratelimit.Take{good, bad}); err == nil {
			t.Errorf("%s: Take has no error", name)
		}
		if err := m.GiveBack(t.Context(), []ratelimit.Taken{{Take: bad}}); err == nil {
			t.Errorf("%s: GiveBack has no error", name)
		}
	}
	if _, err := m.Take(t.Context(), make([]ratelimit.Take, 17)); err == nil {
		t.Error("17 takes have no error")
	}
	if s := take(t, m, loginLimit, "k", 0); s.Remaining != 5 {
		t.Errorf("something was taken: %+v", s)
	}
	for n, isValid := range map[int64]bool{-1: false, 1<<32 + 1: false, 1 << 32: true, math.MaxInt32: true} {
		if int64(int(n)) != n {
			continue // an int of 32 bits
		}
		m, err := ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: int(n)})
		if (err == nil) != isValid {
			t.Errorf("Max %d: %v", n, err)
		} else if isValid {
			take(t, m, loginLimit, "k", 1)
			if s := take(t, m, loginLimit, "k", 0); s.Remaining != 4 {
				t.Errorf("Max %d: %+v", n, s)
			}
		}
	}
}

// TestBytesPerKey holds what the documentation of Memory promises.
func TestBytesPerKey(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs memory of its own")
	}
	for _, tt := range []struct {
		limit ratelimit.Limit
		want  float64
	}{
		{ratelimit.Limit{Name: "gcra", Quota: 100, Window: time.Hour, Algorithm: ratelimit.GCRA}, 30},
		{loginLimit, 45},
		{ratelimit.Limit{Name: "hundred", Quota: 100, Window: time.Minute}, 64},
	} {
		const keys = 1_000_000 / 8 // of 1<<20 / 8: the same tables, fewer of them
		before := heap()
		m := guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: 1 << 20 / 8}))
		takes := []ratelimit.Take{{Limit: tt.limit, Cost: 1}}
		for i := range keys {
			takes[0].Key = strconv.Itoa(i)
			if _, err := m.Take(t.Context(), takes); err != nil {
				t.Fatal(err)
			}
		}
		got := float64(heap()-before) / keys
		t.Logf("%s: %.1f bytes for each of %d keys", tt.limit.Name, got, keys)
		if got > tt.want {
			t.Errorf("%s: %.1f bytes a key, want at most %v", tt.limit.Name, got, tt.want)
		}
		runtime.KeepAlive(m)
	}
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
