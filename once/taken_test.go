package once_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-guard/guard/once"
)

// TestTakeAsAMap: Take decides as a plain map of the keys and their times does, whatever
// the times.
func TestTakeAsAMap(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		c, ctx := newClock(), t.Context()
		m := newMemory(t, &once.MemoryOptions{Max: 1 << 20, Now: c.Now})
		twin := map[[32]byte]time.Time{}
		lifetimes := []time.Duration{-time.Second, 0, time.Second, time.Minute, time.Hour, 24 * time.Hour, 400 * 24 * time.Hour, math.MaxInt64 / 2}
		for i := range 5000 {
			k := once.Key("k", string(rune(rnd.IntN(800))))
			until := c.now.Add(lifetimes[rnd.IntN(len(lifetimes))].Truncate(time.Second))
			want := until.After(c.now) && !c.now.Before(twin[k])
			if want {
				twin[k] = until.Add(once.Slack)
			}
			if first, err := m.Take(ctx, k, until); first != want || err != nil {
				t.Fatalf("seed %d, step %d: Take = %t, %v", seed, i, first, err)
			}
			switch rnd.IntN(50) {
			case 0:
				c.Advance(time.Duration(rnd.Int64N(int64(48 * time.Hour))).Truncate(time.Second))
			case 1, 2, 3:
				c.Advance(time.Duration(rnd.IntN(60)) * time.Second)
			}
		}
	}
}

// TestFractionsOfASecond: a key is remembered at least as long as it must be, and less
// than a second longer.
func TestFractionsOfASecond(t *testing.T) {
	c, ctx := newClock(), t.Context()
	m := newMemory(t, &once.MemoryOptions{Now: c.Now})
	k := once.Key("k")
	c.Advance(900 * time.Millisecond)
	m.Take(ctx, k, c.now.Add(200*time.Millisecond))
	c.Advance(once.Slack + 199*time.Millisecond)
	if first, err := m.Take(ctx, k, c.now.Add(time.Hour)); first || err != nil {
		t.Errorf("before its time: %t, %v", first, err)
	}
	c.Advance(time.Second)
	if first, err := m.Take(ctx, k, c.now.Add(time.Hour)); !first || err != nil {
		t.Errorf("after its time: %t, %v", first, err)
	}
}

// TestTakenKeysMakeRoom: keys that were taken again, or at any times, leave nothing behind.
func TestTakenKeysMakeRoom(t *testing.T) {
	c, ctx := newClock(), t.Context()
	m := newMemory(t, &once.MemoryOptions{Max: 200, Now: c.Now})
	for i := range 50_000 {
		k := once.Key("k", string(rune(i%40)))
		if _, err := m.Take(ctx, k, c.now.Add(time.Duration(1+i%7)*time.Second)); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		c.Advance(time.Second)
	}
}
