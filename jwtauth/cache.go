package jwtauth

import (
	"context"
	"strings"
	"sync"
	"time"
)

// A cache remembers verified tokens by their exact spelling. It keeps two
// generations: when the young one is full it becomes the old one, whose tokens
// are forgotten unless they come again. So it is bounded, and only tokens that
// verified can push others out.
type cache[C any] struct {
	half int

	mu         sync.RWMutex
	young, old map[string]remembered[C]
}

type remembered[C any] struct {
	token *Token[C]
	from  origin
	until time.Time
}

func newCache[C any](size int) *cache[C] {
	return &cache[C]{half: (size + 1) / 2, young: map[string]remembered[C]{}}
}

func (c *cache[C]) find(token string) (m remembered[C], young, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if m, ok = c.young[token]; ok {
		return m, true, true
	}
	m, ok = c.old[token]
	return m, false, ok
}

func (c *cache[C]) add(token string, m remembered[C]) {
	token = strings.Clone(token) // and not the request's whole header
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[string]remembered[C], c.half)
	}
	c.young[token] = m
}

// cached is parse for a token that may have been seen before. The clock is
// looked at all the same, and one whose keys were replaced is parsed anew.
func (v *Verifier[C]) cached(ctx context.Context, token string, k clock) (*Token[C], error) {
	if m, young, ok := v.remembered.find(token); ok && k.now.Before(m.until) {
		set, err := m.from.keys.current(ctx)
		if err == nil && set == m.from.set && !k.early(m.token.notBefore) && !k.early(m.token.IssuedAt) {
			if k.expired(m.token.ExpiresAt) {
				return nil, errExpired
			}
			if !young {
				v.remembered.add(token, m)
			}
			return m.token, nil
		}
	}
	t, from, err := v.parse(ctx, token, k)
	if err != nil {
		return nil, err
	}
	v.remembered.add(token, remembered[C]{t, from, k.now.Add(v.opts.CacheTTL)})
	return t, nil
}
