package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/internal/table"
)

// MemoryOptions holds what has a safe default.
type MemoryOptions struct {
	// Max is the minimum capacity per limit class, in keys. The store may keep
	// up to 20 % more, and at least 8, before it evicts. The classes are GCRA;
	// Sliding of each quota up to 16; up to 255; up to 65,535; and above; InFlight;
	// and limits with a Calendar. If 0, 1<<20. A negative Max is an error, and so is
	// one above 1<<32.
	Max int
	// DenyNewWhenFull refuses new keys while the store is full, also for a debt
	// (Take.Force). If false, a full store evicts the keys that used the least of
	// their quota. Those whose quota is used up come last and, of them, first the one
	// whose units expire first. So a flood of invented keys unblocks no blocked client,
	// unless each of the keys uses up its quota.
	DenyNewWhenFull bool
	// Now is the clock; if nil, time.Now. A clock that runs backwards grants
	// nothing.
	Now func() time.Time
}

// Memory is a Store in the memory of one process. It needs no goroutine, and
// allocates memory as it fills: at a million keys, 29 bytes for each key of a
// GCRA limit, 43 for one of 5 in 15 minutes and 62 for one of 100 a minute. Use
// NewMemory. It is safe for use by several goroutines.
//
// What was taken under a quota up to 16 counts for up to a sixteenth of the window
// longer once a larger quota or a debt has made its record larger.
type Memory struct {
	seed    maphash.Seed
	shards  []shard
	shift   int // the shard of a key is its hash >> shift
	now     func() time.Time
	start   time.Time
	layouts [classes]table.Layout
	// seen has the classes that the records of Sliding limits have had, as a bit each,
	// by the ids of the limits: a record is searched in no other class.
	seen [seenSize]atomic.Uint32
}

const (
	defaultMax   = 1 << 20
	keysPerShard = 1 << 12 // small enough for little contention, and for growing in well under a millisecond
	maxShards    = 1 << 12
)

// NewMemory returns an empty store; opts may be nil.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	if o.Max < 0 || int64(o.Max) > 1<<32 {
		return nil, fmt.Errorf("ratelimit: Max %d is not from 1 to 1<<32", o.Max)
	}
	if o.Max == 0 {
		o.Max = defaultMax
	}
	n := 1
	for n < maxShards && n*keysPerShard < o.Max {
		n *= 2
	}
	m := &Memory{
		seed:   maphash.MakeSeed(), // clients cannot choose keys that collide
		shards: make([]shard, n),
		shift:  64 - bits.Len(uint(n-1)),
		now:    o.Now,
	}
	for class := range m.layouts {
		m.layouts[class] = layoutOf(class)
		m.layouts[class].MaxGroups = (int(int64(o.Max)*6/5/int64(n)) + table.GroupSize - 1) / table.GroupSize
		m.layouts[class].NoEviction = o.DenyNewWhenFull
	}
	if m.now != nil {
		m.start = m.now()
	} else {
		m.start = time.Now()
	}
	return m, nil
}

// origin is the store's time at its start: a multiple of every unit, and so large
// that records never have negative times. Times fit into a stamp.
const (
	origin   = int64(1e18)
	earliest = -origin / 2
	latest   = 5 * origin / 2 // 79 years after the start
)

func (m *Memory) clock() int64 {
	if m.now == nil {
		return origin + int64(time.Since(m.start))
	}
	return origin + min(max(int64(m.now().Sub(m.start)), earliest), latest)
}

// until returns how long it takes until a time that calendars show.
func (m *Memory) until(t time.Time) time.Duration {
	if m.now == nil {
		return time.Until(t)
	}
	return t.Sub(m.now())
}

// Take implements Store. It returns an error for an invalid take.
func (m *Memory) Take(_ context.Context, takes []Take) ([]State, error) {
	demands, states := make([]demand, len(takes)), make([]State, len(takes))
	for i := range takes {
		t := &takes[i]
		if err := t.check(len(takes)); err != nil {
			return nil, err
		}
		demands[i] = t.demand()
	}
	m.take(demands, states)
	return states, nil
}

var errTake = errors.New("ratelimit: a take without a key, or of more than its limit ever grants, or more than 16 at once, " +
	"or one of a Calendar without its period, or one by force of a limit of requests in flight")

// period is the period of a take of a limit with a Calendar, nil for others.
func (t *Take) period() *period {
	if t.Limit.Calendar == (Calendar{}) {
		return nil
	}
	return &period{t.Since, t.Until}
}

// demand returns a demand of a valid take.
func (t *Take) demand() demand {
	return demand{compiledLimit: t.Limit.compile(), key: t.Key, cost: t.Cost, force: t.Force, period: t.period()}
}

// check returns an error for an invalid one of n takes.
func (t *Take) check(n int) error {
	l := &t.Limit
	most := l.capacity()
	if t.Force {
		most = maxQuota
	}
	isValid := n <= maxLimits && t.Key != "" && 0 <= t.Cost && t.Cost <= most && 1 <= l.Quota && l.Quota <= maxQuota
	if l.Calendar == (Calendar{}) {
		isValid = isValid && l.Window > 0
	} else {
		isValid = isValid && t.Since.Before(t.Until)
	}
	if !isValid || t.Force && l.Algorithm == InFlight {
		return errTake
	}
	return nil
}
