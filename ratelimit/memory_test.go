package ratelimit_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
)

// A clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }

func newMemory(c *clock, maxKeys int, deny bool) *ratelimit.Memory {
	return guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{MaxKeys: maxKeys, DenyNewWhenFull: deny, Now: c.Now}))
}

func TestMemory(t *testing.T) {
	c := newClock()
	ratelimittest.Run(t, func(*testing.T) ratelimit.Store { return newMemory(c, 0, false) }, c.Advance)
}

var loginLimit = ratelimit.Limit{Name: "login", Quota: 5, Window: 15 * time.Minute}

// take is a single take's state.
func take(t testing.TB, s ratelimit.Store, l ratelimit.Limit, key string, cost int) ratelimit.State {
	t.Helper()
	states, err := s.Take(context.Background(), []ratelimit.Take{{Limit: l, Key: key, Cost: cost}})
	if err != nil {
		t.Fatal(err)
	}
	return states[0]
}

// TestFlood: a flood of invented keys frees nobody who is blocked.
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
			c := newClock()
			m := newMemory(c, 1<<15, false)
			for i := range blocked {
				take(t, m, tt.limit, fmt.Sprint("blocked ", i), tt.limit.Quota)
			}
			takes := []ratelimit.Take{{Limit: tt.limit, Cost: 1}}
			if race.Enabled && testing.Short() {
				tt.invented /= 10 // it is ten times slower
			}
			for i := range tt.invented {
				takes[0].Key = strconv.Itoa(i)
				if _, err := m.Take(t.Context(), takes); err != nil {
					t.Fatal(err)
				}
			}
			for i := range blocked {
				if s := take(t, m, tt.limit, fmt.Sprint("blocked ", i), 1); s.RetryAfter <= 0 {
					t.Fatalf("blocked key %d was forgotten", i)
				}
			}
			if n := ratelimit.Slots(m); n > 1<<15*5/4 {
				t.Errorf("%d slots for %d keys", n, 1<<15)
			}
		})
	}
}

// TestRemembersMaxKeys: nothing is forgotten before there are MaxKeys.
func TestRemembersMaxKeys(t *testing.T) {
	c := newClock()
	for _, n := range []int{1, 7, 100, 1000, 1 << 15, 100_000} {
		m := newMemory(c, n, false)
		for i := range n {
			take(t, m, loginLimit, fmt.Sprint(i), 1)
		}
		for i := range n {
			if s := take(t, m, loginLimit, fmt.Sprint(i), 0); s.Remaining != 4 {
				t.Fatalf("MaxKeys %d: key %d was forgotten", n, i)
			}
		}
	}
}

func TestDenyNewWhenFull(t *testing.T) {
	c := newClock()
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

// TestExpiredKeysMakeRoom: a store is full of what counts, not of what did.
func TestExpiredKeysMakeRoom(t *testing.T) {
	c := newClock()
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
		c := newClock()
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
	for _, n := range []int{-1, 1<<32 + 1} {
		if _, err := ratelimit.NewMemory(&ratelimit.MemoryOptions{MaxKeys: n}); err == nil {
			t.Errorf("MaxKeys %d has no error", n)
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
		m := guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{MaxKeys: 1 << 20 / 8}))
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
