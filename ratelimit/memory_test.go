package ratelimit_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
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
