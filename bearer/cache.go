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
// tokens. It evicts the least recently used one.
type cache struct {
	mu       sync.Mutex
	max      int
	byDigest map[digest]*list.Element
	recent   *list.List // of *cached, the most recently used first
}

type cached struct {
	digest        digest
	introspection *Introspection
	until         time.Time
}

func newCache(max int) *cache {
	return &cache{max: max, byDigest: map[digest]*list.Element{}, recent: list.New()}
}

func (c *cache) load(d digest, now time.Time) (*Introspection, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byDigest[d]
	if !ok {
		return nil, false
	}
	e := el.Value.(*cached)
	if !now.Before(e.until) {
		c.remove(el)
		return nil, false
	}
	c.recent.MoveToFront(el)
	return e.introspection, true
}

func (c *cache) store(d digest, i *Introspection, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byDigest[d]; ok {
		c.remove(el)
	}
	for len(c.byDigest) >= c.max {
		c.remove(c.recent.Back())
	}
	c.byDigest[d] = c.recent.PushFront(&cached{d, i, until})
}

func (c *cache) remove(el *list.Element) {
	delete(c.byDigest, el.Value.(*cached).digest)
	c.recent.Remove(el)
}
