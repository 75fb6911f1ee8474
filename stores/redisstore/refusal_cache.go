package redisstore

import (
	"sync"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// maxRefusals is the capacity of a refusalCache.
const maxRefusals = 8192

// A refusalCache holds refusals of Redis until the limits would grant again.
type refusalCache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[refusalKey]refusal
	// generation is the number of removals so far.
	generation uint64
}

// A refusalKey identifies a count: a limit and the client that it counts.
type refusalKey struct {
	limit ratelimit.Limit
	key   string
}

type refusal struct {
	at    time.Time
	until time.Time
	cost  int
	state ratelimit.State
}

func newRefusalCache(now func() time.Time) *refusalCache {
	return &refusalCache{now: now, entries: map[refusalKey]refusal{}}
}

// cacheable reports whether a refusal of takes may be cached. A refusal of several
// takes may not: this process does not know the state of their other limits.
func cacheable(takes []ratelimit.Take) bool {
	return len(takes) == 1 && !takes[0].Fresh && takes[0].Cost > 0
}

// find returns the cached answer to a take of the same cost. If there is none, it
// returns the generation to pass to add.
func (r *refusalCache) find(takes []ratelimit.Take) (states []ratelimit.State, generation uint64, found bool) {
	if !cacheable(takes) {
		return nil, 0, false
	}
	k := refusalKey{takes[0].Limit, takes[0].Key}
	r.mu.Lock()
	defer r.mu.Unlock()
	entry, ok := r.entries[k]
	if !ok || takes[0].Cost != entry.cost {
		return nil, r.generation, false
	}
	now := r.now()
	if !now.Before(entry.until) || now.Before(entry.at) {
		delete(r.entries, k)
		return nil, r.generation, false
	}
	elapsed := now.Sub(entry.at)
	s := entry.state
	s.RetryAfter -= elapsed
	s.Reset -= elapsed
	return []ratelimit.State{s}, 0, true
}

// add caches states if they are a refusal. It does nothing if an entry has been
// removed since find returned generation: Redis may have refused before the
// removal, and would grant now.
func (r *refusalCache) add(takes []ratelimit.Take, states []ratelimit.State, generation uint64) {
	if !cacheable(takes) || states[0].RetryAfter <= 0 {
		return
	}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.generation != generation {
		return
	}
	r.evict(now)
	r.entries[refusalKey{takes[0].Limit, takes[0].Key}] = refusal{now, now.Add(states[0].RetryAfter), takes[0].Cost, states[0]}
}

// evict inspects two arbitrary entries and deletes those that have expired; if the
// cache is full, it deletes them in any case.
func (r *refusalCache) evict(now time.Time) {
	inspected := 0
	for k, entry := range r.entries {
		if !now.Before(entry.until) || len(r.entries) >= maxRefusals {
			delete(r.entries, k)
		}
		if inspected++; inspected == 2 {
			break
		}
	}
}

// remove deletes the entry of a limit from which something was given back.
func (r *refusalCache) remove(t *ratelimit.Take) {
	if t.Fresh {
		return // never cached
	}
	r.mu.Lock()
	delete(r.entries, refusalKey{t.Limit, t.Key})
	r.generation++
	r.mu.Unlock()
}
