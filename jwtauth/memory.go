package jwtauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// MemoryOptions holds what has a default for a [Memory].
type MemoryOptions struct {
	// Max is how many IDs may be denied at the same time. If 0, it is 262144.
	Max int
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// Memory is a [Denylist] for a single process. An ID takes less than 300 bytes.
// After its time it stays for up to an hour, unless Max is reached, in case the
// clock is set back.
type Memory struct {
	max int
	now func() time.Time

	mu     sync.RWMutex
	ids    map[string]*deniedID
	expiry expiring.Heap[*deniedID]
}

// A deniedID has its deadline in Unix milliseconds: nanoseconds end in the year
// 2262.
type deniedID struct {
	expiring.Node
	id string
}

// NewMemory returns an empty Memory. A negative Max is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case o.Max < 0:
		return nil, fmt.Errorf("jwtauth: Max %d is negative", o.Max)
	case o.Max == 0:
		o.Max = 1 << 18
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory{max: o.Max, now: o.Now, ids: map[string]*deniedID{}}, nil
}

// errMemoryFull is returned rather than an ID dropped, whose tokens would be
// accepted again.
var errMemoryFull = errors.New("jwtauth: the denylist in memory is full")

// clockSlack is how long an ID stays after its time, in milliseconds.
const clockSlack = int64(time.Hour / time.Millisecond)

// Deny implements [Denylist]. It fails rather than exceed Max: no ID is dropped
// before its time.
func (m *Memory) Deny(_ context.Context, until time.Time, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, deadline := m.now().UnixMilli(), roundUp(until)
	if deadline <= now-clockSlack {
		return nil
	}
	m.dropExpired(now-clockSlack, len(m.ids))
	m.dropExpired(now, len(m.ids)+len(ids)-m.max)
	for _, id := range ids {
		id = boundedID(id)
		e, ok := m.ids[id]
		switch {
		case ok && e.Deadline < deadline:
			m.expiry.Move(e, deadline)
		case ok:
		case len(m.ids) >= m.max && deadline <= now:
		case len(m.ids) >= m.max:
			return errMemoryFull
		default:
			e = &deniedID{Node: expiring.Node{Deadline: deadline}, id: id}
			m.ids[id] = e
			m.expiry.Push(e)
		}
	}
	return nil
}

// dropExpired drops up to n IDs whose deadline is not after now.
func (m *Memory) dropExpired(now int64, n int) {
	for ; n > 0; n-- {
		e, ok := m.expiry.First()
		if !ok || e.Deadline > now {
			return
		}
		m.expiry.Remove(e)
		delete(m.ids, e.id)
	}
}

// Denied implements [Denylist].
func (m *Memory) Denied(_ context.Context, ids ...string) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.ids) == 0 {
		return false, nil
	}
	for _, id := range ids {
		if e, ok := m.ids[boundedID(id)]; ok && m.now().UnixMilli() < e.Deadline {
			return true, nil
		}
	}
	return false, nil
}

// roundUp returns t in Unix milliseconds. Times after the year 9999 never pass.
func roundUp(t time.Time) int64 {
	if t.Unix() > maxDate {
		return math.MaxInt64
	}
	ms := t.UnixMilli()
	if time.UnixMilli(ms).Before(t) {
		ms++
	}
	return ms
}

// boundedID bounds the memory that an ID of an external issuer takes.
func boundedID(id string) string {
	if len(id) <= 80 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return string(sum[:])
}
