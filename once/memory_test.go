package once_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/once/oncetest"
)

type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Advance(d time.Duration) { c.now = c.now.Add(d) }

func newMemory(t *testing.T, opts *once.MemoryOptions) *once.Memory {
	t.Helper()
	m, err := once.NewMemory(opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMemory(t *testing.T) {
	c := newClock()
	oncetest.Run(t, func(t *testing.T) once.Store { return newMemory(t, &once.MemoryOptions{Now: c.Now}) }, c)
}

func TestMemoryInRealTime(t *testing.T) {
	oncetest.Run(t, func(t *testing.T) once.Store { return newMemory(t, nil) }, nil)
}

func TestNegativeMax(t *testing.T) {
	if m, err := once.NewMemory(&once.MemoryOptions{Max: -1}); m != nil || err == nil {
		t.Errorf("NewMemory = %v, %v", m, err)
	}
}

// TestFull: a full memory refuses new keys and forgets none, until one is over.
func TestFull(t *testing.T) {
	c, ctx := newClock(), t.Context()
	m := newMemory(t, &once.MemoryOptions{Max: 3, Now: c.Now})
	taken, stepped := once.Key("taken"), once.Key("stepped")
	until := c.now.Add(time.Hour)
	m.Take(ctx, taken, until)
	m.Advance(ctx, stepped, 1, until)
	l, state, err := m.Acquire(ctx, once.Key("leased"), time.Minute)
	if state != once.First || err != nil {
		t.Fatal(state, err)
	}
	full := func() {
		t.Helper()
		if first, err := m.Take(ctx, once.Key("new"), until); first || !errors.Is(err, once.ErrFull) {
			t.Errorf("Take = %t, %v", first, err)
		}
		if _, state, err := m.Acquire(ctx, once.Key("new"), time.Hour); state == once.First || !errors.Is(err, once.ErrFull) {
			t.Errorf("Acquire = %v, %v", state, err)
		}
		if ok, err := m.Advance(ctx, once.Key("new"), 1, until); ok || !errors.Is(err, once.ErrFull) {
			t.Errorf("Advance = %t, %v", ok, err)
		}
		if first, err := m.Take(ctx, taken, until); first || err != nil {
			t.Errorf("Take again = %t, %v", first, err)
		}
	}
	full()
	if ok, err := m.Advance(ctx, stepped, 2, until); !ok || err != nil {
		t.Errorf("Advance of a key that is there = %t, %v", ok, err)
	}
	if err := m.Commit(ctx, l, until); err != nil {
		t.Errorf("Commit = %v", err)
	}
	full()
	c.Advance(time.Hour + once.Slack)
	if first, err := m.Take(ctx, once.Key("new"), c.now.Add(time.Hour)); !first || err != nil {
		t.Errorf("after an hour, Take = %t, %v", first, err)
	}

	// A Commit of a lease that ran out needs room.
	m = newMemory(t, &once.MemoryOptions{Max: 1, Now: c.Now})
	l, _, _ = m.Acquire(ctx, once.Key("leased"), time.Minute)
	c.Advance(time.Minute)
	m.Take(ctx, taken, c.now.Add(time.Hour))
	if err := m.Commit(ctx, l, c.now.Add(time.Hour)); !errors.Is(err, once.ErrFull) {
		t.Errorf("Commit = %v, want ErrFull", err)
	}
}

// TestClockSetBack: a key is remembered while the clock is behind.
func TestClockSetBack(t *testing.T) {
	c, ctx := newClock(), t.Context()
	m := newMemory(t, &once.MemoryOptions{Now: c.Now})
	until := c.now.Add(time.Minute)
	m.Take(ctx, once.Key("a"), until)
	c.Advance(-time.Hour)
	if first, err := m.Take(ctx, once.Key("a"), until); first || err != nil {
		t.Errorf("Take = %t, %v", first, err)
	}
}

// TestMemoryForgets: what is over makes room, also if it is not asked for again.
func TestMemoryForgets(t *testing.T) {
	c, ctx := newClock(), t.Context()
	m := newMemory(t, &once.MemoryOptions{Max: 1000, Now: c.Now})
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		var k [32]byte
		for i := range k {
			k[i] = byte(rnd.Uint32())
		}
		if first, err := m.Take(ctx, k, c.now.Add(time.Minute)); !first || err != nil {
			t.Fatal(first, err)
		}
		c.Advance(time.Second / 2) // 240 are remembered at a time
	}
}

func TestKey(t *testing.T) {
	seen := map[[32]byte]string{}
	for name, k := range map[string][32]byte{
		"none": once.Key(""), "empty": once.Key("", ""), "a": once.Key("a"), "a and empty": once.Key("a", ""),
		"a, b": once.Key("a", "b"), "ab": once.Key("ab"), "empty, ab": once.Key("", "ab"), "a, bc": once.Key("a", "bc"), "ab, c": once.Key("ab", "c"),
		"a, b, c": once.Key("a", "b", "c"), "long": once.Key("a", string(make([]byte, 1000))), "longer": once.Key("a", string(make([]byte, 1001))),
	} {
		if other, ok := seen[k]; ok {
			t.Errorf("%q has the key of %q", name, other)
		}
		seen[k] = name
	}
	if got := fmt.Sprintf("%x", once.Key("")); got != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" { // that of a zero byte
		t.Errorf("the key of an empty purpose is %s", got)
	}
}

func TestState(t *testing.T) {
	for s, want := range map[once.State]string{once.Busy: "busy", once.First: "first", once.Done: "done", 7: "State(7)"} {
		if s.String() != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

// TestAllocations: a key that is new is one entry; the rest allocates nothing.
func TestAllocations(t *testing.T) {
	ctx := t.Context()
	m := newMemory(t, nil)
	until := time.Now().Add(time.Hour)
	k := once.Key("a")
	m.Take(ctx, k, until)
	id := "0123456789abcdef"
	if n := testing.AllocsPerRun(100, func() { m.Take(ctx, once.Key("jti", id), until) }); n != 0 {
		t.Errorf("Take of a known key: %v allocations", n)
	}
}
