package sqlstore

import (
	"crypto/sha256"
	"math"
	"math/bits"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

const (
	// exactQuota is the largest quota whose takes are recorded one by one. Those of a
	// larger one expire together with the others of a sixteenth of the window: never too
	// early, and up to a sixteenth of the window late.
	exactQuota       = 16
	bucketsPerWindow = 16

	maxCount  = math.MaxInt32                    // the largest sum of a count
	maxPeriod = 10 * 366 * 24 * time.Hour        // of a calendar
	maxDebt   = 20 * 366 * 24 * int64(time.Hour) // of a GCRA limit, as a time

	// inFlightWait is the RetryAfter and the Reset of an InFlight limit. When a request
	// ends is unknown.
	inFlightWait = time.Second
)

// capacity returns the largest cost that a limit can grant.
func capacity(l *ratelimit.Limit) int {
	if l.Algorithm == ratelimit.GCRA && l.Burst > 0 {
		return l.Burst
	}
	return l.Quota
}

// interval returns the time in which a GCRA limit regains one unit, rounded up.
func interval(l *ratelimit.Limit) int64 {
	return (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
}

// step returns the state of a take. If takes is true, it takes what the limit grants.
func (c *count) step(t *ratelimit.Take, now int64, takes bool) ratelimit.State {
	c.expire(now)
	switch c.kind {
	case gcra:
		return c.stepGCRA(t, now, takes)
	case inFlight:
		return c.stepInFlight(t, now, takes)
	case calendar:
		return c.stepCalendar(t, now, takes)
	}
	return c.stepSliding(t, now, takes)
}

func (c *count) stepSliding(t *ratelimit.Take, now int64, takes bool) (s ratelimit.State) {
	used, quota := c.sum(), t.Limit.Quota
	if excess := used + max(t.Cost, 1) - quota; excess > 0 && !t.Force {
		for i := 0; i < len(c.units) && excess > 0; i++ { // so many of the oldest must expire
			excess -= c.units[i].n
			s.RetryAfter = time.Duration(c.units[i].at - now)
		}
	} else if takes {
		c.begin()
		taken := min(t.Cost, maxCount-used)
		at := c.push(&t.Limit, now, taken)
		used += taken
		if taken == t.Cost { // else none of it is given back
			s.Stamp = c.stamp(at)
		}
	}
	s.Remaining = max(quota-used, 0)
	if n := len(c.units); n > 0 {
		s.Reset = time.Duration(c.units[n-1].at - now)
	}
	return s
}

// push adds n units that were taken now, and returns when they expire.
func (c *count) push(l *ratelimit.Limit, now int64, n int) (at int64) {
	at = now + int64(l.Window)
	if l.Quota > exactQuota || len(c.units) >= exactQuota {
		width := (int64(l.Window) + bucketsPerWindow - 1) / bucketsPerWindow
		at = (at + width - 1) / width * width
	}
	if last := len(c.units) - 1; last >= 0 && c.units[last].at >= at { // equal, or time ran backwards
		c.units[last].n += n
		return c.units[last].at
	}
	c.units = append(c.units, unit{at: at, n: n})
	return at
}

func (c *count) stepGCRA(t *ratelimit.Take, now int64, takes bool) (s ratelimit.State) {
	each := interval(&t.Limit)
	burst, backlog := int64(capacity(&t.Limit))*each, int64(0)
	if len(c.units) > 0 {
		backlog = c.units[0].at - now
	}
	if !t.Force {
		s.RetryAfter = time.Duration(max(backlog+int64(max(t.Cost, 1))*each-burst, 0))
	}
	if takes && s.RetryAfter == 0 {
		c.begin()
		backlog = min(backlog+drainTime(t.Cost, each), maxDebt)
		c.units = append(c.units[:0], unit{at: now + backlog})
		if backlog < maxDebt { // else not all of it was taken, and none is given back
			s.Stamp = c.stamp(now + backlog + 999)
		}
	}
	s.Remaining = int(max(burst-backlog, 0) / each)
	s.Reset = time.Duration(backlog)
	return s
}

// drainTime is the time in which a GCRA limit regains a cost, up to maxDebt.
func drainTime(cost int, interval int64) int64 {
	if hi, lo := bits.Mul64(uint64(cost), uint64(interval)); hi == 0 && lo <= uint64(maxDebt) {
		return int64(lo)
	}
	return maxDebt
}

func (c *count) stepInFlight(t *ratelimit.Take, now int64, takes bool) (s ratelimit.State) {
	used, quota, id := c.sum(), t.Limit.Quota, callIDOf(t)
	at, renewed := now+int64(t.Limit.Window), c.find(id)
	switch {
	case renewed < 0 && used+max(t.Cost, 1) > quota:
		s.RetryAfter = inFlightWait
	case takes && renewed >= 0:
		c.begin()
		c.units[renewed].at = max(c.units[renewed].at, at)
	case takes:
		c.begin()
		c.units = append(c.units, unit{at, t.Cost, id})
		used += t.Cost
	}
	s.Remaining = max(quota-used, 0)
	if used > 0 {
		s.Reset = inFlightWait
	}
	return s
}

func callIDOf(t *ratelimit.Take) callID {
	sum := sha256.Sum256([]byte(t.Call))
	return callID(sum[:len(callID{})])
}

// find returns the index of the units of a call in flight, -1 if there are none.
func (c *count) find(id callID) int {
	for i := range c.units {
		if c.units[i].call == id {
			return i
		}
	}
	return -1
}

// stepCalendar counts without regard to the time: the period ends by the clock of the
// caller, which takes from another count then.
func (c *count) stepCalendar(t *ratelimit.Take, now int64, takes bool) (s ratelimit.State) {
	used, quota := c.sum(), t.Limit.Quota
	left := min(t.Until.Sub(time.Unix(0, now)), maxPeriod)
	wait := max(left, 1)
	if used+max(t.Cost, 1) > quota && !t.Force {
		s.RetryAfter = wait
	} else if takes {
		c.begin()
		if left <= 0 { // the caller's clock is behind, and it may take again
			left = min(t.Until.Sub(t.Since), maxPeriod)
		}
		used = min(used, maxCount-t.Cost) + t.Cost
		c.units = []unit{{at: max(c.end(), now+int64(left)), n: used}}
		s.Stamp = c.stamp(0)
	}
	s.Remaining = max(quota-used, 0)
	if used > 0 {
		s.Reset = wait
	}
	return s
}

// restore undoes a take.
func (c *count) restore(t *ratelimit.Taken, now int64) {
	c.expire(now)
	at, ok := c.stampAt(t.Stamp)
	switch {
	case t.All:
		c.changed = c.changed || len(c.units) > 0
		c.units = nil
	case c.kind == inFlight:
		if i := c.find(callIDOf(&t.Take)); i >= 0 {
			c.units = append(c.units[:i], c.units[i+1:]...)
			c.changed = true
		}
	case !ok || len(c.units) == 0:
	case c.kind == gcra:
		u := &c.units[0]
		if back := min(drainTime(t.Cost, interval(&t.Limit)), at-now, u.at-now); back > 0 { // what has not drained
			u.at -= back
			c.changed = true
		}
	default:
		c.remove(t.Cost, at)
	}
}

// remove removes up to n units that a take of a sliding limit or of a period added.
func (c *count) remove(n int, at int64) {
	left := c.units[:0]
	for _, u := range c.units {
		if c.kind == calendar || u.at/1000*1000 == at {
			back := min(n, u.n)
			u.n, n = u.n-back, n-back
			c.changed = c.changed || back > 0
		}
		if u.n > 0 {
			left = append(left, u)
		}
	}
	c.units = left
}
