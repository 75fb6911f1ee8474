package session

import (
	"sync/atomic"
	"time"
)

// A clock never goes back, to a millisecond. While the wall clock is behind, after it
// was set back, time passes by the monotonic clock; it stands still where Options.Now
// returns no monotonic time.
//
// There is one exception: a wall clock that was fast and agrees with the monotonic clock
// again is right. Otherwise a mistake of a second, by a day, would expire all sessions
// of the other processes in this one until it is started again.
type clock struct {
	now  func() time.Time
	base time.Time
	// ahead is how far the wall clock has been set forward since base, at most.
	ahead atomic.Int64
	// last is the latest time that was returned, since base.
	last atomic.Int64
}

const (
	agreement = time.Second // of the wall clock and the monotonic clock
	tolerance = time.Minute // by which the clock may stay ahead
)

func newClock(now func() time.Time) *clock { return &clock{now: now, base: now()} }

// Now returns the time.
func (c *clock) Now() time.Time {
	t := c.now()
	wall := t.Round(0).Sub(c.base.Round(0)) // without the monotonic readings
	elapsed := t.Sub(c.base)
	return t.Add(c.steady(wall, elapsed) - wall)
}

// steady returns the time since base, from what the wall clock and the monotonic
// clock say about it.
func (c *clock) steady(wall, elapsed time.Duration) time.Duration {
	if (wall-elapsed).Abs() < agreement && time.Duration(c.ahead.Load()) > tolerance {
		c.ahead.Store(int64(wall - elapsed))
		c.last.Store(int64(wall))
	}
	now := elapsed + raise(&c.ahead, wall-elapsed, 0)
	return raise(&c.last, now, time.Millisecond)
}

// raise returns the larger of largest and d, and stores d if it is larger by
// more than step: not at each request.
func raise(largest *atomic.Int64, d, step time.Duration) time.Duration {
	for {
		have := largest.Load()
		switch {
		case int64(d) <= have:
			return time.Duration(have)
		case int64(d)-have <= int64(step):
			return d
		case largest.CompareAndSwap(have, int64(d)):
			return d
		}
	}
}
