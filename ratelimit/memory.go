package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"time"

	"github.com/go-guard/guard/internal/table"
)

// MemoryOptions holds what has a safe default.
type MemoryOptions struct {
	// Max is the minimum capacity per limit class, in keys. The store may keep
	// up to 20 % more, and at least 8, before it evicts. The classes are GCRA;
	// Sliding of each quota up to 16; up to 255; up to 65,535; and above. If 0,
	// 1<<20. A negative Max is an error, and so is one above 1<<32.
	Max int
	// DenyNewWhenFull refuses new keys while the store is full. If false, a full
	// store evicts the keys that used the least of their quota, so a flood of
	// invented keys unblocks no blocked client.
	DenyNewWhenFull bool
	// Now is the clock; if nil, time.Now. A clock that runs backwards grants
	// nothing.
	Now func() time.Time
}

// Memory is a Store in the memory of one process. It needs no goroutine, and
// allocates memory as it fills: at a million keys, 29 bytes for each key of a
// GCRA limit, 43 for one of 5 in 15 minutes and 62 for one of 100 a minute. Use
// NewMemory. It is safe for use by several goroutines.
type Memory struct {
	seed    maphash.Seed
	shards  []shard
	shift   int // the shard of a key is its hash >> shift
	now     func() time.Time
	start   time.Time
	layouts [classes]table.Layout
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
	if o.Max < 0 || o.Max > 1<<32 {
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
		m.layouts[class].MaxGroups = (o.Max*6/5/n + table.GroupSize - 1) / table.GroupSize
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
// that records never have negative times.
const origin = int64(1e18)

func (m *Memory) clock() int64 {
	if m.now == nil {
		return origin + int64(time.Since(m.start))
	}
	return origin + min(max(int64(m.now().Sub(m.start)), -origin/2), 7*origin) // centuries
}

// Take implements Store. It returns an error for an invalid take.
func (m *Memory) Take(_ context.Context, takes []Take) ([]State, error) {
	demands, states := make([]demand, len(takes)), make([]State, len(takes))
	for i := range takes {
		t := &takes[i]
		if err := checkTake(&t.Limit, t.Key, t.Cost, len(takes)); err != nil {
			return nil, err
		}
		demands[i] = demand{t.Limit.compile(), t.Key, t.Cost}
	}
	m.take(demands, states)
	return states, nil
}

// GiveBack implements Store. It returns an error for an invalid take.
func (m *Memory) GiveBack(_ context.Context, taken []Taken) error {
	var stackBuffer [maxLimits]uint64
	hashes := stackBuffer[:0]
	for i := range taken {
		t := &taken[i]
		if err := checkTake(&t.Limit, t.Key, t.Cost, len(taken)); err != nil {
			return err
		}
		hashes = append(hashes, maphash.String(m.seed, t.Key))
	}
	now := m.clock()
	m.lock(hashes)
	defer m.unlock(hashes)
	for i := range taken {
		m.giveBack(&taken[i], hashes[i], now)
	}
	return nil
}

func (m *Memory) giveBack(t *Taken, hash uint64, now int64) {
	tab := m.table(m.shardOf(hash), classOf(&t.Limit))
	slot := tab.Find(tagOf(hash, t.Limit.id()))
	if slot < 0 {
		return
	}
	if t.All || restore(&t.Limit, tab.Record(slot), now, t.Cost, t.Stamp) {
		tab.Release(slot)
	}
}

var errTake = errors.New("ratelimit: a take without a key, or of more than its limit ever grants, or more than 16 at once")

func checkTake(l *Limit, key string, cost, n int) error {
	if n > maxLimits || key == "" || cost < 0 || cost > l.capacity() || l.Quota < 1 || l.Window <= 0 {
		return errTake
	}
	return nil
}

// take fills states. The demands must be valid. Nothing escapes, so callers have
// demands and states on their stacks.
func (m *Memory) take(demands []demand, states []State) {
	if len(demands) == 1 {
		hash := maphash.String(m.seed, demands[0].key)
		s := m.shardOf(hash)
		now := m.clock() // before the lock: no one waits for it, and a take counts from its arrival
		s.mu.Lock()
		states[0] = m.step(s, &demands[0], hash, now, true)
		s.mu.Unlock()
		return
	}
	var stackBuffer [maxLimits]uint64
	hashes := stackBuffer[:0]
	for i := range demands {
		hashes = append(hashes, maphash.String(m.seed, demands[i].key))
	}
	now := m.clock()
	m.lock(hashes)
	defer m.unlock(hashes)
	granted := true
	for i := range demands {
		states[i] = m.step(m.shardOf(hashes[i]), &demands[i], hashes[i], now, false)
		granted = granted && states[i].RetryAfter <= 0
	}
	if granted {
		m.takeAll(demands, states, hashes, now)
	}
}

// takeAll takes demands that are all granted. It undoes them if two of them need
// the last slot of a full table.
func (m *Memory) takeAll(demands []demand, states []State, hashes []uint64, now int64) {
	for i := range demands {
		if demands[i].cost == 0 {
			continue
		}
		states[i] = m.step(m.shardOf(hashes[i]), &demands[i], hashes[i], now, true)
		if states[i].RetryAfter <= 0 {
			continue
		}
		for j := range i {
			m.giveBack(&Taken{Take: demands[j].take(), Stamp: states[j].Stamp}, hashes[j], now)
			states[j] = m.step(m.shardOf(hashes[j]), &demands[j], hashes[j], now, false)
		}
		return
	}
}

// step returns the state of one demand, after taking it if take is true and the
// limit grants it.
func (m *Memory) step(s *shard, d *demand, hash uint64, now int64, take bool) State {
	tab := m.table(s, d.class)
	tag := tagOf(hash, d.id)
	slot := tab.Find(tag)
	take = take && d.cost > 0
	switch {
	case slot >= 0:
	case take:
		slot = tab.Place(tag, now) // an unused key, which grants any cost
	case tab.CanPlace(tag, now):
		return State{Remaining: d.limit.capacity()}
	}
	if slot < 0 {
		wait := time.Duration(tab.Wait(tag, now))
		return State{RetryAfter: wait, Reset: wait}
	}
	return step(d.class, d.limit, tab.Record(slot), now, d.cost, take)
}
