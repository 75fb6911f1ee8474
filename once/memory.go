package once

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
	"github.com/go-guard/guard/internal/secret"
)

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is how many keys are remembered at the same time: those of Take in about 50
	// bytes each, and others in 200.
	// At the limit, new keys fail with ErrFull. If 0, it is 262144; negative is an error.
	Max int
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// A Memory is a [Store] in the memory of one process, which forgets all keys when the
// process ends. It runs no goroutine: each call removes a few expired keys. Use
// [NewMemory].
type Memory struct {
	max int
	now func() time.Time

	mu     sync.Mutex
	taken  secret.Value[*taken]
	hidden secret.Value[map[[32]byte]*entry]
	expiry expiring.Heap[*entry]
}

func (m *Memory) keys() map[[32]byte]*entry { return m.hidden.Reveal() }

// An entry has as the deadline of its Node when it is over, in Unix milliseconds.
type entry struct {
	expiring.Node
	key    [32]byte
	holder [12]byte // of the lease that is under way, or was committed
	leased bool
	step   int64 // math.MaxInt64 unless Advance set it: no step is larger
}

// sweptPerCall is how many entries a call removes that are over: no caller waits while
// thousands are removed that were over together.
const sweptPerCall = 2

// NewMemory returns an empty Memory; opts may be nil. A negative Max is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	if o.Max < 0 {
		return nil, fmt.Errorf("once: Max %d is negative", o.Max)
	}
	if o.Max == 0 {
		o.Max = 1 << 18
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory{max: o.Max, now: o.Now, taken: secret.New(newTaken(o.Now())), hidden: secret.New(map[[32]byte]*entry{})}, nil
}

// Take implements [Store].
func (m *Memory) Take(_ context.Context, key [32]byte, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.find(key, now) != nil || m.taken.Reveal().has(&key, now) || !until.After(now) {
		return false, nil
	}
	if !m.makeRoom(now) {
		return false, ErrFull
	}
	m.taken.Reveal().add(&key, until.Add(Slack), now)
	return true, nil
}

// Acquire implements [Store].
func (m *Memory) Acquire(_ context.Context, key [32]byte, lease time.Duration) (Lease, State, error) {
	if lease <= 0 {
		return Lease{}, Busy, fmt.Errorf("once: a lease of %v is not positive", lease)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if e := m.find(key, now); e != nil && e.leased {
		return Lease{}, Busy, nil
	} else if e != nil || m.taken.Reveal().has(&key, now) {
		return Lease{}, Done, nil
	}
	e, err := m.add(key, now.Add(lease), now)
	if err != nil {
		return Lease{}, Busy, err
	}
	e.leased = true
	rand.Read(e.holder[:])
	return Lease{key, e.holder}, First, nil
}

// Commit implements [Store].
func (m *Memory) Commit(_ context.Context, l Lease, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if until.Before(now) {
		until = now // it is done all the same
	}
	e := m.find(l.Key, now)
	switch {
	case m.taken.Reveal().has(&l.Key, now):
		return ErrLost
	case e == nil:
		var err error
		if e, err = m.add(l.Key, until.Add(Slack), now); err != nil {
			return err
		}
		e.holder = l.Holder
	case e.holder != l.Holder:
		return ErrLost
	case e.leased:
		e.leased = false
		m.expiry.Move(e, milliseconds(until.Add(Slack)))
	}
	return nil
}

// Release implements [Store].
func (m *Memory) Release(_ context.Context, l Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.keys()[l.Key]; e != nil && e.leased && e.holder == l.Holder {
		m.remove(e)
	}
	return nil
}

// Advance implements [Store].
func (m *Memory) Advance(_ context.Context, key [32]byte, step int64, until time.Time) (bool, error) {
	if step < 0 {
		return false, errNegative
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if !until.After(now) || m.taken.Reveal().has(&key, now) {
		return false, nil
	}
	e := m.find(key, now)
	switch {
	case e == nil:
		var err error
		if e, err = m.add(key, until.Add(Slack), now); err != nil {
			return false, err
		}
	case step <= e.step:
		return false, nil
	default:
		// An earlier time would forget the step before the one that it replaces.
		m.expiry.Move(e, max(e.Deadline, milliseconds(until.Add(Slack))))
	}
	e.step = step
	return true, nil
}

var errNegative = errors.New("once: a step is negative")

// find returns the entry of a key, or nil if there is none or it is over.
func (m *Memory) find(key [32]byte, now time.Time) *entry {
	e := m.keys()[key]
	if e == nil || e.Deadline > now.UnixMilli() {
		return e
	}
	m.remove(e)
	return nil
}

// add adds an entry that is done.
func (m *Memory) add(key [32]byte, until, now time.Time) (*entry, error) {
	if !m.makeRoom(now) {
		return nil, ErrFull
	}
	e := &entry{Node: expiring.Node{Deadline: milliseconds(until)}, key: key, step: math.MaxInt64}
	m.keys()[key] = e
	m.expiry.Push(e)
	return e, nil
}

// makeRoom removes a few keys that are over, and reports whether there is room for one.
func (m *Memory) makeRoom(now time.Time) bool {
	for range sweptPerCall {
		if e, ok := m.expiry.First(); ok && e.Deadline <= now.UnixMilli() {
			m.remove(e)
		}
	}
	t := m.taken.Reveal()
	t.sweep(now)
	return len(m.keys())+t.n < m.max
}

func (m *Memory) remove(e *entry) {
	m.expiry.Remove(e)
	delete(m.keys(), e.key)
}

// milliseconds rounds up. What is later than an int64 of milliseconds is never over.
func milliseconds(t time.Time) int64 {
	if t.Unix() >= math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return t.Add(time.Millisecond - 1).UnixMilli()
}
