package jwtauth

import (
	"context"
	"net/http"
	"strings"
	"sync"
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

// remembered is a token, good from the moment it was verified until it expires
// or has been kept long enough. A clock that is set back makes it unknown.
type remembered[C any] struct {
	token        *Token[C]
	from         origin
	since, until int64 // ns of Unix time
}

func (v *Verifier[C]) remember(t *Token[C], from origin, k clock) remembered[C] {
	until := k.now.Add(v.opts.CacheTTL)
	if exp := t.ExpiresAt.Add(k.leeway); exp.Before(until) {
		until = exp
	}
	return remembered[C]{t, from, k.now.UnixNano(), until.UnixNano()}
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

// recallFrom is the remembered token of a request that spells its credential
// as most do, nil where there is none: then it is read as it must be.
func (v *Verifier[C]) recallFrom(r *http.Request) *Token[C] {
	const scheme = "Bearer "
	lines := r.Header["Authorization"]
	if v.remembered == nil || v.crossSite != nil || len(lines) != 1 {
		return nil
	}
	line := lines[0]
	if len(line) > len(scheme)+v.opts.MaxTokenBytes || !strings.HasPrefix(line, scheme) {
		return nil
	}
	return v.recall(r.Context(), line[len(scheme):], clock{v.opts.Now(), v.opts.Leeway})
}

// recall is the remembered token, if it is good at this moment. One whose keys
// were replaced is parsed anew.
func (v *Verifier[C]) recall(ctx context.Context, token string, k clock) *Token[C] {
	m, young, ok := v.remembered.find(token)
	if now := k.now.UnixNano(); !ok || now < m.since || now >= m.until {
		return nil
	}
	if set, err := m.from.keys.Load(ctx); err != nil || set != m.from.set {
		return nil
	}
	if !young {
		v.remembered.add(token, m)
	}
	return m.token
}

// verified is parse for a token that may have been seen before.
func (v *Verifier[C]) verified(ctx context.Context, token string, k clock) (*Token[C], error) {
	if v.remembered == nil {
		t, _, err := v.parse(ctx, token, k)
		return t, err
	}
	if t := v.recall(ctx, token, k); t != nil {
		return t, nil
	}
	t, from, err := v.parse(ctx, token, k)
	if err != nil {
		return nil, err
	}
	v.remembered.add(token, v.remember(t, from, k))
	return t, nil
}
