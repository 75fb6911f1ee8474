package jwtauth

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

// RefreshMemoryOptions has what a RefreshMemory can do without.
type RefreshMemoryOptions struct {
	// Max is how many families are kept; the oldest make room. If 0, it is
	// 131072.
	Max int
	// PerSubject is how many families one subject may have; its oldest make
	// room. If 0, it is 100.
	PerSubject int
}

// RefreshMemory is a RefreshStore for a single process: all logins end with it.
type RefreshMemory struct {
	max, perSubject int

	mu       sync.Mutex
	families map[string]*login
	subjects map[string][]*login // the oldest first
	queue    queue[*login]       // by expiry, so that Start finds what has passed
}

type login struct {
	Family
	generation int64
	made       time.Time
	queued
}

// NewRefreshMemory returns an empty RefreshMemory; opts may be nil. Numbers
// below 1 stand for the defaults.
func NewRefreshMemory(opts *RefreshMemoryOptions) *RefreshMemory {
	var o RefreshMemoryOptions
	if opts != nil {
		o = *opts
	}
	if o.Max <= 0 {
		o.Max = 1 << 17
	}
	if o.PerSubject <= 0 {
		o.PerSubject = 100
	}
	return &RefreshMemory{
		max: o.Max, perSubject: o.PerSubject,
		families: map[string]*login{}, subjects: map[string][]*login{},
	}
}

// Start implements [RefreshStore].
func (m *RefreshMemory) Start(_ context.Context, f Family) (ended []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) > 0 && !f.Started.Before(m.queue[0].Expires) {
		m.end(m.queue[0])
	}
	if own := m.subjects[f.Subject]; len(own) >= m.perSubject {
		ended = append(ended, own[0].ID)
		m.end(own[0])
	}
	if len(m.queue) >= m.max {
		ended = append(ended, m.queue[0].ID)
		m.end(m.queue[0])
	}
	e := &login{Family: f, generation: 1, made: f.Started, queued: queued{over: f.Expires}}
	m.families[f.ID] = e
	m.subjects[f.Subject] = append(m.subjects[f.Subject], e)
	heap.Push(&m.queue, e)
	return ended, nil
}

// Rotate implements [RefreshStore].
func (m *RefreshMemory) Rotate(_ context.Context, r Rotation) (RotationResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.find(r.Subject, r.ID)
	switch {
	case f == nil:
		return FamilyUnknown, nil
	case !r.Now.Before(f.Expires), !r.Now.Before(f.made.Add(r.Idle)):
		m.end(f)
		return FamilyUnknown, nil
	case r.Generation >= f.generation:
		f.generation, f.made = r.Generation+1, r.Now
		return Rotated, nil
	case r.Generation == f.generation-1 && r.Now.Sub(f.made).Abs() < r.Grace:
		return Repeated, nil
	}
	m.end(f)
	return Reused, nil
}

// Families implements [RefreshStore].
func (m *RefreshMemory) Families(_ context.Context, subject string) (ids []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.subjects[subject] {
		ids = append(ids, f.ID)
	}
	return ids, nil
}

// Revoke implements [RefreshStore].
func (m *RefreshMemory) Revoke(_ context.Context, subject string, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if f := m.find(subject, id); f != nil {
			m.end(f)
		}
	}
	return nil
}

func (m *RefreshMemory) find(subject, id string) *login {
	if f := m.families[id]; f != nil && f.Subject == subject {
		return f
	}
	return nil
}

func (m *RefreshMemory) end(f *login) {
	delete(m.families, f.ID)
	heap.Remove(&m.queue, f.index)
	own := m.subjects[f.Subject]
	own = slices.DeleteFunc(own, func(o *login) bool { return o == f })
	if m.subjects[f.Subject] = own; len(own) == 0 {
		delete(m.subjects, f.Subject)
	}
}
