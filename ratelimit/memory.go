package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// MemoryOptions holds what has a safe default.
type MemoryOptions struct {
	// MaxKeys is how many keys are remembered before any is forgotten, at least
	// for now: a fifth more at most, and eight where they are few. Of each kind
	// of limit (GCRA; Sliding of one quota up to 16; up to 255; up to 65,535;
	// above) there may be so many. If 0, 1<<20.
	MaxKeys int
	// DenyNewWhenFull refuses keys that are not known while the store is full.
	// If false, those are forgotten who used the least of their quota: then a
	// flood of invented keys frees nobody who is blocked.
	DenyNewWhenFull bool
	// Now is the clock; if nil, time.Now. Time that runs backwards grants
	// nothing.
	Now func() time.Time
}

// Memory is the Store of one process. It needs no goroutine, and memory only
// as it fills: at a million keys, 29 bytes for each key of a GCRA limit, 43 for
// one of 5 in 15 minutes and 62 for one of 100 a minute. It must come from
// NewMemory, and is safe for use by several goroutines.
type Memory struct {
	seed   maphash.Seed
	shards []shard
	shift  int // a key's shard is its hash >> shift
	deny   bool
	now    func() time.Time
	start  time.Time
	groups int // of a table, at most
}

// A shard has a lock of its own.
type shard struct {
	mu     sync.Mutex
	tables []table  // few, by class
	_      [32]byte // keeps two locks out of one cache line
}

const (
	defaultMaxKeys = 1 << 20
	keysPerShard   = 1 << 12 // so that few wait for each other, and growing one takes well under a millisecond
	maxShards      = 1 << 12
)

// NewMemory returns an empty store; opts may be nil. A negative MaxKeys is an
// error, and so is one above 1<<32.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxKeys < 0 || o.MaxKeys > 1<<32 {
		return nil, fmt.Errorf("ratelimit: MaxKeys %d is not from 1 to 1<<32", o.MaxKeys)
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = defaultMaxKeys
	}
	n := 1
	for n < maxShards && n*keysPerShard < o.MaxKeys {
		n *= 2
	}
	m := &Memory{
		seed:   maphash.MakeSeed(), // nobody can choose keys that collide
		shards: make([]shard, n),
		shift:  64 - bits.Len(uint(n-1)),
		deny:   o.DenyNewWhenFull,
		now:    o.Now,
		groups: (o.MaxKeys*6/5/n + groupSize - 1) / groupSize,
	}
	if m.now != nil {
		m.start = m.now()
	} else {
		m.start = time.Now()
	}
	return m, nil
}

// origin is what the clock shows at the start: a multiple of every unit, so large
// that records never have to do with negative times.
const origin = int64(1e18)

func (m *Memory) clock() int64 {
	if m.now == nil {
		return origin + int64(time.Since(m.start))
	}
	return origin + min(max(int64(m.now().Sub(m.start)), -origin/2), 7*origin) // centuries
}

// Take implements Store. Its error is a take that is not valid.
func (m *Memory) Take(_ context.Context, takes []Take) ([]State, error) {
	wants, states := make([]want, len(takes)), make([]State, len(takes))
	for i := range takes {
		t := &takes[i]
		if err := valid(&t.Limit, t.Key, t.Cost, len(takes)); err != nil {
			return nil, err
		}
		wants[i] = want{t.Limit.known(), t.Key, t.Cost}
	}
	m.take(wants, states)
	return states, nil
}

// GiveBack implements Store. Its error is a take that is not valid.
func (m *Memory) GiveBack(_ context.Context, taken []Taken) error {
	var hashes [maxLimits]uint64
	h := hashes[:0]
	for i := range taken {
		t := &taken[i]
		if err := valid(&t.Limit, t.Key, t.Cost, len(taken)); err != nil {
			return err
		}
		h = append(h, maphash.String(m.seed, t.Key))
	}
	now := m.clock()
	m.lock(h)
	defer m.unlock(h)
	for i := range taken {
		m.giveBack(&taken[i], h[i], now)
	}
	return nil
}

func (m *Memory) giveBack(t *Taken, hash uint64, now int64) {
	tab := m.shardOf(hash).table(class(&t.Limit))
	tag := tagOf(hash, t.Limit.id())
	slot := tab.find(tag)
	if slot < 0 {
		return
	}
	if t.All || restore(&t.Limit, tab.record(slot), now, t.Cost, t.Stamp) {
		tab.release(slot)
	}
}

var errTake = errors.New("ratelimit: a take without a key, or of more than its limit ever grants, or more than 16 at once")

func valid(l *Limit, key string, cost, n int) error {
	if n > maxLimits || key == "" || cost < 0 || cost > l.capacity() || l.Quota < 1 || l.Window <= 0 {
		return errTake
	}
	return nil
}

// take fills states. Nothing in it escapes, so that callers keep wants, which are
// valid, and states on their stacks.
func (m *Memory) take(wants []want, states []State) {
	if len(wants) == 1 {
		hash := maphash.String(m.seed, wants[0].key)
		s := m.shardOf(hash)
		now := m.clock() // before the lock: nobody waits for it, and a take counts from when it came
		s.mu.Lock()
		states[0] = m.step(s, &wants[0], hash, now, true)
		s.mu.Unlock()
		return
	}
	var hashes [maxLimits]uint64
	h := hashes[:0]
	for i := range wants {
		h = append(h, maphash.String(m.seed, wants[i].key))
	}
	now := m.clock()
	m.lock(h)
	defer m.unlock(h)
	granted := true
	for i := range wants {
		states[i] = m.step(m.shardOf(h[i]), &wants[i], h[i], now, false)
		granted = granted && states[i].RetryAfter <= 0
	}
	for i := range wants {
		if !granted || wants[i].cost == 0 {
			continue
		}
		states[i] = m.step(m.shardOf(h[i]), &wants[i], h[i], now, true)
		if states[i].RetryAfter > 0 { // the last free slot went to another of them
			for j := range i {
				m.giveBack(&Taken{Take: wants[j].take(), Stamp: states[j].Stamp}, h[j], now)
				states[j] = m.step(m.shardOf(h[j]), &wants[j], h[j], now, false)
			}
			break
		}
	}
}

// step is the state of one take, after taking it if that is wanted and granted.
func (m *Memory) step(s *shard, w *want, hash uint64, now int64, take bool) State {
	tab := s.table(w.class)
	tag := tagOf(hash, w.id)
	slot := tab.find(tag)
	take = take && w.cost > 0
	switch {
	case slot >= 0:
	case take:
		slot = tab.place(tag, now, m.groups, m.deny) // of an unused key, which grants any cost
	case !m.deny || tab.grows(now, m.groups) || tab.free(tag, now) >= 0:
		return State{Remaining: w.limit.capacity()}
	}
	if slot < 0 {
		wait := time.Duration(tab.wait(tag, now))
		return State{RetryAfter: wait, Reset: wait}
	}
	return step(w.class, w.limit, tab.record(slot), now, w.cost, take)
}

func (m *Memory) shardOf(hash uint64) *shard { return &m.shards[hash>>m.shift] }

// tagOf is what tells records apart: the key's hash and the limit, mixed.
func tagOf(hash, id uint64) uint64 {
	hi, lo := bits.Mul64(hash^id, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// table is the shard's table of a class, until the next one is made.
func (s *shard) table(class int) *table {
	for i := range s.tables {
		if s.tables[i].class == class {
			return &s.tables[i]
		}
	}
	s.tables = append(s.tables, newTable(class))
	return &s.tables[len(s.tables)-1]
}

// lock locks the shards of hashes, in order, each once.
func (m *Memory) lock(hashes []uint64) {
	if len(hashes) == 1 {
		m.shardOf(hashes[0]).mu.Lock()
		return
	}
	var room [maxLimits]uint64
	for _, i := range m.distinct(room[:0], hashes) {
		m.shards[i].mu.Lock()
	}
}

func (m *Memory) unlock(hashes []uint64) {
	if len(hashes) == 1 {
		m.shardOf(hashes[0]).mu.Unlock()
		return
	}
	var room [maxLimits]uint64
	for _, i := range m.distinct(room[:0], hashes) {
		m.shards[i].mu.Unlock()
	}
}

func (m *Memory) distinct(room, hashes []uint64) []uint64 {
	for _, h := range hashes {
		room = append(room, h>>m.shift)
	}
	slices.Sort(room)
	return slices.Compact(room)
}
