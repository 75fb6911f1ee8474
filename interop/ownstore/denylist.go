package ownstore

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// Denylist is a jwtauth.Denylist in a map: each ID is denied by itself.
type Denylist struct {
	mu    sync.Mutex
	until map[string]time.Time // by ID
}

// NewDenylist returns an empty denylist.
func NewDenylist() *Denylist { return &Denylist{until: map[string]time.Time{}} }

func (d *Denylist) Deny(_ context.Context, until time.Time, _ string, ids ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(d.until, func(_ string, until time.Time) bool { return !now.Before(until) })
	if len(d.until)+len(ids) > 1<<20 {
		return errors.New("ownstore: the denylist is full") // it forgets no ID
	}
	for _, id := range ids {
		if until.After(d.until[id]) { // never shortened
			d.until[id] = until
		}
	}
	return nil
}

func (d *Denylist) Denied(_ context.Context, _ time.Time, _ string, ids ...string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if time.Now().Before(d.until[id]) {
			return true, nil
		}
	}
	return false, nil
}
