package apikey

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/wiring"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is how many keys are kept; further ones are refused. If zero,
	// 1,048,576, which take some 640 MB.
	Max int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// A Memory is a Store in this process's memory: its keys are gone when the
// process ends. It never forgets a working key to make room: once it is full,
// Insert fails. Each Insert drops a few of those that may be. Use [NewMemory].
type Memory struct {
	max int
	now func() time.Time

	mu        sync.RWMutex
	entries   map[string]*Entry
	bySubject map[string][]string // ids, in order of insertion
	drops     drops
}

// NewMemory returns an empty Memory; opts may be nil. A negative Max is an error
// of the caller's, and panics.
func NewMemory(opts *MemoryOptions) *Memory {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	if o.Max < 0 {
		wiring.Panic("apikey", "a Memory of less than nothing")
	}
	if o.Max == 0 {
		o.Max = 1 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory{max: o.Max, now: o.Now, entries: map[string]*Entry{}, bySubject: map[string][]string{}}
}

var errFull = errors.New("apikey: the memory store is full")

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, e Entry) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.entries[e.ID]; taken {
		return false, nil
	}
	m.sweep()
	if len(m.entries) >= m.max {
		return false, errFull
	}
	m.entries[e.ID] = e.clone()
	m.bySubject[e.Subject] = append(m.bySubject[e.Subject], e.ID)
	m.drops.note(&e)
	return true, nil
}

// sweptPerInsert is how many entries are dropped at once: nobody is to wait for
// a crowd of them.
const sweptPerInsert = 16

func (m *Memory) sweep() {
	now := m.now()
	for n := 0; n < sweptPerInsert && len(m.drops) > 0 && !now.Before(m.drops[0].at); n++ {
		id := heap.Pop(&m.drops).(drop).id
		e, found := m.entries[id]
		if !found { // it was revoked, and dropped for that already
			continue
		}
		delete(m.entries, id)
		ids := slices.DeleteFunc(m.bySubject[e.Subject], func(have string) bool { return have == id })
		if m.bySubject[e.Subject] = ids; len(ids) == 0 {
			delete(m.bySubject, e.Subject)
		}
	}
}

// drops is a heap of when which entries may be dropped. A key that expires and is
// revoked before is in it twice.
type drops []drop

type drop struct {
	at time.Time
	id string
}

func (d drops) Len() int           { return len(d) }
func (d drops) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d drops) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *drops) Push(x any)        { *d = append(*d, x.(drop)) }

func (d *drops) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = drop{}
	*d = (*d)[:last]
	return x
}

// note adds an entry that may be dropped some day.
func (d *drops) note(e *Entry) {
	if at := e.DropAt(); !at.IsZero() {
		heap.Push(d, drop{at, e.ID})
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
	if !e.DropAt().Equal(old.DropAt()) {
		m.drops.note(&e)
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
