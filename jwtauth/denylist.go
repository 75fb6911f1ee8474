package jwtauth

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// A Denylist refuses tokens before they expire, by their id (the jti claim) or
// by the id of their session (sid), which all tokens of one login share. It
// must be safe for use by several goroutines.
type Denylist interface {
	// Deny refuses what carries id until the given time, at least. Denying
	// an id again never shortens its time. An error means that the store
	// failed, and that nothing was denied.
	Deny(ctx context.Context, id string, until time.Time) error

	// Denied reports whether any of the ids is denied now, in one round
	// trip. An error means that the store failed; it is answered 503.
	Denied(ctx context.Context, ids ...string) (bool, error)
}

// DenylistOptions has what a MemoryDenylist can do without.
type DenylistOptions struct {
	// Max is how many ids may be denied at a time. If 0, it is 262144.
	Max int
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// MemoryDenylist is a Denylist for a single process. An id takes less than 300
// bytes, until the time it was denied for has passed.
type MemoryDenylist struct {
	max int
	now func() time.Time

	mu    sync.RWMutex
	ids   map[string]*denied
	queue queue[*denied] // by time, so that Deny finds what has passed
}

// NewDenylist returns an empty MemoryDenylist.
func NewDenylist(opts *DenylistOptions) *MemoryDenylist {
	var o DenylistOptions
	if opts != nil {
		o = *opts
	}
	if o.Max <= 0 {
		o.Max = 1 << 18
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &MemoryDenylist{max: o.Max, now: o.Now, ids: map[string]*denied{}}
}

// errDenylistFull: to forget another id instead would let its tokens in again.
var errDenylistFull = errors.New("jwtauth: the denylist in memory is full")

// Deny implements [Denylist]. It fails where Max ids are denied already: none
// of them is forgotten early.
func (d *MemoryDenylist) Deny(_ context.Context, id string, until time.Time) error {
	id = denyKey(id)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for len(d.queue) > 0 && !now.Before(d.queue[0].over) {
		delete(d.ids, heap.Pop(&d.queue).(*denied).id)
	}
	e, known := d.ids[id]
	switch {
	case !now.Before(until):
	case known && e.over.Before(until):
		e.over = until
		heap.Fix(&d.queue, e.index)
	case known:
	case len(d.ids) >= d.max:
		return errDenylistFull
	default:
		e = &denied{id: id, queued: queued{over: until}}
		d.ids[id] = e
		heap.Push(&d.queue, e)
	}
	return nil
}

// Denied implements [Denylist].
func (d *MemoryDenylist) Denied(_ context.Context, ids ...string) (bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if len(d.ids) == 0 {
		return false, nil
	}
	for _, id := range ids {
		if e, ok := d.ids[denyKey(id)]; ok && d.now().Before(e.over) {
			return true, nil
		}
	}
	return false, nil
}

// denyKey bounds what an id of a foreign issuer takes in memory.
func denyKey(id string) string {
	if len(id) <= 64 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return string(sum[:])
}

type denied struct {
	id string
	queued
}
