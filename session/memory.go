package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is how many sessions are kept; further logins are refused with 503.
	// If zero, 1,048,576.
	Max int
	// MaxPerSubject is how many of those one subject can have; the one of their
	// own that was unused for longest makes room for another. If zero, 100.
	MaxPerSubject int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Memory is a [Store] in the memory of one process. It is bounded and runs no
// goroutine: each Insert removes a few records that are past their time.
type Memory struct {
	max        int64
	perSubject int
	now        func() time.Time
	count      atomic.Int64
	shards     [Shards]shard
}

type shard struct {
	mu        sync.RWMutex
	byKey     map[Key]*Record
	bySubject map[string][]*Record
}

// NewMemory returns an empty Memory; opts may be nil.
func NewMemory(opts *MemoryOptions) *Memory {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	def(&o.Max, 1<<20)
	def(&o.MaxPerSubject, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Memory{max: int64(o.Max), perSubject: o.MaxPerSubject, now: o.Now}
	for i := range m.shards {
		m.shards[i].byKey = map[Key]*Record{}
		m.shards[i].bySubject = map[string][]*Record{}
	}
	return m
}

var errShard = errors.New("session: a key that is not in its subject's shard")

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, rec Record) error {
	if rec.Key.Shard() != ShardOf(rec.Subject) {
		return errShard
	}
	s := &m.shards[rec.Key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	m.sweep(s)
	if s.byKey[rec.Key] != nil {
		return errors.New("session: the key exists")
	}
	if own := s.bySubject[rec.Subject]; len(own) >= m.perSubject {
		m.remove(s, slices.MinFunc(own, func(a, b *Record) int { return a.LastSeen.Compare(b.LastSeen) }))
	}
	if m.count.Add(1) > m.max {
		m.count.Add(-1)
		return ErrFull
	}
	s.byKey[rec.Key] = &rec
	s.bySubject[rec.Subject] = append(s.bySubject[rec.Subject], &rec)
	return nil
}

func (m *Memory) sweep(s *shard) {
	n := 8
	for _, rec := range s.byKey {
		if m.gone(rec) {
			m.remove(s, rec)
		}
		if n--; n == 0 {
			break
		}
	}
}

func (m *Memory) gone(rec *Record) bool { return m.now().Sub(rec.Deadline) >= Grace }

func (m *Memory) remove(s *shard, rec *Record) {
	delete(s.byKey, rec.Key)
	own := slices.DeleteFunc(s.bySubject[rec.Subject], func(r *Record) bool { return r == rec })
	if len(own) == 0 {
		delete(s.bySubject, rec.Subject)
	} else {
		s.bySubject[rec.Subject] = own
	}
	m.count.Add(-1)
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, key Key) (Record, bool, error) {
	s := &m.shards[key.Shard()]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if rec := s.byKey[key]; rec != nil && !m.gone(rec) {
		return *rec, true, nil
	}
	return Record{}, false, nil
}

// Touch implements [Store].
func (m *Memory) Touch(_ context.Context, key Key, seen, deadline time.Time) error {
	m.change(key, func(rec *Record) bool {
		if !rec.LastSeen.Before(seen) || !rec.Deadline.After(seen) {
			return false
		}
		rec.LastSeen, rec.Deadline = seen, deadline
		return true
	})
	return nil
}

// Update implements [Store].
func (m *Memory) Update(_ context.Context, key Key, revision int64, data string) (bool, error) {
	return m.change(key, func(rec *Record) bool {
		if rec.Revision != revision {
			return false
		}
		rec.Data = data
		rec.Revision++
		return true
	}), nil
}

func (m *Memory) change(key Key, f func(*Record) bool) bool {
	s := &m.shards[key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.byKey[key]
	return rec != nil && f(rec)
}

// Rotate implements [Store].
func (m *Memory) Rotate(_ context.Context, from, to Key) (bool, error) {
	if from.Shard() != to.Shard() {
		return false, errShard
	}
	s := &m.shards[from.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.byKey[from]
	if rec == nil {
		return false, nil
	}
	if s.byKey[to] != nil {
		return false, errors.New("session: the key exists")
	}
	delete(s.byKey, from)
	rec.Key = to
	s.byKey[to] = rec
	return true, nil
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, key Key) (bool, error) {
	s := &m.shards[key.Shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.byKey[key]
	if rec == nil {
		return false, nil
	}
	m.remove(s, rec)
	return true, nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) ([]Record, error) {
	s := &m.shards[ShardOf(subject)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Record
	for _, rec := range s.bySubject[subject] {
		if !m.gone(rec) {
			list = append(list, *rec)
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
	for _, rec := range slices.Clone(s.bySubject[subject]) {
		if !slices.Contains(keep, rec.ID) {
			m.remove(s, rec)
			n++
		}
	}
	return n, nil
}
