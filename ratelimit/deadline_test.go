package ratelimit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

type traceKey struct{}

// TestDeadlines: each call ends by the timeout, and little sooner, whatever
// came before it; its context has the request's values, and not its end.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 160 * time.Millisecond
		store := newFaulty()
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Timeout: timeout}))
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace"))
		cancel()
		var mu sync.Mutex
		seen := map[time.Time]bool{}
		store.set(func(ctx context.Context) error {
			begun := time.Now()
			at, ok := ctx.Deadline()
			if left := at.Sub(begun); !ok || left > timeout || left < timeout*15/16 {
				t.Errorf("%v are left", left)
			}
			if ctx.Err() != nil || context.Cause(ctx) != nil || ctx.Value(traceKey{}) != "trace" {
				t.Errorf("%v, %v, %v", ctx.Err(), context.Cause(ctx), ctx.Value(traceKey{}))
			}
			mu.Lock()
			seen[at] = true
			mu.Unlock()
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			<-child.Done()
			if !time.Now().Equal(at) || !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(child.Err(), context.DeadlineExceeded) {
				t.Errorf("%v late: %v, %v", time.Since(at), ctx.Err(), child.Err())
			}
			return ctx.Err()
		})
		var wg sync.WaitGroup
		for range 100 { // in a third of a second
			wg.Go(func() {
				begun := time.Now()
				_, err := l.Take(ctx, "a", 1)
				if took := time.Since(begun); err == nil || took > timeout {
					t.Errorf("%v after %v", err, took)
				}
			})
			time.Sleep(timeout / 48)
		}
		wg.Wait()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if n := len(seen); n < 2 || n > 20 {
			t.Errorf("%d timers", n)
		}
	})
}

// TestLateLogin: a login that a late store granted after FailOpen let it go on
// does not count: nobody could tell of its success.
func TestLateLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		l := newLogin(t, &ratelimit.LoginOptions{
			Account: ratelimit.Limit{Quota: 1, Window: time.Hour},
			Store:   store, Secret: []byte("0123456789abcdef"), OnFailure: ratelimit.FailOpen(),
		})
		store.set(hangs(time.Second))
		if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
			t.Fatalf("without an answer in time: %d", w.Code)
		}
		store.set(nil)
		time.Sleep(time.Minute)
		if w := login(l, "203.0.113.7", "alice", "wrong"); w.Code != 401 {
			t.Errorf("after it: %d", w.Code)
		}
		if w := login(l, "203.0.113.7", "alice", "wrong"); w.Code != 429 {
			t.Errorf("over the quota: %d", w.Code)
		}
	})
}
