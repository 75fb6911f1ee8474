package jwtauth

import (
	"context"
	"strings"
	"sync"
	"time"
)

// A cache holds verified tokens by their exact text, in two generations: when the
// young one is full, it replaces the old one, whose tokens are dropped unless
// they were used again. So it is bounded, and only verified tokens can evict
// others.
type cache[C any] struct {
	half int // of its size

	mu         sync.RWMutex
	young, old map[string]cacheEntry[C]
}

// A cacheEntry is valid from when its token was verified until the token or the
// entry expires. Before, as after the clock was set back, it is ignored.
type cacheEntry[C any] struct {
	token        *Token[C]
	by           signatory
	since, until int64 // Unix time in ns
}

func newCacheEntry[C any](t *Token[C], by signatory, now clock, ttl time.Duration) cacheEntry[C] {
	until := now.now.Add(ttl)
	if exp := t.ExpiresAt.Add(now.leeway); exp.Before(until) {
		until = exp
	}
	return cacheEntry[C]{t, by, now.now.UnixNano(), until.UnixNano()}
}

func newCache[C any](size int) *cache[C] {
	return &cache[C]{half: (size + 1) / 2, young: map[string]cacheEntry[C]{}}
}

// load returns the token of a valid entry, or nil. An entry whose keys were
// replaced is ignored.
func (c *cache[C]) load(ctx context.Context, token string, now clock) *Token[C] {
	e, young, ok := c.find(token)
	if at := now.now.UnixNano(); !ok || at < e.since || at >= e.until {
		return nil
	}
	if set, err := e.by.keys.Load(ctx); err != nil || set != e.by.set {
		return nil
	}
	if !young {
		c.add(token, e)
	}
	return e.token
}

func (c *cache[C]) find(token string) (e cacheEntry[C], young, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e, ok = c.young[token]; ok {
		return e, true, true
	}
	e, ok = c.old[token]
	return e, false, ok
}

func (c *cache[C]) add(token string, e cacheEntry[C]) {
	token = strings.Clone(token) // or the entry would hold the whole header field
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[string]cacheEntry[C], c.half)
	}
	c.young[token] = e
}
