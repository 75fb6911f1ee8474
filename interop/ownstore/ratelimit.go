package ownstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// Counts is a ratelimit.Store in a map, with a list of what was granted for each count.
type Counts struct {
	mu     sync.Mutex
	counts map[countID]*count
	size   int   // grants of all counts
	stamp  int64 // of the last grant
}

type countID struct {
	name      string
	window    time.Duration
	algorithm ratelimit.Algorithm
	key       string

	since, until int64 // of the period of a Calendar
}

type count struct {
	grants []grant   // in the order in which they end, unless it is of GCRA
	empty  time.Time // of GCRA: when all has drained
}

type grant struct {
	end    time.Time // when it stops counting
	units  int64
	drains time.Duration // of GCRA: a unit
	stamp  int64
	call   string
}

// NewCounts returns an empty store.
func NewCounts() *Counts { return &Counts{counts: map[countID]*count{}} }

func (s *Counts) Take(_ context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	now, unlock := s.lock()
	defer unlock()
	states, granted := make([]ratelimit.State, len(takes)), true
	for i, t := range takes {
		states[i] = s.count(&t).state(&t, now)
		granted = granted && states[i].RetryAfter == 0
	}
	if granted && s.size+len(takes) > 1<<20 {
		return nil, errors.New("ownstore: the store of counts is full") // it forgets no grant
	}
	for i, t := range takes {
		if c := s.count(&t); granted && t.Cost > 0 {
			s.stamp++
			c.take(&t, s.stamp, now)
			states[i] = c.state(&t, now)
			states[i].RetryAfter, states[i].Stamp = 0, s.stamp
		}
	}
	return states, nil
}

func (s *Counts) GiveBack(_ context.Context, taken []ratelimit.Taken) error {
	now, unlock := s.lock()
	defer unlock()
	for _, t := range taken {
		c := s.count(&t.Take)
		if t.All {
			*c = count{}
		}
		for i := range c.grants {
			g := &c.grants[i]
			if g.call != t.Call || t.Call == "" && g.stamp != t.Stamp {
				continue
			}
			units := min(int64(t.Cost), g.units)
			g.units -= units
			undrained := min(time.Duration(units)*g.drains, g.end.Sub(now), c.empty.Sub(now))
			c.empty = c.empty.Add(-max(undrained, 0))
		}
	}
	return nil
}

// lock locks the store, and forgets the grants that do not count.
func (s *Counts) lock() (now time.Time, unlock func()) {
	s.mu.Lock()
	now, s.size = time.Now(), 0
	for id, c := range s.counts {
		c.grants = slices.DeleteFunc(c.grants, func(g grant) bool { return g.units == 0 || !now.Before(g.end) })
		if len(c.grants) == 0 || id.algorithm == ratelimit.GCRA && !now.Before(c.empty) {
			delete(s.counts, id)
			continue
		}
		s.size += len(c.grants)
	}
	return now, s.mu.Unlock
}

// count returns the count of a take. The next lock forgets an empty one.
func (s *Counts) count(t *ratelimit.Take) *count {
	l := &t.Limit
	id := countID{l.Name, l.Window, l.Algorithm, t.Key, t.Since.UnixMicro(), t.Until.UnixMicro()}
	if s.counts[id] == nil {
		s.counts[id] = &count{}
	}
	return s.counts[id]
}

// state returns how the count answers a take before it takes.
func (c *count) state(t *ratelimit.Take, now time.Time) (st ratelimit.State) {
	l, needed := &t.Limit, max(t.Cost, 1)
	if l.Algorithm == ratelimit.GCRA {
		st.Reset = max(c.empty.Sub(now), 0)
		free := time.Duration(cmp.Or(l.Burst, l.Quota))*interval(l) - st.Reset
		st.Remaining = int(max(free, 0) / interval(l))
		st.RetryAfter = max(time.Duration(needed)*interval(l)-free, 0)
	} else {
		free := int64(l.Quota)
		for _, g := range c.grants {
			free -= g.units
			st.Reset = g.end.Sub(now)
		}
		st.Remaining = int(max(free, 0))
		for _, g := range c.grants { // those that must end
			if free < int64(needed) {
				free += g.units
				st.RetryAfter = g.end.Sub(now)
			}
		}
	}
	if l.Algorithm == ratelimit.InFlight { // requests end earlier
		st.Reset, st.RetryAfter = min(st.Reset, time.Second), min(st.RetryAfter, time.Second)
	}
	if t.Force || c.find(t.Call) >= 0 {
		st.RetryAfter = 0
	}
	return st
}

// find returns the index of the grant of a Call, or -1.
func (c *count) find(call string) int {
	return slices.IndexFunc(c.grants, func(g grant) bool { return call != "" && g.call == call })
}

func (c *count) take(t *ratelimit.Take, stamp int64, now time.Time) {
	g := grant{now.Add(t.Limit.Window + t.Until.Sub(t.Since)), int64(t.Cost), 0, stamp, t.Call}
	if t.Until.After(now) { // else the caller's clock is late
		g.end = t.Until
	}
	if i := c.find(t.Call); i >= 0 { // a repeated call takes nothing more
		g.units = c.grants[i].units
		c.grants = slices.Delete(c.grants, i, i+1)
	}
	if t.Limit.Algorithm == ratelimit.GCRA {
		const longest = 20 * 366 * 24 * time.Hour // of a debt
		backlog := max(c.empty.Sub(now), 0)
		g.drains = interval(&t.Limit)
		g.units = min(g.units, int64((longest-backlog)/g.drains))
		g.end = now.Add(backlog + time.Duration(g.units)*g.drains)
		c.empty = g.end
	}
	c.grants = append(c.grants, g)
}

// interval is the time in which a unit of GCRA drains.
func interval(l *ratelimit.Limit) time.Duration {
	return (l.Window + time.Duration(l.Quota) - 1) / time.Duration(l.Quota)
}
