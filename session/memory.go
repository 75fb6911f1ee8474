package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is the maximum number of sessions; further logins are refused with 503.
	// If zero, 1,048,576, which take about 300 MB with little data.
	Max int
	// MaxPerSubject is the maximum number of sessions of one subject. A new one
	// replaces the subject's session with the oldest last use. If zero, 100. The
	// time of an Insert or Delete grows with it.
	MaxPerSubject int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Memory is a [Store] in the memory of one process: sessions end with the
// process. It is bounded. It runs no goroutine: each Insert removes a few expired
// records.
type Memory struct {
	max        int64
	perSubject int
	now        func() time.Time
	count      atomic.Int64
	shards     [Shards]shard
}

// NewMemory returns an empty Memory. opts may be nil. A negative Max or
// MaxPerSubject is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	var errs []error
	if o.Max < 0 {
		errs = append(errs, fmt.Errorf("session: Max %d is negative", o.Max))
	}
	if o.MaxPerSubject < 0 {
		errs = append(errs, fmt.Errorf("session: MaxPerSubject %d is negative", o.MaxPerSubject))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	setDefault(&o.Max, 1<<20)
	setDefault(&o.MaxPerSubject, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Memory{max: int64(o.Max), perSubject: o.MaxPerSubject, now: o.Now}
	for i := range m.shards {
		m.shards[i].init()
	}
	return m, nil
}

var (
	errWrongShard = errors.New("session: the key is not in its subject's shard")
	errExists     = errors.New("session: the key exists")
)

// Each Insert removes only a few expired records, so that no login waits while
// thousands are removed.
const (
	sweptPerInsert = 4
	sweptWhenFull  = 16 // of each shard
)

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, rec Record) error {
	if rec.Key.Shard() != ShardOf(rec.Subject) {
		return errWrongShard
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
	if s.occupied(rec.Key) {
		return errExists
	}
	if oldest, n := s.oldest(rec.Subject); n >= m.perSubject {
		m.remove(s, oldest)
	}
	if m.count.Add(1) > m.max {
		m.count.Add(-1)
		return ErrFull
	}
	s.add(&rec)
	return nil
}

// sweep removes up to n expired records of a shard.
func (m *Memory) sweep(s *shard, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := m.graceEnd()
	for ; n > 0; n-- {
		e, ok := s.deadlines.First()
		if !ok || e.Deadline > limit {
			return
		}
		m.remove(s, e)
	}
}

func (m *Memory) remove(s *shard, e *entry) {
	s.remove(e)
	m.count.Add(-1)
}

// graceEnd is the latest deadline that Grace no longer covers, in Unix
// milliseconds.
func (m *Memory) graceEnd() int64 { return m.now().Add(-Grace).UnixMilli() }

// expired reports whether a record is removed or about to be.
func (m *Memory) expired(e *entry) bool { return e.Deadline <= m.graceEnd() }

// Load implements [Store].
func (m *Memory) Load(_ context.Context, key Key) (Record, bool, error) {
	s := &m.shards[key.Shard()]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.find(key); e != nil && !m.expired(e) {
		return e.record(), true, nil
	}
	return Record{}, false, nil
}

// Touch implements [Store].
func (m *Memory) Touch(_ context.Context, key Key, seen, deadline time.Time) error {
	s := &m.shards[key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	ms := seen.UnixMilli()
	if e := s.find(key); e != nil && e.seen < ms && ms < e.Deadline {
		e.seen = ms
		s.deadlines.Move(e, deadline.UnixMilli())
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
		return false, errWrongShard
	}
	s := &m.shards[from.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(from)
	if e == nil {
		return false, nil
	}
	if s.occupied(to) {
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
	for e := range s.ofSubject(subject) {
		if !m.expired(e) {
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
	for e := range s.ofSubject(subject) {
		if !slices.Contains(keep, e.id) {
			m.remove(s, e)
			n++
		}
	}
	return n, nil
}
