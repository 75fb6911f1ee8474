package session

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/internal/secret"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is the maximum number of sessions, without those of guests; further logins
	// are refused with 503. If zero, 1,048,576, which take about 300 MB with little
	// data.
	Max int
	// MaxGuests is the maximum number of guests' sessions, rounded up to a multiple of
	// 16. A new one replaces the one that ends first. If zero, 131,072.
	MaxGuests int
	// MaxPerSubject is the maximum number of sessions of one subject. A new one
	// replaces the subject's session with the oldest last use. If zero, 100. The
	// time of an Insert or Delete grows with it. Guests are not counted by it.
	MaxPerSubject int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Memory is a [DeviceStore] in the memory of one process: sessions end with the
// process. It is bounded. It runs no goroutine: each Insert removes a few expired
// records. It remembers the epochs of at least 65,536 subjects; those of the others
// grow together. Within [Grace], 65,536 references can end, or one for 65,536
// subjects; for more, DeleteRef returns ErrFull after it has removed the records. A
// half sign-in counts as another subject. The time to end a session grows
// with the number of those that have the same Ref.
type Memory struct {
	max        int64
	maxGuests  int // of a partition
	perSubject int
	now        func() time.Time
	logins     atomic.Int64
	tables     secret.Value[*tables] // its records have the application's data
}

type tables struct {
	partitions [partitions]partition
	ended      endedRefs // locked after a partition
}

// NewMemory returns an empty Memory. opts may be nil. A negative Max, MaxGuests or
// MaxPerSubject is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	var errs []error
	for _, field := range []struct {
		name  string
		value int
	}{{"Max", o.Max}, {"MaxGuests", o.MaxGuests}, {"MaxPerSubject", o.MaxPerSubject}} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("session: %s %d is negative", field.name, field.value))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	setDefault(&o.Max, 1<<20)
	setDefault(&o.MaxGuests, 1<<17)
	setDefault(&o.MaxPerSubject, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Memory{
		max: int64(o.Max), maxGuests: (o.MaxGuests-1)/partitions + 1, perSubject: o.MaxPerSubject,
		now: o.Now, tables: secret.New(new(tables)),
	}
	for i := range partitions {
		m.partition(i).init()
	}
	m.ended().seed = maphash.MakeSeed()
	return m, nil
}

func (m *Memory) partition(i int) *partition { return &m.tables.Reveal().partitions[i] }

func (m *Memory) ended() *endedRefs { return &m.tables.Reveal().ended }

// of returns the partition of the subjects with a tag.
func (m *Memory) of(tag uint64) *partition { return m.partition(int(tag % partitions)) }

var (
	errOtherSubject = errors.New("session: the keys are of different subjects")
	errExists       = errors.New("session: the key exists")
	errDeviceLen    = errors.New("session: a Device of more than 255 bytes")
	errRotations    = errors.New("session: the session was rotated too often")
)

// Each Insert removes only a few expired records, so that no login waits while
// thousands are removed.
const (
	sweptPerInsert = 4
	sweptWhenFull  = 16 // of each partition
)

// maxForwards is how many rotations of a session are possible within Forward.
const maxForwards = 100

// Insert implements [Store].
func (m *Memory) Insert(_ context.Context, rec Record, epoch int64) error {
	if rec.Subject == "" || max(len(rec.Subject), len(rec.Login), len(rec.Ref), len(rec.Device)) > 255 {
		return errors.New("session: a Subject that is empty, or a Subject, Login, Ref or Device of more than 255 bytes")
	}
	guest := isGuest(rec.Subject)
	if !guest && m.logins.Load() >= m.max {
		for i := range partitions {
			m.sweep(m.partition(i), sweptWhenFull)
		}
	}
	tag := rec.Key.tag()
	p := m.of(tag)
	m.sweep(p, sweptPerInsert)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.occupied(rec.Key):
		return errExists
	case epoch != AnyEpoch && epoch != p.epochs.of(tag), rec.Ref != "" && m.ended().has(rec.Ref, rec.Subject, m.now().UnixMilli()):
		return ErrEnded
	}
	if guest {
		if p.guests.Len() >= m.maxGuests {
			first, _ := p.guests.First()
			m.remove(p, first)
		}
		p.add(&rec)
		return nil
	}
	if oldest, n := p.oldest(tag, rec.Subject); n >= m.perSubject {
		m.remove(p, oldest)
	}
	if m.logins.Add(1) > m.max {
		m.logins.Add(-1)
		return ErrFull
	}
	p.add(&rec)
	return nil
}

// sweep removes up to n expired records and forwards of a partition.
func (m *Memory) sweep(p *partition, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := m.graceEnd()
	for range n {
		m.sweepForward(p)
		if e, ok := p.logins.First(); ok && e.Deadline <= limit {
			m.remove(p, e)
		}
		if e, ok := p.guests.First(); ok && e.Deadline <= limit {
			m.remove(p, e)
		}
	}
}

func (m *Memory) sweepForward(p *partition) {
	if e, ok := p.forwards.Sweep(m.now().UnixMilli()); ok {
		e.forwards--
	}
}

func (m *Memory) remove(p *partition, e *entry) {
	m.removeIf(p, e.key.tag(), func(other *entry) bool { return other == e })
}

// removeIf removes the entries with a tag that remove selects, and returns how many.
func (m *Memory) removeIf(p *partition, tag uint64, remove func(*entry) bool) (n int) {
	logins := p.logins.Len()
	n = p.removeIf(tag, remove)
	m.logins.Add(int64(p.logins.Len() - logins))
	return n
}

// graceEnd is the latest deadline that Grace no longer covers, in Unix
// milliseconds.
func (m *Memory) graceEnd() int64 { return m.now().Add(-Grace).UnixMilli() }

// expired reports whether a record is removed or about to be.
func (m *Memory) expired(e *entry) bool { return e.Deadline <= m.graceEnd() }

// Load implements [Store].
func (m *Memory) Load(_ context.Context, key Key) (Record, bool, error) {
	p := m.of(key.tag())
	p.mu.RLock()
	defer p.mu.RUnlock()
	if e := p.find(key); e != nil && !m.expired(e) {
		return e.record(), true, nil
	}
	return Record{}, false, nil
}

// Touch implements [Store].
func (m *Memory) Touch(_ context.Context, key Key, seen, deadline time.Time) error {
	p := m.of(key.tag())
	p.mu.Lock()
	defer p.mu.Unlock()
	ms := seen.UnixMilli()
	if e := p.find(key); e != nil && e.seen < ms && ms < e.Deadline {
		e.seen = ms
		p.heap(e).Move(e, deadline.UnixMilli())
	}
	return nil
}

// Update implements [Store].
func (m *Memory) Update(_ context.Context, key Key, revision int64, data string) (bool, error) {
	p := m.of(key.tag())
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.find(key)
	if e == nil || e.revision != revision {
		return false, nil
	}
	e.setData(data)
	e.revision++
	return true, nil
}
