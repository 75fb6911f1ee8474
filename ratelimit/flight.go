package ratelimit

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// An attempt in flight counts twice: in its limits, and in a count of the attempts
// in flight with the same key. The end of the attempt undoes the second. So the
// answer to a take has the attempts of all processes that are in flight.
const (
	servedFor   = time.Minute     // an attempt whose end is not reported
	unservedFor = 4 * time.Second // the same, if no server ends its context
	lostAfter   = time.Minute     // an attempt of a process that crashed

	waitAtMost = 5 * time.Second // more than unservedFor
	maxWaiting = 256             // attempts that wait, in one process
	firstPause = 5 * time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// inFlight returns the limit whose count has the attempts in flight of each key of
// limits. It may refuse where they do not: a success undoes all takes of an
// account, also those of other attempts in flight.
func inFlight(limits ...Limit) Limit {
	f := Limit{Name: limits[0].Name + ".inflight", Quota: maxQuota, Window: lostAfter}
	for i := range limits {
		f.Quota = min(f.Quota, max(limits[i].Quota, limits[i].capacity()))
	}
	return f
}

// longestFlight returns how long an attempt of r is in flight if nothing ends it.
func longestFlight(r *http.Request) time.Duration {
	if r.Context().Value(http.ServerContextKey) == nil {
		return unservedFor
	}
	return servedFor
}

// A waiter is an attempt that waits for attempts in flight. They may be of another
// process, so it asks the store now and then.
type waiter struct {
	login *Login
	pause time.Duration
	until time.Time
}

// wait returns false when the attempt must not wait any longer.
func (w *waiter) wait(ctx context.Context) bool {
	if w.pause == 0 {
		if w.login.waiting.Add(1) > maxWaiting {
			w.login.waiting.Add(-1)
			return false
		}
		w.pause, w.until = firstPause, time.Now().Add(waitAtMost)
	}
	pause := w.pause/2 + rand.N(w.pause) // those that began together spread out
	if time.Until(w.until) < pause {
		return false
	}
	w.pause = min(2*w.pause, lastPause)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

func (w *waiter) stop() {
	if w.pause > 0 {
		w.login.waiting.Add(-1)
	}
}
