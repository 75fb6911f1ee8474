package refresh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-guard/guard/internal/expiring"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is the maximum number of families. At the limit, a new family ends the
	// one that expires first. If 0, it is 131072; negative is an error.
	Max int
	// MaxPerSubject is the maximum number of families of one subject. At the
	// limit, a new family ends the subject's oldest. If 0, it is 100; negative is
	// an error.
	MaxPerSubject int
}

// A Memory is a [Store] in the memory of one process: all logins end with the
// process. Use [NewMemory].
type Memory struct {
	max, maxPerSubject int

	mu        sync.Mutex
	families  map[string]*family   // by ID
	bySubject map[string][]*family // the oldest first
	expiring  expiring.Heap[*family]
}

// A family has the time when it expires as the deadline of its Node. Times are
// Unix milliseconds.
type family struct {
	expiring.Node
	subject, id string
	generation  int64 // the newest
	made        int64 // when generation was made
}

// NewMemory returns an empty Memory; opts may be nil. Its error lists every
// mistake.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	var errs []error
	if o.Max < 0 {
		errs = append(errs, fmt.Errorf("refresh: Max %d is negative", o.Max))
	}
	if o.MaxPerSubject < 0 {
		errs = append(errs, fmt.Errorf("refresh: MaxPerSubject %d is negative", o.MaxPerSubject))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Max == 0 {
		o.Max = 1 << 17
	}
	if o.MaxPerSubject == 0 {
		o.MaxPerSubject = 100
	}
	return &Memory{
		max: o.Max, maxPerSubject: o.MaxPerSubject,
		families: map[string]*family{}, bySubject: map[string][]*family{},
	}, nil
}

// Start implements [Store].
func (m *Memory) Start(_ context.Context, f Family) (ended []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := f.Started.UnixMilli()
	for first, ok := m.expiring.First(); ok && first.Deadline <= now; first, ok = m.expiring.First() {
		m.remove(first)
	}
	if existing := m.bySubject[f.Subject]; len(existing) >= m.maxPerSubject {
		ended = append(ended, existing[0].id)
		m.remove(existing[0])
	}
	if first, ok := m.expiring.First(); ok && m.expiring.Len() >= m.max {
		ended = append(ended, first.id)
		m.remove(first)
	}
	added := &family{subject: f.Subject, id: f.ID, generation: 1, made: now}
	added.Deadline = f.Expires.UnixMilli()
	m.families[f.ID] = added
	m.bySubject[f.Subject] = append(m.bySubject[f.Subject], added)
	m.expiring.Push(added)
	return ended, nil
}

// Rotate implements [Store].
func (m *Memory) Rotate(_ context.Context, r Rotation) (Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, found := m.lookup(r.Subject, r.ID)
	if !found {
		return FamilyUnknown, nil
	}
	now := r.Now.UnixMilli()
	switch {
	case now >= f.Deadline, now >= f.made+r.Idle.Milliseconds():
		m.remove(f)
		return FamilyUnknown, nil
	case r.Generation >= f.generation:
		f.generation, f.made = r.Generation+1, now
		return Rotated, nil
	case r.Generation == f.generation-1 && max(now-f.made, f.made-now) < r.Grace.Milliseconds():
		return Repeated, nil
	}
	m.remove(f)
	return Reused, nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) (ids []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.bySubject[subject] {
		ids = append(ids, f.id)
	}
	return ids, nil
}

// Revoke implements [Store].
func (m *Memory) Revoke(_ context.Context, subject string, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if f, found := m.lookup(subject, id); found {
			m.remove(f)
		}
	}
	return nil
}

func (m *Memory) lookup(subject, id string) (f *family, found bool) {
	f, found = m.families[id]
	return f, found && f.subject == subject
}

func (m *Memory) remove(f *family) {
	delete(m.families, f.id)
	m.expiring.Remove(f)
	rest := slices.DeleteFunc(m.bySubject[f.subject], func(other *family) bool { return other == f })
	if m.bySubject[f.subject] = rest; len(rest) == 0 {
		delete(m.bySubject, f.subject)
	}
}
