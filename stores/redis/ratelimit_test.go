package redisstore_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// Many processes have many clients: eight of them admit as many as one.
func TestRateLimitAdmitsExactlyItsQuota(t *testing.T) {
	_, _, prefix := newStores(t)
	for _, limit := range []ratelimit.Limit{
		{Name: "exact", Quota: 5, Window: time.Minute},
		{Name: "counted", Quota: 100, Window: time.Minute},
		{Name: "gcra", Quota: 5, Window: time.Minute, Algorithm: ratelimit.GCRA},
	} {
		t.Run(limit.Name, func(t *testing.T) {
			var granted atomic.Int64
			var wg sync.WaitGroup
			for range 8 {
				s := reopen(t, prefix).RateLimits()
				for range 64 {
					wg.Go(func() {
						states, err := s.Take(t.Context(), []ratelimit.Take{{Limit: limit, Key: "key", Cost: 1}})
						if err != nil {
							t.Error(err)
						} else if states[0].RetryAfter == 0 {
							granted.Add(1)
						}
					})
				}
			}
			wg.Wait()
			if n := granted.Load(); n != int64(limit.Quota) {
				t.Errorf("%d of 512 were granted, want %d", n, limit.Quota)
			}
		})
	}
}
