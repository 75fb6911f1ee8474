package session

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is how many sessions are kept; further logins are refused with 503.
	// If zero, 1,048,576, which take some 300 MB with little data.
	Max int
	// MaxPerSubject is how many of those one subject can have; the one of their
	// own that was unused for longest makes room for another. If zero, 100. The
	// time of an Insert or Delete grows with it.
	MaxPerSubject int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Memory is a [Store] in the memory of one process; sessions end with it. It is
// bounded and runs no goroutine: each Insert removes a few records whose time
// is over.
type Memory struct {
	max        int64
	perSubject int
	now        func() time.Time
	count      atomic.Int64
	shards     [Shards]shard
}

// NewMemory returns an empty Memory; opts may be nil. A negative number in
// them is an error of the caller's, and panics.
func NewMemory(opts *MemoryOptions) *Memory {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	if o.Max < 0 || o.MaxPerSubject < 0 {
		panic("session: a Memory of less than nothing")
	}
	def(&o.Max, 1<<20)
	def(&o.MaxPerSubject, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Memory{max: int64(o.Max), perSubject: o.MaxPerSubject, now: o.Now}
	for i := range m.shards {
		m.shards[i] = shard{byKey: map[uint64]*entry{}, bySubject: map[uint64]*entry{}, seed: maphash.MakeSeed()}
	}
	return m
}

var (
	errShard  = errors.New("session: a key that is not in its subject's shard")
	errExists = errors.New("session: the key exists")
)

// Records whose time is over are removed by the handful, so that nobody waits
// for a crowd of them.
const (
	sweptPerInsert = 4
	sweptWhenFull  = 16 // of each shard
)

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, rec Record) error {
	if rec.Key.Shard() != ShardOf(rec.Subject) {
		return errShard
	}
	if m.count.Load() >= m.max {
		for i := range m.shards {
			m.sweep(&m.shards[i], sweptWhenFull)
		}
	}
	s := &m.shards[rec.Key.Shard()]
	m.sweep(s, sweptPerInsert)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken(rec.Key) {
		return errExists
	}
	if oldest, n := s.own(rec.Subject); n >= m.perSubject {
		m.remove(s, oldest)
	}
	if m.count.Add(1) > m.max {
		m.count.Add(-1)
		return ErrFull
	}
	s.add(&rec)
	return nil
}

func (m *Memory) sweep(s *shard, n int) {
	limit := m.now().Add(-Grace).UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.queue.first(); e != nil && n > 0 && e.deadline <= limit; e = s.queue.first() {
		m.remove(s, e)
		n--
	}
}

func (m *Memory) remove(s *shard, e *entry) {
	s.remove(e)
	m.count.Add(-1)
}

func (m *Memory) gone(e *entry) bool { return e.deadline <= m.now().Add(-Grace).UnixMilli() }

// Load implements [Store].
func (m *Memory) Load(_ context.Context, key Key) (Record, bool, error) {
	s := &m.shards[key.Shard()]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.find(key); e != nil && !m.gone(e) {
		return e.record(), true, nil
	}
	return Record{}, false, nil
}

// Touch implements [Store].
func (m *Memory) Touch(_ context.Context, key Key, seen, deadline time.Time) error {
	s := &m.shards[key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	at := seen.UnixMilli()
	if e := s.find(key); e != nil && e.seen < at && at < e.deadline {
		e.seen = at
		s.postpone(e, deadline.UnixMilli())
	}
	return nil
}

// Update implements [Store].
func (m *Memory) Update(_ context.Context, key Key, revision int64, data string) (bool, error) {
	s := &m.shards[key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil || e.revision != revision {
		return false, nil
	}
	e.data = data
	e.revision++
	return true, nil
}

// Rotate implements [Store].
func (m *Memory) Rotate(_ context.Context, from, to Key) (bool, error) {
	if from.Shard() != to.Shard() {
		return false, errShard
	}
	s := &m.shards[from.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(from)
	if e == nil {
		return false, nil
	}
	if s.taken(to) {
		return false, errExists
	}
	s.rename(e, to)
	return true, nil
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, key Key) (bool, error) {
	s := &m.shards[key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil {
		return false, nil
	}
	m.remove(s, e)
	return true, nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) ([]Record, error) {
	s := &m.shards[ShardOf(subject)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Record
	for e := range s.of(subject) {
		if !m.gone(e) {
			list = append(list, e.record())
		}
	}
	return list, nil
}

// DeleteAll implements [Store].
func (m *Memory) DeleteAll(_ context.Context, subject string, keep []ID) (int, error) {
	s := &m.shards[ShardOf(subject)]
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for e := range s.of(subject) {
		if !slices.Contains(keep, e.id) {
			m.remove(s, e)
			n++
		}
	}
	return n, nil
}
