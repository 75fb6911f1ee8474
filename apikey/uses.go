package apikey

import (
	"context"
	"maps"
	"sync"
	"time"
)

const (
	usedEvery   = 5 * time.Minute // how often the use of a key is recorded
	usedTimeout = 5 * time.Second // for one write
	maxUses     = 16384           // keys whose uses are kept track of; those of more are recorded by and by
	maxQueue    = 1024            // writes that wait
)

// uses records when keys were last used, in the background: a request neither
// waits for a write nor fails with it. A worker runs only while there is
// something to write, so an idle ring has no goroutine.
type uses struct {
	store Store

	mu      sync.Mutex
	noted   map[string]time.Time // when a use was last queued, by id
	sweepAt time.Time            // a full noted is not walked over before
	queue   []use
	working bool
	closed  bool
	idle    chan struct{} // closed when the worker stops; nil without one
}

type use struct {
	id string
	at time.Time
}

func (u *uses) note(rec *Record, now time.Time) {
	if now.Sub(rec.LastUsedAt) < usedEvery {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || now.Sub(u.noted[rec.ID]) < usedEvery || len(u.queue) >= maxQueue {
		return // what is lost here is recorded with a later use
	}
	if !u.room(now) {
		return
	}
	if u.noted == nil {
		u.noted = map[string]time.Time{}
	}
	u.noted[rec.ID] = now
	u.queue = append(u.queue, use{rec.ID, stamp(now)})
	if !u.working {
		u.working, u.idle = true, make(chan struct{})
		go u.work(u.idle)
	}
}

// room makes room in noted, once a minute at most: requests wait for it.
func (u *uses) room(now time.Time) bool {
	if len(u.noted) >= maxUses && !now.Before(u.sweepAt) {
		u.sweepAt = now.Add(time.Minute)
		maps.DeleteFunc(u.noted, func(_ string, at time.Time) bool { return now.Sub(at) >= usedEvery })
	}
	return len(u.noted) < maxUses
}

func (u *uses) work(idle chan struct{}) {
	defer close(idle)
	for {
		u.mu.Lock()
		if len(u.queue) == 0 {
			u.queue, u.working = nil, false
			u.mu.Unlock()
			return
		}
		next := u.queue[0]
		u.queue = u.queue[1:]
		u.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), usedTimeout)
		_ = u.store.Used(ctx, next.id, next.at) // a later use is another try
		cancel()
	}
}

// Close waits until the last uses are recorded, or ctx ends, and then records
// no more. Keys still authenticate. It belongs at the end of a program, after
// the server's Shutdown: without it the LastUsedAt of some keys is older than it
// should be, and nothing else is lost.
func (k *Ring) Close(ctx context.Context) error {
	u := &k.uses
	u.mu.Lock()
	u.closed = true
	idle := u.idle
	u.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		u.mu.Lock()
		u.queue = nil
		u.mu.Unlock()
		return ctx.Err()
	}
}
