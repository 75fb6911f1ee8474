package sqlstore

import (
	"runtime"

	"github.com/go-guard/guard/ratelimit"
)

// AwaitWaiting returns when n calls wait for others about the same counts.
func AwaitWaiting(s ratelimit.Store, n int) {
	r := s.(*rateLimits)
	for {
		r.mu.Lock()
		waiting := 0
		for _, q := range r.queues {
			waiting += len(q.waiting)
		}
		r.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}
