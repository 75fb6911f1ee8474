package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// A shardedStore has a shard for keys that begin with a letter of the first half of the
// alphabet of base64, and one for others.
type shardedStore struct {
	ratelimit.Store
	shards int
	hangs  int // the shard that does
}

func (s *shardedStore) Shards() int { return s.shards }

func (s *shardedStore) Shard(t *ratelimit.Take) int {
	if 'A' <= t.Key[0] && t.Key[0] <= 'Z' {
		return 0
	}
	return 1
}

func (s *shardedStore) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	if s.Shard(&takes[0]) == s.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Store.Take(ctx, takes)
}

// TestHangingShard: while a shard hangs, its takes are refused, after a few calls at
// once, and those of others are granted.
func TestHangingShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shardedStore{newFaulty(), 2, 1}
		l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "many", Quota: 1e6, Window: time.Hour}, byHeader, &ratelimit.Options{Store: store}))
		granted, refused := 0, 0
		var waited time.Duration
		for i := range 1000 {
			begun := time.Now()
			if _, err := l.Take(t.Context(), string(rune(i)), 1); err == nil {
				granted++
			} else {
				refused++
			}
			waited += time.Since(begun)
		}
		if granted < 300 || refused < 300 || waited > 10*250*time.Millisecond {
			t.Errorf("%d granted, %d refused, which waited %v", granted, refused, waited)
		}
		store.hangs = 0
		time.Sleep(time.Second)
		again := 0
		for i := range 1000 {
			if _, err := l.Take(t.Context(), string(rune(i)), 1); err == nil {
				again++
			}
		}
		if again != refused {
			t.Errorf("%d of %d are granted when the other shard hangs", again, refused)
		}
		time.Sleep(2 * time.Second) // what hangs ends
	})
}

func TestShardsAreBounded(t *testing.T) {
	for _, n := range []int{-1, 0, 257} {
		opts := &ratelimit.Options{Store: &shardedStore{newFaulty(), n, 0}}
		if _, err := ratelimit.New(loginLimit, byHeader, opts); err == nil {
			t.Errorf("a store with %d shards is accepted", n)
		}
	}
}
