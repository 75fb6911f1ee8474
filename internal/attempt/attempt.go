// Package attempt bounds how often something is attempted for each of many ids.
package attempt

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

const slots = 4096

// A Table remembers the last attempts. Its size is fixed: an id may push another
// one out, which is then attempted once more. Use New.
type Table struct {
	seed  maphash.Seed
	every int64 // in milliseconds
	slots [slots]slot
}

type slot struct {
	id atomic.Uint64
	at atomic.Int64
}

// New returns a Table for one attempt per id in every.
func New(every time.Duration) *Table {
	return &Table{seed: maphash.MakeSeed(), every: every.Milliseconds()}
}

// Due reports whether the caller is to attempt now: no one else has for the id,
// for as long as the Table remembers. A clock that was set back begins anew.
func (t *Table) Due(id string, now time.Time) bool {
	hash := maphash.String(t.seed, id) | 1 // an empty slot has no id
	s := &t.slots[hash>>1%slots]
	ms, last := now.UnixMilli(), s.at.Load()
	if s.id.Load() == hash && last <= ms && ms-last < t.every {
		return false
	}
	if !s.at.CompareAndSwap(last, ms) && s.id.Load() == hash {
		return false // another request of this id was faster
	}
	s.id.Store(hash)
	return true
}
