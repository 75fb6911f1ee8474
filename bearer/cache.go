package bearer

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// A cache holds a bounded number of answers by the digest of their tokens; the
// one not used for longest makes room.
type cache struct {
	mu     sync.Mutex
	max    int
	byKey  map[[sha256.Size]byte]*list.Element
	recent *list.List // of *cached, the latest used first
}

type cached struct {
	key    [sha256.Size]byte
	answer *Introspection
	until  time.Time
}

func newCache(max int) *cache {
	return &cache{max: max, byKey: map[[sha256.Size]byte]*list.Element{}, recent: list.New()}
}

func (c *cache) load(key [sha256.Size]byte, now time.Time) (*Introspection, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	e := el.Value.(*cached)
	if !now.Before(e.until) {
		c.remove(el)
		return nil, false
	}
	c.recent.MoveToFront(el)
	return e.answer, true
}

func (c *cache) store(key [sha256.Size]byte, answer *Introspection, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.byKey[key]; ok {
		c.remove(el)
	}
	for len(c.byKey) >= c.max {
		c.remove(c.recent.Back())
	}
	c.byKey[key] = c.recent.PushFront(&cached{key, answer, until})
}

func (c *cache) remove(el *list.Element) {
	delete(c.byKey, el.Value.(*cached).key)
	c.recent.Remove(el)
}
