package apikey

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// MemoryEntries is how many entries a [Memory] holds at most.
const MemoryEntries = 100_000

// A Memory is a Store in this process's memory: its keys are gone when the
// process ends. It never forgets a working key to make room: once
// [MemoryEntries] are in it, Insert fails. Use [NewMemory].
type Memory struct {
	now func() time.Time

	mu        sync.RWMutex
	entries   map[string]*Entry
	bySubject map[string][]string // ids, in order of insertion
	sweepAt   time.Time           // nothing can be dropped before
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{now: time.Now, entries: map[string]*Entry{}, bySubject: map[string][]string{}}
}

var errFull = errors.New("apikey: the memory store is full")

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, e Entry) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.entries[e.ID]; taken {
		return false, nil
	}
	if len(m.entries) >= MemoryEntries {
		m.sweep()
	}
	if len(m.entries) >= MemoryEntries {
		return false, errFull
	}
	m.entries[e.ID] = e.clone()
	m.bySubject[e.Subject] = append(m.bySubject[e.Subject], e.ID)
	return true, nil
}

// sweep drops what may be dropped, at most once a minute: a full store must
// not cost every Insert a walk over it.
func (m *Memory) sweep() {
	now := m.now()
	if now.Before(m.sweepAt) {
		return
	}
	m.sweepAt = now.Add(time.Minute)
	for id, e := range m.entries {
		drop := e.DropAt()
		if drop.IsZero() || now.Before(drop) {
			continue
		}
		delete(m.entries, id)
		ids := slices.DeleteFunc(m.bySubject[e.Subject], func(have string) bool { return have == id })
		if len(ids) == 0 {
			delete(m.bySubject, e.Subject)
			continue
		}
		m.bySubject[e.Subject] = ids
	}
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, id string) (*Entry, bool, error) {
	m.mu.RLock()
	e, found := m.entries[id]
	m.mu.RUnlock()
	return e, found, nil
}

// change replaces the entry under id by a changed copy: entries are shared
// with requests that run.
func (m *Memory) change(id string, f func(*Entry) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, found := m.entries[id]
	if !found {
		return false
	}
	e := *old
	if !f(&e) {
		return false
	}
	m.entries[id] = &e
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
func (m *Memory) List(_ context.Context, subject string, limit int) ([]Record, error) {
	m.mu.RLock()
	var list []Record
	for _, id := range m.bySubject[subject] {
		list = append(list, m.entries[id].clone().Record)
	}
	m.mu.RUnlock()
	slices.SortStableFunc(list, func(a, b Record) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(limit, len(list))], nil
}
