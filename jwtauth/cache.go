package jwtauth

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/keyset"
)

// A cache holds verified tokens by their exact text. It is bounded, and only
// verified tokens can evict others. A token is in the shard of its hash: no request
// waits while a large cache replaces a generation.
type cache[C any] struct {
	seed   maphash.Seed
	shards []cacheShard[C]
}

// shardSize is the minimum size of a shard, if there are several.
const shardSize = 1024

// A cacheShard has two generations: when the young one is full, it replaces the old
// one, whose tokens are dropped unless they were used again. The keys are hashes.
type cacheShard[C any] struct {
	half int // of its size

	mu         sync.RWMutex
	young, old map[uint64]cacheEntry[C]
}

// A cacheEntry is valid from when its token was verified until the token or the
// entry expires. Before, as after the clock was set back, it is ignored.
type cacheEntry[C any] struct {
	text         string
	token        *Token[C]
	set          *keyset.Set // has the key that verified it
	since, until int64       // Unix time in ns
}

func newCacheEntry[C any](text string, t *Token[C], set *keyset.Set, now time.Time, ttl time.Duration) cacheEntry[C] {
	until := now.Add(ttl)
	if exp := t.ExpiresAt.Add(t.by.Leeway); exp.Before(until) {
		until = exp
	}
	// Cloned, or the entry would hold the whole header field.
	return cacheEntry[C]{strings.Clone(text), t, set, now.UnixNano(), until.UnixNano()}
}

func newCache[C any](size int) *cache[C] {
	c := &cache[C]{seed: maphash.MakeSeed(), shards: make([]cacheShard[C], max(1, size/shardSize))}
	for i := range c.shards {
		c.shards[i].half = max(1, size/len(c.shards)/2)
		c.shards[i].young = map[uint64]cacheEntry[C]{}
	}
	return c
}

func (c *cache[C]) hash(token string) uint64 { return maphash.String(c.seed, token) }

func (c *cache[C]) shardOf(hash uint64) *cacheShard[C] { return &c.shards[hash%uint64(len(c.shards))] }

func (c *cache[C]) add(e cacheEntry[C]) {
	hash := c.hash(e.text)
	c.shardOf(hash).add(hash, e)
}

// load returns the token of a valid entry, or nil. An entry whose keys were
// replaced is ignored.
func (c *cache[C]) load(ctx context.Context, token string, now time.Time) *Token[C] {
	hash := c.hash(token)
	s := c.shardOf(hash)
	e, young, ok := s.find(hash, token)
	if at := now.UnixNano(); !ok || at < e.since || at >= e.until {
		return nil
	}
	if set, err := e.token.by.keys.Load(ctx); err != nil || set != e.set {
		return nil
	}
	if !young {
		s.add(hash, e)
	}
	return e.token
}

func (s *cacheShard[C]) find(hash uint64, text string) (e cacheEntry[C], young, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e = s.young[hash]; e.text == text {
		return e, true, e.token != nil
	}
	e = s.old[hash]
	return e, false, e.text == text && e.token != nil
}

func (s *cacheShard[C]) add(hash uint64, e cacheEntry[C]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= s.half {
		s.old, s.young = s.young, make(map[uint64]cacheEntry[C], s.half)
	}
	s.young[hash] = e
}
