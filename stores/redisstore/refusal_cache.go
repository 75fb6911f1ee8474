package redisstore

import (
	"sync"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

const (
	// maxRefusals is the capacity of a refusalCache.
	maxRefusals = 8192
	// cachedFor is how long a refusal is cached at most: another process may reset
	// the count meanwhile.
	cachedFor = time.Second
)

// A refusalCache holds refusals of Redis until the limits would grant again, or for
// cachedFor.
type refusalCache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[refusalKey]refusal
	// generation is the number of removals so far.
	generation uint64
}

// A refusalKey identifies a count.
type refusalKey struct {
	limit     ratelimit.Limit // without a quota and a burst
	key, slot string
	since     int64 // the period of a calendar
}

func refusalKeyOf(t *ratelimit.Take) refusalKey {
	k := refusalKey{t.Limit, t.Key, t.Slot, t.Since.UnixMilli()}
	k.limit.Quota, k.limit.Burst = 0, 0
	return k
}

// A refusal is that of a cost by a quota and a burst.
type refusal struct {
	answered           time.Time // when state arrived
	until              time.Time
	quota, burst, cost int
	state              ratelimit.State
}

func newRefusalCache(now func() time.Time) *refusalCache {
	return &refusalCache{now: now, entries: map[refusalKey]refusal{}}
}

// cacheable reports whether a refusal of takes may be cached. A refusal of several
// takes may not: this process does not know the state of their other limits. Nor may
// that of requests in flight: it may end at any time.
func cacheable(takes []ratelimit.Take) bool {
	if len(takes) != 1 {
		return false
	}
	t := &takes[0]
	return t.Cost > 0 && !t.Fresh && !t.Force && t.Limit.Algorithm != ratelimit.InFlight
}

// A query is when Redis is asked, and the generation then.
type query struct {
	at         time.Time
	generation uint64
}

// find returns the cached answer to a take of the same cost by the same quota. If there
// is none, it returns the query to pass to add.
func (r *refusalCache) find(takes []ratelimit.Take) (states []ratelimit.State, q query, found bool) {
	if !cacheable(takes) {
		return nil, query{}, false
	}
	t := &takes[0]
	k := refusalKeyOf(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	q = query{now, r.generation}
	entry, ok := r.entries[k]
	if !ok || t.Cost != entry.cost || t.Limit.Quota != entry.quota || t.Limit.Burst != entry.burst {
		return nil, q, false
	}
	if !now.Before(entry.until) || now.Before(entry.answered) {
		delete(r.entries, k)
		return nil, q, false
	}
	elapsed := now.Sub(entry.answered)
	s := entry.state
	s.RetryAfter -= elapsed
	s.Reset = max(s.Reset-elapsed, 0)
	return []ratelimit.State{s}, query{}, true
}

// add caches states if they are a refusal. It does nothing if an entry has been
// removed since Redis was asked: it may have refused before the removal, and would grant
// now. When Redis decided is unknown if the answer was slow: the refusal is cached from
// the query on, so not for too long, and its RetryAfter counts from the answer on, so that
// it is not too short.
func (r *refusalCache) add(takes []ratelimit.Take, states []ratelimit.State, q query) {
	if !cacheable(takes) || states[0].RetryAfter <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.generation != q.generation {
		return
	}
	r.evict(q.at)
	t := &takes[0]
	until := q.at.Add(min(states[0].RetryAfter, cachedFor))
	r.entries[refusalKeyOf(t)] = refusal{r.now(), until, t.Limit.Quota, t.Limit.Burst, t.Cost, states[0]}
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
	delete(r.entries, refusalKeyOf(t))
	r.generation++
	r.mu.Unlock()
}
