package apikey

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
	"github.com/go-guard/guard/internal/ordered"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is the capacity in records. When it is reached, the record that ended first
	// is removed for a new one; where all are valid, Insert returns [ErrFull]. If zero,
	// it is 1,048,576, which take some 690 MB.
	Max int
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// Memory is a Store in the memory of one process: its records are lost when the
// process ends. It never removes a valid key for a new one. It is safe for use by
// several goroutines and starts none. Use [NewMemory].
type Memory struct {
	max int
	now func() time.Time

	mu         sync.RWMutex
	byID       map[string]*memoryEntry
	bySubject  map[listKey][]*memoryEntry
	byForget   expiring.Heap[*memoryEntry]
	byPosition ordered.List[*memoryEntry] // by ring, and then the reverse of the order of Position
}

// A listKey names the keys of a subject in one ring.
type listKey struct{ ring, subject string }

func (r *Record) list() listKey { return listKey{r.Ring, r.Subject} }

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
	if o.Max < 0 {
		return nil, fmt.Errorf("apikey: MemoryOptions.Max is negative: %d", o.Max)
	}
	if o.Max == 0 {
		o.Max = 1 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory{
		max: o.Max, now: o.Now, byID: map[string]*memoryEntry{}, bySubject: map[listKey][]*memoryEntry{},
		byPosition: ordered.New(func(a, b *memoryEntry) int {
			return cmp.Or(cmp.Compare(a.Ring, b.Ring), a.position().compare(b.position()))
		}),
	}, nil
}

func (r *Record) position() Position { return Position{r.CreatedAt, r.ID} }

// compare is negative where p is after other in a list.
func (p Position) compare(other Position) int {
	return cmp.Or(p.CreatedAt.Compare(other.CreatedAt), cmp.Compare(p.ID, other.ID))
}

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, e Entry, maxPerSubject int) (bool, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.byID[e.ID]; taken {
		return false, nil
	}
	m.sweep(now)
	valid, first := 0, (*memoryEntry)(nil) // first: to end
	for _, other := range m.bySubject[e.list()] {
		switch {
		case !other.Ended(now):
			valid++
		case first == nil || other.Deadline < first.Deadline:
			first = other
		}
	}
	if valid >= maxPerSubject {
		return false, ErrTooMany
	}
	if len(m.bySubject[e.list()]) >= maxPerSubject {
		m.remove(first)
	}
	if len(m.byID) >= m.max {
		first, _ := m.byForget.First()
		if !first.Ended(now) {
			return false, ErrFull
		}
		m.remove(first)
	}
	added := &memoryEntry{Entry: e.clone()}
	added.Deadline = deadline(added.Entry)
	m.byID[e.ID] = added
	m.bySubject[e.list()] = append(m.bySubject[e.list()], added)
	m.byForget.Push(added)
	m.byPosition.Insert(added)
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

func (m *Memory) remove(e *memoryEntry) {
	m.byForget.Remove(e)
	m.byPosition.Delete(e)
	delete(m.byID, e.ID)
	rest := slices.DeleteFunc(m.bySubject[e.list()], func(other *memoryEntry) bool { return other == e })
	if m.bySubject[e.list()] = rest; len(rest) == 0 {
		delete(m.bySubject, e.list())
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
		e.Digest, e.InUse, e.Previous = r.To, false, slices.Clone(r.Previous)
		e.Last4, e.RotatedAt = r.Last4, r.At
		return true
	}), nil
}

// Update implements [Store].
func (m *Memory) Update(_ context.Context, rec Record, revision int64) (bool, error) {
	return m.change(rec.ID, func(e *Entry) bool {
		if !e.RevokedAt.IsZero() || e.Revision != revision || e.usedUp() || rec.MaxUses > 0 && e.Uses >= rec.MaxUses {
			return false
		}
		e.apply(rec.grant())
		e.Revision++
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
func (m *Memory) Used(_ context.Context, id string, key Digest, at time.Time) error {
	m.change(id, func(e *Entry) bool {
		e.use(key, at)
		return true
	})
	return nil
}

// Spend implements [Store].
func (m *Memory) Spend(_ context.Context, rec *Record, key Digest, at time.Time) (bool, error) {
	return m.change(rec.ID, func(e *Entry) bool {
		if !e.RevokedAt.IsZero() || e.usedUp() {
			return false
		}
		e.Uses++
		e.use(key, at)
		return true
	}), nil
}

func (e *Entry) use(key Digest, at time.Time) {
	e.InUse = e.InUse || key == e.Digest
	if at.After(e.LastUsedAt) {
		e.LastUsedAt = at
	}
}

// List implements [Store].
func (m *Memory) List(_ context.Context, ring, subject string) ([]Record, error) {
	m.mu.RLock()
	of := m.bySubject[listKey{ring, subject}]
	entries := make([]*Entry, 0, len(of))
	for _, e := range of {
		entries = append(entries, e.Entry)
	}
	m.mu.RUnlock()
	slices.SortFunc(entries, func(a, b *Entry) int { return b.position().compare(a.position()) })
	return records(entries), nil
}

// ListAll implements [Store].
func (m *Memory) ListAll(_ context.Context, ring string, after Position, limit int) ([]Record, Position, error) {
	var entries []*Entry
	var next Position
	m.mu.RLock()
	start := func(e *memoryEntry) bool {
		return e.Ring < ring || e.Ring == ring && (after == Position{} || e.position().compare(after) < 0)
	}
	for e := range m.byPosition.Descend(start) {
		if e.Ring != ring {
			break
		}
		if len(entries) == limit {
			next = entries[limit-1].position()
			break
		}
		entries = append(entries, e.Entry)
	}
	m.mu.RUnlock()
	return records(entries), next, nil
}

// records copies the records of entries.
func records(entries []*Entry) (list []Record) {
	for _, e := range entries {
		list = append(list, e.clone().Record)
	}
	return list
}
