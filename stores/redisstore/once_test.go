package redisstore_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/go-guard/guard/once"
)

// TestOnceExpires: Redis keeps each key for its time and the slack, and no longer.
func TestOnceExpires(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Once(), t.Context()
	taken, leased, done, stepped := once.Key("taken"), once.Key("leased"), once.Key("done"), once.Key("stepped")
	until := time.Now().Add(time.Hour)
	must[bool](t)(s.Take(ctx, taken, until))
	if _, _, err := s.Acquire(ctx, leased, time.Hour); err != nil {
		t.Fatal(err)
	}
	l, _, err := s.Acquire(ctx, done, time.Minute)
	if err = errors.Join(err, s.Commit(ctx, l, until)); err != nil {
		t.Fatal(err)
	}
	must[bool](t)(s.Advance(ctx, stepped, 1, until))
	must[bool](t)(s.Advance(ctx, stepped, 2, time.Now().Add(time.Minute))) // keeps the later time
	keys := must[[]string](t)(c.Keys(ctx, prefix+":o{*").Result())
	if len(keys) != 4 {
		t.Fatalf("%d keys, want 4", len(keys))
	}
	for _, key := range keys {
		ttl := must[time.Duration](t)(c.PTTL(ctx, key).Result())
		if slack := ttl - time.Hour; slack < -10*time.Second || slack > once.Slack+10*time.Second {
			t.Errorf("%s expires in %v", key, ttl)
		}
	}
	if _, state, err := s.Acquire(ctx, once.Key("long"), math.MaxInt64); state != once.First || err != nil {
		t.Errorf("a lease of 292 years: %v, %v", state, err)
	}
}

// TestOnceWhenFull: a full server refuses new keys, and answers about the others.
func TestOnceWhenFull(t *testing.T) {
	srv := startServer(t, "--appendonly", "no")
	c := newClient(t, srv.addr)
	s, ctx, until := newStoresAt(t, srv.addr).Once(), t.Context(), time.Now().Add(time.Hour)
	must[bool](t)(s.Take(ctx, once.Key("a"), until))
	l, _, err := s.Acquire(ctx, once.Key("b"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if first, err := s.Take(ctx, once.Key("new"), until); first || !errors.Is(err, once.ErrFull) {
		t.Errorf("Take = %t, %v", first, err)
	}
	if _, state, err := s.Acquire(ctx, once.Key("new"), time.Hour); state == once.First || !errors.Is(err, once.ErrFull) {
		t.Errorf("Acquire = %v, %v", state, err)
	}
	if ok, err := s.Advance(ctx, once.Key("new"), 1, until); ok || !errors.Is(err, once.ErrFull) {
		t.Errorf("Advance = %t, %v", ok, err)
	}
	if _, state, err := s.Acquire(ctx, once.Key("a"), time.Hour); state != once.Done || err != nil {
		t.Errorf("Acquire of a key that was taken = %v, %v", state, err)
	}
	if err := s.Release(ctx, l); err != nil {
		t.Errorf("Release = %v", err)
	}
}
