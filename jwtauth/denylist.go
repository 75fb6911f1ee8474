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
// by the id of their session (sid), which all tokens of one login share. What it
// is given is not those alone: [DeniedToken] and [DeniedSession] say which of
// the two it is, and whose, so that several issuers, Verifiers and Refreshers
// may share one. It must be safe for use by several goroutines.
type Denylist interface {
	// Deny refuses what carries one of the ids until the given time, at
	// least, in one round trip for some hundred of them. Denying an id again
	// never shortens its time. An error means that the store failed, and that
	// some may not be denied.
	Deny(ctx context.Context, until time.Time, ids ...string) error

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
// bytes. It is kept for up to an hour longer than it is denied, while there is
// room: a clock may be set back.
type MemoryDenylist struct {
	max int
	now func() time.Time

	mu    sync.RWMutex
	ids   map[string]*denied
	queue queue[*denied] // by time, so that Deny finds what has passed
}

// NewDenylist returns an empty MemoryDenylist; opts may be nil. A Max below 1
// stands for the default.
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

// clockSlack is how long an id is kept for a clock that is set back.
const clockSlack = time.Hour

// Deny implements [Denylist]. It fails where Max ids would be passed: none of
// them is forgotten early.
func (d *MemoryDenylist) Deny(_ context.Context, until time.Time, ids ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if !now.Add(-clockSlack).Before(until) {
		return nil
	}
	d.forget(now.Add(-clockSlack), len(d.queue))
	d.forget(now, len(d.ids)+len(ids)-d.max)
	for _, id := range ids {
		id = denyKey(id)
		e, known := d.ids[id]
		switch {
		case known && e.over.Before(until):
			e.over = until
			heap.Fix(&d.queue, e.index)
		case known:
		case len(d.ids) >= d.max && !now.Before(until):
		case len(d.ids) >= d.max:
			return errDenylistFull
		default:
			e = &denied{id: id, queued: queued{over: until}}
			d.ids[id] = e
			heap.Push(&d.queue, e)
		}
	}
	return nil
}

// forget drops up to n ids whose time had passed by then.
func (d *MemoryDenylist) forget(by time.Time, n int) {
	for ; n > 0 && len(d.queue) > 0 && !by.Before(d.queue[0].over); n-- {
		delete(d.ids, heap.Pop(&d.queue).(*denied).id)
	}
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
	if len(id) <= 80 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return string(sum[:])
}

type denied struct {
	id string
	queued
}
