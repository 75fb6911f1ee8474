package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-guard/guard/ratelimit"
)

// RateLimits returns a [ratelimit.Store], for applications without Redis. It is exact,
// and slower: a granted take is a write. Set ratelimit.Options.Timeout to half a second
// or more: the default is for a store that writes to no disk.
//
// A granted take of one count is one statement where this process was the last to
// change the count, and two where another process was. That of several counts is a
// transaction with one statement for each. A refusal writes nothing: it is one
// statement, or none if this process read the count in the last second. A take that is
// Fresh, such as that of a login limit, is never refused by such a copy. Takes from the
// same counts that arrive while one is under way are decided together, in their order.
//
// Times are those of Options.Now. Where the clocks of two processes differ, a unit may
// count for as much longer or shorter. Time that runs backwards grants nothing.
//
// A count is a row of 100 to 300 bytes. The one of an InFlight limit has 27 bytes for
// each request: such a limit should be some hundred at most. Each value that RateLimits
// returns remembers up to 16,384 counts, in at most 6 MB.
func (s *Stores) RateLimits() ratelimit.Store {
	return &rateLimits{Stores: s, queues: map[string]*queue{}}
}

type rateLimits struct {
	*Stores
	copies copies

	mu     sync.Mutex
	queues map[string]*queue // by the counts that a call is about at present
}

// A countID is the id of a row: a digest of what names a count.
type countID [16]byte

// idOf returns the id of a count. Its quota and burst are not part of it: a count
// survives their change. Nor is its Slot: all counts are in one database.
func idOf(t *ratelimit.Take) countID {
	since, until := int64(0), int64(0) // both: a day and a month may begin together
	if kindOf(t) == calendar {
		since, until = t.Since.UnixMilli(), t.Until.UnixMilli()
	}
	var stackBuffer [192]byte // avoids a heap allocation for most keys
	b := stackBuffer[:0]
	for _, part := range [...]string{t.Key, t.Limit.Name} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	b = append(b, byte(kindOf(t)))
	b = binary.BigEndian.AppendUint64(b, uint64(t.Limit.Window))
	b = binary.BigEndian.AppendUint64(b, uint64(since))
	b = binary.BigEndian.AppendUint64(b, uint64(until))
	sum := sha256.Sum256(b)
	return countID(sum[:len(countID{})])
}

const (
	maxTakes = 16      // of one call
	maxCost  = 1 << 30 // of a take with Force
)

// check returns an error for an invalid one of n takes.
func check(t *ratelimit.Take, n int) error {
	l, most := &t.Limit, capacity(&t.Limit)
	if t.Force {
		most = maxCost
	}
	switch k := kindOf(t); {
	case n > maxTakes || t.Key == "" || l.Quota < 1 || t.Cost < 0 || t.Cost > most,
		k == calendar && !t.Since.Before(t.Until), k != calendar && l.Window <= 0:
		return fmt.Errorf("sqlstore: one of %d takes has no key, window or period, or its quota of %d or cost of %d is invalid", n, l.Quota, t.Cost)
	case k == inFlight && (t.Call == "" && t.Cost > 0 || t.Force):
		return fmt.Errorf("sqlstore: a take of the InFlight limit %q has no Call, or Force", l.Name)
	}
	return nil
}

// Take decides on the counts as they are in a copy or in the table, and writes them if
// they are still so.
func (r *rateLimits) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	c := newCall(len(takes))
	for i := range takes {
		t := &takes[i]
		if err := check(t, len(takes)); err != nil {
			return nil, err
		}
		c.add(t)
		c.fresh = c.fresh || t.Fresh || t.Cost == 0 || t.Limit.Algorithm == ratelimit.InFlight
	}
	if c.sort(); len(c.targets) < len(takes) { // each would be granted without the other
		return nil, errors.New("sqlstore: two takes of one call are from the same count")
	}
	states := make([]ratelimit.State, len(takes))
	c.decide = func(counts []count, now int64) {
		granted := true
		for i := range takes {
			states[i] = counts[c.index(&takes[i])].step(&takes[i], now, false)
			granted = granted && states[i].RetryAfter <= 0
		}
		for i := range takes {
			if granted && takes[i].Cost > 0 {
				states[i] = counts[c.index(&takes[i])].step(&takes[i], now, true)
			}
		}
	}
	if err := r.do(ctx, c); err != nil {
		return nil, err
	}
	return states, nil
}

func (r *rateLimits) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	c := newCall(len(taken))
	c.fresh = true
	for i := range taken {
		if err := check(&taken[i].Take, len(taken)); err != nil {
			return err
		}
		c.add(&taken[i].Take)
	}
	c.sort()
	c.decide = func(counts []count, now int64) {
		for i := range taken {
			counts[c.index(&taken[i].Take)].restore(&taken[i], now)
		}
	}
	return r.do(ctx, c)
}

// A call is one Take or GiveBack.
type call struct {
	targets []target                        // sorted by their ids, each count a single time
	fresh   bool                            // no copy answers it
	decide  func(counts []count, now int64) // those of targets; it may run again

	turn chan []*call // see queue
	err  error
}

// A target is a count that a call changes.
type target struct {
	id   countID
	kind kind
}

func newCall(n int) *call { return &call{targets: make([]target, 0, n), turn: make(chan []*call, 1)} }

func (c *call) add(t *ratelimit.Take) { c.targets = append(c.targets, target{idOf(t), kindOf(t)}) }

func (c *call) sort() {
	slices.SortFunc(c.targets, func(a, b target) int { return bytes.Compare(a.id[:], b.id[:]) })
	c.targets = slices.Compact(c.targets)
}

// index returns which of targets a take is from.
func (c *call) index(t *ratelimit.Take) int {
	if len(c.targets) == 1 {
		return 0
	}
	id := idOf(t)
	return slices.IndexFunc(c.targets, func(g target) bool { return g.id == id })
}

// counts names the counts of the call.
func (c *call) counts() string {
	b := make([]byte, 0, len(countID{})*len(c.targets))
	for _, g := range c.targets {
		b = append(b, g.id[:]...)
	}
	return string(b)
}
