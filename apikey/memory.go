package apikey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is the capacity in records; when it is reached Insert returns
	// [ErrFull]. If zero, it is 1,048,576, which take some 660 MB.
	Max int
	// MaxPerSubject is the capacity per subject. When it is reached, the record
	// of the subject that was revoked or expired first is removed for the new
	// one; where all are valid, Insert returns [ErrFull]. If zero, it is 100. The
	// time of an Insert grows with it.
	MaxPerSubject int
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// Memory is a Store in the memory of one process: its records are lost when the
// process ends. It never removes a valid key for a new one. It is safe for use by
// several goroutines and starts none. Use [NewMemory].
type Memory struct {
	max, maxPerSubject int
	now                func() time.Time

	mu        sync.RWMutex
	byID      map[string]*memoryEntry
	bySubject map[string][]*memoryEntry
	byForget  expiring.Heap[*memoryEntry]
}

// A memoryEntry is in every index of a Memory. Its Deadline is when it may be
// forgotten, in Unix milliseconds.
type memoryEntry struct {
	expiring.Node
	*Entry // replaced and never changed: requests may hold it
}

// NewMemory returns an empty Memory; opts may be nil. A negative number in opts
// is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	var errs [2]error
	if o.Max < 0 {
		errs[0] = fmt.Errorf("apikey: MemoryOptions.Max is negative: %d", o.Max)
	}
	if o.MaxPerSubject < 0 {
		errs[1] = fmt.Errorf("apikey: MemoryOptions.MaxPerSubject is negative: %d", o.MaxPerSubject)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if o.Max == 0 {
		o.Max = 1 << 20
	}
	if o.MaxPerSubject == 0 {
		o.MaxPerSubject = 100
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory{
		max: o.Max, maxPerSubject: o.MaxPerSubject, now: o.Now,
		byID: map[string]*memoryEntry{}, bySubject: map[string][]*memoryEntry{},
	}, nil
}

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, e Entry) (bool, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.byID[e.ID]; taken {
		return false, nil
	}
	m.sweep(now)
	if len(m.bySubject[e.Subject]) >= m.maxPerSubject {
		victim := m.firstEnded(e.Subject, now)
		if victim == nil {
			return false, ErrFull
		}
		m.remove(victim)
	}
	if len(m.byID) >= m.max {
		return false, ErrFull
	}
	added := &memoryEntry{Entry: e.clone()}
	added.Deadline = deadline(added.Entry)
	m.byID[e.ID] = added
	m.bySubject[e.Subject] = append(m.bySubject[e.Subject], added)
	m.byForget.Push(added)
	return true, nil
}

// deadline is ForgetAfter in Unix milliseconds.
func deadline(e *Entry) int64 {
	if at := e.ForgetAfter(); !at.IsZero() {
		return at.UnixMilli()
	}
	return math.MaxInt64
}

// sweptPerInsert is how many entries one Insert removes at most, so that its
// time is short after many have expired together.
const sweptPerInsert = 16

// sweep removes a few entries that may be forgotten.
func (m *Memory) sweep(now time.Time) {
	for range sweptPerInsert {
		e, ok := m.byForget.First()
		if !ok || e.Deadline > now.UnixMilli() {
			return
		}
		m.remove(e)
	}
}

// firstEnded returns the entry of the subject that was revoked or expired first,
// nil where all are valid.
func (m *Memory) firstEnded(subject string, now time.Time) (first *memoryEntry) {
	for _, e := range m.bySubject[subject] {
		if e.ended(now) && (first == nil || e.Deadline < first.Deadline) {
			first = e
		}
	}
	return first
}

func (m *Memory) remove(e *memoryEntry) {
	m.byForget.Remove(e)
	delete(m.byID, e.ID)
	rest := slices.DeleteFunc(m.bySubject[e.Subject], func(other *memoryEntry) bool { return other == e })
	if m.bySubject[e.Subject] = rest; len(rest) == 0 {
		delete(m.bySubject, e.Subject)
	}
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, id string) (*Entry, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if e, found := m.byID[id]; found {
		return e.Entry, true, nil
	}
	return nil, false, nil
}

// change replaces the entry under id by a copy that f changed. It reports false
// where there is no such entry and where f does.
func (m *Memory) change(id string, f func(*Entry) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, found := m.byID[id]
	if !found {
		return false
	}
	changed := *e.Entry
	if !f(&changed) {
		return false
	}
	e.Entry = &changed
	if d := deadline(&changed); d != e.Deadline {
		m.byForget.Move(e, d)
	}
	return true
}

// Rotate implements [Store].
func (m *Memory) Rotate(_ context.Context, id string, r Rotation) (bool, error) {
	return m.change(id, func(e *Entry) bool {
		if !e.RevokedAt.IsZero() || e.Digest != r.From {
			return false
		}
		e.Previous, e.PreviousUntil = r.From, r.Until
		e.Digest, e.Last4, e.RotatedAt = r.To, r.Last4, r.At
		return true
	}), nil
}

// Revoke implements [Store].
func (m *Memory) Revoke(_ context.Context, id string, at time.Time) (bool, error) {
	return m.change(id, func(e *Entry) bool {
		if e.RevokedAt.IsZero() {
			e.RevokedAt = at
		}
		return true
	}), nil
}

// Used implements [Store].
func (m *Memory) Used(_ context.Context, id string, at time.Time) error {
	m.change(id, func(e *Entry) bool {
		if !at.After(e.LastUsedAt) {
			return false
		}
		e.LastUsedAt = at
		return true
	})
	return nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) ([]Record, error) {
	m.mu.RLock()
	var list []Record
	for _, e := range m.bySubject[subject] {
		list = append(list, e.clone().Record)
	}
	m.mu.RUnlock()
	slices.SortStableFunc(list, func(a, b Record) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
