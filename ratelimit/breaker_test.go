package ratelimit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

type traceKey struct{}

// TestDeadlines: a request waits for the timeout, and a call has a second; its
// context has the values of the request, and does not end with it.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 160 * time.Millisecond
		store := newFaulty()
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Timeout: timeout}))
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace"))
		cancel()
		store.set(func(ctx context.Context) error {
			begun := time.Now()
			at, ok := ctx.Deadline()
			if left := at.Sub(begun); !ok || left != time.Second {
				t.Errorf("the deadline is in %v, want %v", left, time.Second)
			}
			if ctx.Err() != nil || context.Cause(ctx) != nil {
				t.Errorf("the context has ended: %v, %v", ctx.Err(), context.Cause(ctx))
			}
			if ctx.Value(traceKey{}) != "trace" {
				t.Errorf("a value of the request is %v", ctx.Value(traceKey{}))
			}
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			<-child.Done()
			if !time.Now().Equal(at) {
				t.Errorf("the context ended %v late", time.Since(at))
			}
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(child.Err(), context.DeadlineExceeded) {
				t.Errorf("the context ended with %v and %v", ctx.Err(), child.Err())
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
		time.Sleep(2 * time.Second)
	})
}

// TestDeadStore: no request waits longer than the timeout, and most do not wait
// at all. A few requests a second call the store again, until it works.
func TestDeadStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.set(hangs(10 * time.Minute))
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		waited := 0
		for range 1000 { // 10 s
			start := time.Now()
			if a := serve(t, l.Wrap, of("a")); a.Code != http.StatusServiceUnavailable {
				t.Fatalf("status %d", a.Code)
			}
			d := time.Since(start)
			if d > 250*time.Millisecond {
				t.Fatalf("waited %v", d)
			}
			if d > 0 {
				waited++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if waited > 64+16+10 {
			t.Errorf("%d of 1000 requests waited", waited)
		}
		store.set(nil)
		time.Sleep(time.Second)
		if a := serve(t, l.Wrap, of("a")); !a.reached {
			t.Errorf("status %d after the store came back", a.Code)
		}
		for range 4 {
			serve(t, l.Wrap, of("a"))
		}
		if a := serve(t, l.Wrap, of("a")); a.Code != 429 {
			t.Errorf("status %d: the limit is gone", a.Code)
		}
		time.Sleep(time.Hour) // what hangs ends
	})
}

// TestProbe: after a pause a few requests call the store.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.set(down)
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		for range 20 {
			serve(t, l.Wrap, of("a"))
		}
		if n := store.calls.Load(); n != 5 {
			t.Errorf("%d calls to a store that is down, want 5", n)
		}
		time.Sleep(time.Second)
		store.calls.Store(0)
		store.set(hangs(40 * time.Millisecond))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _, _ = l.Take(t.Context(), "a", 1) })
		}
		wg.Wait()
		if n := store.calls.Load(); n != 16 {
			t.Errorf("%d of 100 requests tried the store at once, want 16", n)
		}
		if _, err := l.Peek(t.Context(), "a"); err != nil {
			t.Errorf("the probe worked, and the store is not used: %v", err)
		}
	})
}

// TestDeadConnections: a store is used again within two seconds and a timeout, also if each of its
// 20 idle connections is dead and a call has to fail on it first. While a single call
// a second was made, that took 20 seconds.
func TestDeadConnections(t *testing.T) {
	for _, every := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 40 * time.Millisecond} { // between requests
		synctest.Test(t, func(t *testing.T) {
			store := newFaulty()
			var idle atomic.Int64
			idle.Store(20)
			store.set(func(ctx context.Context) error {
				if idle.Add(-1) < 0 {
					return nil // on a new connection
				}
				<-ctx.Done()
				return ctx.Err()
			})
			many := ratelimit.Limit{Name: "many", Quota: 1e6, Window: time.Hour}
			l := guard.Must(ratelimit.New(many, byHeader, &ratelimit.Options{Store: store}))
			begun := time.Now()
			var last atomic.Int64 // failure
			var calls sync.WaitGroup
			for time.Since(begun) < 10*time.Second {
				calls.Go(func() {
					if _, err := l.Take(t.Context(), "a", 1); err != nil {
						last.Store(int64(time.Since(begun)))
					}
				})
				time.Sleep(every)
			}
			calls.Wait()
			if last := time.Duration(last.Load()); last > 2*time.Second+250*time.Millisecond {
				t.Errorf("with a request every %v, the last one failed after %v", every, last)
			}
		})
	}
}

// TestFailuresInFlight: the pause is a second, however many calls were in flight
// when the store failed; it doubled with each one above five.
func TestFailuresInFlight(t *testing.T) {
	for _, inFlight := range []int{5, 9, 50} {
		synctest.Test(t, func(t *testing.T) {
			store := newFaulty()
			store.set(hangs(260 * time.Millisecond)) // 10 ms too long
			l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
			var wg sync.WaitGroup
			for range inFlight {
				wg.Go(func() { _, _ = l.Take(t.Context(), "a", 1) })
			}
			wg.Wait()
			store.set(nil)
			time.Sleep(time.Second)
			if _, err := l.Take(t.Context(), "b", 1); err != nil {
				t.Errorf("a second after %d calls failed: %v", inFlight, err)
			}
		})
	}
}

// TestOutagesAtRandom: whatever calls were in flight, a store that works again is
// used after a second, without a break, and one that is down gets 16 calls a second.
func TestOutagesAtRandom(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
			timeout := 10*time.Millisecond + upTo(3*time.Second)
			store := newFaulty()
			many := ratelimit.Limit{Name: "many", Quota: 1e6, Window: time.Hour}
			l := guard.Must(ratelimit.New(many, byHeader, &ratelimit.Options{Store: store, Timeout: timeout}))
			var calls sync.WaitGroup
			take := func() { _, _ = l.Take(t.Context(), "a", 1) }
			// traffic calls the store for d; answer is how a call ends.
			traffic := func(d time.Duration, answer func() func(context.Context) error) {
				for begun := time.Now(); time.Since(begun) < d; time.Sleep(upTo(20 * time.Millisecond)) {
					store.set(answer())
					calls.Go(take)
					synctest.Wait()
				}
			}
			slow := func() func(context.Context) error { return hangs(upTo(2 * timeout)) }
			dead := func() func(context.Context) error {
				if random.IntN(2) == 0 {
					return down
				}
				return func(context.Context) error { time.Sleep(2 * timeout); return errDown }
			}
			for range 3 {
				traffic(upTo(time.Second), slow)
				traffic(3*timeout, dead) // until it is open, and calls of before have ended
				store.calls.Store(0)
				outage := time.Second + upTo(time.Minute)
				traffic(outage, dead)
				if n, most := store.calls.Load(), 16*(int64(outage/time.Second)+2); n > most {
					t.Errorf("seed %d: %d calls of a store that was down for %v", seed, n, outage)
				}
				store.set(nil)
				time.Sleep(time.Second)
				for begun := time.Now(); time.Since(begun) < 3*timeout; time.Sleep(timeout / 10) { // what the outage left behind ends
					if _, err := l.Take(t.Context(), "a", 1); err != nil {
						t.Errorf("seed %d: %v after the outage of %v: %v", seed, time.Second+time.Since(begun), outage, err)
					}
				}
			}
			calls.Wait()
			time.Sleep(2 * timeout)
		})
	}
}

// TestProbeAfterAClockJump: a clock that is set back during an outage does not
// lengthen it.
func TestProbeAfterAClockJump(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	store := newFaulty()
	store.set(down)
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Now: func() time.Time { return now }}))
	for range 5 {
		_, _ = l.Take(t.Context(), "a", 1)
	}
	store.set(nil)
	now = now.Add(-40 * time.Minute)
	if _, err := l.Take(t.Context(), "a", 1); err != nil {
		t.Error(err)
	}
}

// TestStoreEndsItsGoroutine: runtime.Goexit in a store is a failure, and does not
// leave a request waiting.
func TestStoreEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.set(func(context.Context) error { runtime.Goexit(); return nil })
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		start := time.Now()
		if a := serve(t, l.Wrap, of("a")); a.Code != http.StatusServiceUnavailable {
			t.Errorf("status %d", a.Code)
		}
		if err := l.Reset(t.Context(), "a"); err == nil {
			t.Error("Reset has no error")
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %v", took)
		}
	})
}
