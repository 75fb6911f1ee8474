package refresh

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is the maximum number of families. At the limit, a new family ends the
	// one that expires first. If that is of another Issuer, its access tokens are
	// denied only when its refresh token is used, or by RevokeSubject. As many families
	// that have ended stay listed. If 0, it is 131072; negative is an error.
	Max int
	// MaxPerSubject is the maximum number of families of one subject. At the
	// limit, a new family ends the subject's oldest. As many that have ended stay
	// listed, and at least 100. If 0, it is 100; negative is an error. That of a
	// jwtauth.Memory should be larger, or it may deny access tokens of living logins.
	MaxPerSubject int
}

// A Memory is a [Store] in the memory of one process: all logins end with the
// process. At a time, 65,536 references can be refused by Start, or one for 65,536
// subjects; for more, RevokeRef fails after it has ended the families. Use
// [NewMemory].
type Memory struct {
	max, maxPerSubject int

	mu       sync.Mutex
	byID     map[string]*family   // also those that have ended
	subjects map[string]*families // by name
	live     expiring.Heap[*family]
	ended    expiring.Heap[*family]
	refs     refs
}

// families are those of one subject, the oldest first.
type families struct{ live, ended []*family }

// A family has as the deadline of its Node when it expires, or until when it stays
// listed if it has ended. Times are Unix milliseconds.
type family struct {
	expiring.Node
	subject, id string
	generation  int64   // the newest, or 0 if the family has ended
	made        int64   // when generation was made
	earlier     []int64 // when the generations before it were made, the last one first
	login, ref  string
}

const (
	// maxEarlier is the maximum length of family.earlier.
	maxEarlier = 15

	// minEnded is the minimum of how many ended families of a subject are kept.
	minEnded = 100

	// expiredBatch is how many expired families a Start removes: more than one, so
	// that none accumulate, and few, so that no other call waits long.
	expiredBatch = 16
)

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
		byID: map[string]*family{}, subjects: map[string]*families{},
		refs: refs{families: map[string]map[*family]struct{}{}, seed: maphash.MakeSeed()},
	}, nil
}

// Start implements [Store].
func (m *Memory) Start(_ context.Context, f Family) (ended []Family, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, listedUntil := f.Started.UnixMilli(), f.ListedUntil.UnixMilli()
	if f.Ref != "" && m.refs.ended(f.Ref, f.Subject, now) {
		return nil, ErrEnded
	}
	m.removeExpired(&m.live, now)
	m.removeExpired(&m.ended, now)
	if s := m.subjects[f.Subject]; s != nil && len(s.live) >= m.maxPerSubject {
		ended = append(ended, m.evict(s.live[0], listedUntil))
	}
	if first, ok := m.live.First(); ok && m.live.Len() >= m.max {
		ended = append(ended, m.evict(first, listedUntil))
	}
	added := &family{subject: f.Subject, id: f.ID, generation: 1, made: now, login: f.Login, ref: f.Ref}
	added.Deadline = f.Expires.UnixMilli()
	m.byID[f.ID] = added
	s := m.subjects[f.Subject]
	if s == nil {
		s = new(families)
		m.subjects[f.Subject] = s
	}
	s.live = append(s.live, added)
	m.live.Push(added)
	m.refs.add(added)
	return ended, nil
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, subject, id string) (login string, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, found := m.lookup(subject, id)
	if !found {
		return "", false, nil
	}
	return f.login, true, nil
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
	recent := func(made int64) bool { return max(now-made, made-now) < r.Grace.Milliseconds() }
	switch {
	case now >= f.Deadline, now >= f.made+r.Idle.Milliseconds():
		m.end(f, r.ListedUntil.UnixMilli())
		return FamilyUnknown, nil
	case r.Generation >= f.generation:
		if r.Generation == f.generation && recent(f.made) {
			f.earlier = slices.Insert(f.earlier, 0, f.made)
			f.earlier = f.earlier[:min(len(f.earlier), maxEarlier)]
		} else {
			f.earlier = nil
		}
		f.generation, f.made = r.Generation+1, now
		return Rotated, nil
	}
	switch behind := f.generation - r.Generation - 1; {
	case behind == 0 && recent(f.made):
		return Repeated, nil
	case 0 < behind && behind <= int64(len(f.earlier)) && recent(f.earlier[behind-1]):
		return Superseded, nil
	}
	m.end(f, r.ListedUntil.UnixMilli())
	return Reused, nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) (ids []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.subjects[subject]; s != nil {
		for _, f := range slices.Concat(s.ended, s.live) {
			ids = append(ids, f.id)
		}
	}
	return ids, nil
}

// Revoke implements [Store].
func (m *Memory) Revoke(_ context.Context, subject string, listedUntil time.Time, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if f, found := m.lookup(subject, id); found {
			m.end(f, listedUntil.UnixMilli())
		}
	}
	return nil
}

// lookup returns a family that has not ended.
func (m *Memory) lookup(subject, id string) (f *family, found bool) {
	f, found = m.byID[id]
	return f, found && f.subject == subject && f.generation > 0
}

// evict ends a family for a new one, and returns it.
func (m *Memory) evict(f *family, listedUntil int64) Family {
	m.end(f, listedUntil)
	return Family{Subject: f.subject, ID: f.id}
}

// end ends a family. It stays listed, and may replace those that ended first.
func (m *Memory) end(f *family, listedUntil int64) {
	s := m.subjects[f.subject]
	m.live.Remove(f)
	s.live = without(s.live, f)
	f.generation, f.earlier, f.login, f.Deadline = 0, nil, "", listedUntil
	m.ended.Push(f)
	if s.ended = append(s.ended, f); len(s.ended) > max(m.maxPerSubject, minEnded) {
		m.remove(s.ended[0])
	}
	if first, ok := m.ended.First(); ok && m.ended.Len() > m.max {
		m.remove(first)
	}
}

func (m *Memory) removeExpired(h *expiring.Heap[*family], now int64) {
	for range expiredBatch {
		first, ok := h.First()
		if !ok || first.Deadline > now {
			return
		}
		m.remove(first)
	}
}

func (m *Memory) remove(f *family) {
	delete(m.byID, f.id)
	m.refs.remove(f)
	s := m.subjects[f.subject]
	if f.generation > 0 {
		m.live.Remove(f)
		s.live = without(s.live, f)
	} else {
		m.ended.Remove(f)
		s.ended = without(s.ended, f)
	}
	if len(s.live)+len(s.ended) == 0 {
		delete(m.subjects, f.subject)
	}
}

// without removes f, which is mostly the first, from list.
func without(list []*family, f *family) []*family {
	if list[0] != f {
		return slices.DeleteFunc(list, func(other *family) bool { return other == f })
	}
	list[0] = nil
	return list[1:]
}
