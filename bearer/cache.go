package bearer

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// A digest is the SHA-256 of a token: tokens themselves are not stored.
type digest [sha256.Size]byte

// A cache holds a bounded number of introspections by the digest of their
// tokens, each for ttl at most. It evicts the least recently used one.
type cache struct {
	ttl      time.Duration
	mu       sync.Mutex
	max      int
	byDigest map[digest]*list.Element
	recent   *list.List // of *cached, the most recently used first
}

type cached struct {
	digest        digest
	introspection *Introspection
	since         time.Time
}

// expired reports whether the entry or its token has expired. The age of the entry
// is the longer one of the monotonic clock, which no one sets back, and the wall
// clock, which does not stop while the machine sleeps. A negative age means that
// the clock was set back and is not monotonic.
func (e *cached) expired(ttl time.Duration, now time.Time) bool {
	age := max(now.Sub(e.since), now.Round(0).Sub(e.since.Round(0)))
	exp := e.introspection.ExpiresAt
	return age < 0 || age >= ttl || !exp.IsZero() && !now.Before(exp)
}

func newCache(max int, ttl time.Duration) *cache {
	return &cache{ttl: ttl, max: max, byDigest: map[digest]*list.Element{}, recent: list.New()}
}

func (c *cache) load(d digest, now time.Time) (*Introspection, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byDigest[d]
	if !ok {
		return nil, false
	}
	e := el.Value.(*cached)
	if e.expired(c.ttl, now) {
		c.remove(el)
		return nil, false
	}
	c.recent.MoveToFront(el)
	return e.introspection, true
}

func (c *cache) store(d digest, i *Introspection, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byDigest[d]; ok {
		c.remove(el)
	}
	for len(c.byDigest) >= c.max {
		c.remove(c.recent.Back())
	}
	c.byDigest[d] = c.recent.PushFront(&cached{d, i, since})
}

func (c *cache) remove(el *list.Element) {
	delete(c.byDigest, el.Value.(*cached).digest)
	c.recent.Remove(el)
}
