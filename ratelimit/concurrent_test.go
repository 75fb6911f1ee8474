package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
)

// A busy handler holds requests until it is released.
type busy struct {
	t       *testing.T
	l       *ratelimit.Limiter
	started chan struct{}
	leave   chan any // what a request panics with; nil to return
	ended   chan int // the status
}

func newBusy(t *testing.T, l *ratelimit.Limiter) *busy {
	return &busy{t, l, make(chan struct{}), make(chan any), make(chan int, 100)}
}

// begin begins a request and waits until its handler runs.
func (b *busy) begin(r *http.Request) {
	b.t.Helper()
	go func() {
		w, _ := through(b.l, func(w http.ResponseWriter, r *http.Request) {
			b.started <- struct{}{}
			if p := <-b.leave; p != nil {
				panic(p)
			}
		}, r)
		b.ended <- w.Code
	}()
	select {
	case <-b.started:
	case code := <-b.ended:
		b.t.Errorf("not handled: %d", code)
	}
}

func (b *busy) end(panics any) {
	b.leave <- panics
	<-b.ended
}

// refused checks that a request is refused, and returns its answer.
func (b *busy) refused(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	w, _ := through(b.l, nothing, r)
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		b.t.Errorf("%d %v", w.Code, w.Header())
	}
	return w
}

func (b *busy) served(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	w, _ := through(b.l, nothing, r)
	if w.Code != 200 {
		b.t.Errorf("%d %v", w.Code, w.Header())
	}
	return w
}

// TestConcurrent: a request counts until its handler returns or panics.
func TestConcurrent(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Headers = ratelimit.RateLimit | ratelimit.XRateLimit
		l := guard.Must(ratelimit.New(ratelimit.Concurrent(2), byHeader, &opts))
		b := newBusy(t, l)
		b.begin(of("a"))
		b.begin(of("a"))
		w := b.refused(of("a"))
		for name, want := range map[string]string{
			"RateLimit": `"concurrent";r=0`, "RateLimit-Policy": `"concurrent";q=2;qu="concurrent-requests"`,
			"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		b.served(of("b"))
		b.end(nil)
		if w := b.served(of("a")); w.Header().Get("RateLimit") != `"concurrent";r=0` {
			t.Errorf("%v", w.Header())
		}
		b.begin(of("a"))
		b.refused(of("a"))
		b.end("handler")
		b.end(http.ErrAbortHandler)
		left(t, l, "a", 2)
		if _, err := l.Take(t.Context(), "a", 1); err == nil || !strings.Contains(err.Error(), "use Wrap or Reserve") {
			t.Errorf("Take: %v", err)
		}
		left(t, l, "a", 2)
	})
}

// TestConcurrentBesideOthers: all limits are taken, or none.
func TestConcurrentBesideOthers(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Headers, opts.Cost = ratelimit.RateLimit|ratelimit.XRateLimit, func(*http.Request) int { return 10 }
		opts.AlsoBy = []ratelimit.By{{Key: byOrg, Limits: []ratelimit.Limit{ratelimit.Concurrent(1)}}}
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		b := newBusy(t, l)
		b.begin(ofOrg("ann", "acme"))
		b.refused(ofOrg("bob", "acme"))
		left(t, l, "bob", 100) // what the organisation refused, bob did not take
		b.served(ofOrg("bob", "other"))
		b.end(nil)
		// X-RateLimit is about the quota, although fewer requests in flight remain.
		if w := b.served(ofOrg("ann", "acme")); w.Header().Get("X-RateLimit-Limit") != "100" || w.Header().Get("RateLimit") != `"tokens";r=80;t=3600, "concurrent";r=0` {
			t.Errorf("%v", w.Header())
		}
		for range 9 {
			b.served(ofOrg("bob", ""))
		}
		if w, _ := through(l, nothing, ofOrg("bob", "acme")); w.Code != 429 || w.Header().Get("Retry-After") == "1" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		b.served(ofOrg("ann", "acme")) // nor the organisation what bob's quota refused
	})
}

// TestResetKeepsFlights: a reset ends no request.
func TestResetKeepsFlights(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Also = []ratelimit.Limit{ratelimit.Concurrent(1)}
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		b := newBusy(t, l)
		b.begin(of("a"))
		if err := l.Reset(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		b.refused(of("a"))
		b.end(nil)
		left(t, l, "a", 100)
	})
}

// TestConcurrentAndAnObserverThatPanics: the place is free again.
func TestConcurrentAndAnObserverThatPanics(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		l := guard.Must(ratelimit.New(ratelimit.Concurrent(1), byHeader, &opts))
		h := guard.Chain(guard.Observe(func(*http.Request, guard.Decision) { panic("observer") }), l.Wrap)(nothing)
		for range 3 {
			func() {
				defer func() {
					if p := recover(); p != "observer" {
						t.Errorf("panic %v", p)
					}
				}()
				h.ServeHTTP(httptest.NewRecorder(), of("a"))
			}()
		}
		left(t, l, "a", 1)
	})
}

// TestConcurrentInAStore: a request is renewed while its handler runs, and what a
// process that crashed left ends after a Window.
func TestConcurrentInAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newLedger(time.Now)
		store := &faulty{Store: inner}
		l := guard.Must(ratelimit.New(ratelimit.Concurrent(1), byHeader, &ratelimit.Options{Store: store}))
		b := newBusy(t, l)
		b.begin(of("a"))
		for range 10 {
			time.Sleep(45 * time.Second)
			b.refused(of("a"))
		}
		store.set(down) // for less than two thirds of a Window: the next renewal succeeds
		time.Sleep(35 * time.Second)
		store.set(nil)
		time.Sleep(20 * time.Second)
		b.refused(of("a"))
		b.end(nil)
		b.served(of("a"))
		time.Sleep(5 * time.Minute)
		inner.history()
		time.Sleep(time.Hour)
		if calls := inner.history(); len(calls) > 0 {
			t.Errorf("calls after the end: %q", calls)
		}
		// A process that crashes does not give back.
		b.begin(of("a"))
		store.set(down)
		b.end(nil)
		store.set(nil)
		time.Sleep(50 * time.Second)
		b.refused(of("a"))
		time.Sleep(11 * time.Second)
		b.served(of("a"))
	})
}

// TestRenewalAtTheEnd: a renewal that is under way when the handler returns does not
// count after it.
func TestRenewalAtTheEnd(t *testing.T) {
	for name, takes := range map[string]time.Duration{"in time": 30 * time.Millisecond, "late": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := newLedger(time.Now)
				store := &faulty{Store: inner}
				l := guard.Must(ratelimit.New(ratelimit.Concurrent(1), byHeader, &ratelimit.Options{Store: store}))
				b := newBusy(t, l)
				b.begin(of("a"))
				time.Sleep(19 * time.Second)
				store.set(hangs(takes))
				time.Sleep(time.Second + 10*time.Millisecond) // the renewal is under way
				b.end(nil)
				store.set(nil)
				time.Sleep(2 * time.Second)
				if n := inner.total(); n != 0 {
					t.Errorf("%d in flight: %q", n, inner.history())
				}
			})
		})
	}
}

// TestConcurrentInAnOutage: places are given back where they were taken, and FailOpen
// takes none, also if the store answers late.
func TestConcurrentInAnOutage(t *testing.T) {
	for name, onFailure := range map[string]ratelimit.Failure{
		"FailOpen": ratelimit.FailOpen(), "a ledger": ratelimit.Fallback(newLedger(time.Now)), "memory": ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := newLedger(time.Now)
				store := &faulty{Store: inner}
				limit := ratelimit.Limit{Name: "a-minute", Quota: 100, Window: time.Hour}
				l := guard.Must(ratelimit.New(ratelimit.Concurrent(1), byHeader, &ratelimit.Options{Also: []ratelimit.Limit{limit}, Store: store, OnFailure: onFailure}))
				b := newBusy(t, l)
				store.set(hangs(time.Second))
				b.begin(of("a"))
				if name != "FailOpen" {
					b.refused(of("a"))
				}
				time.Sleep(2 * time.Minute)
				if name != "FailOpen" {
					b.refused(of("a"))
				}
				store.set(nil)
				time.Sleep(2 * time.Second)
				b.served(of("a")) // in the store, where none is in flight
				b.end(nil)
				store.set(down)
				b.served(of("a"))
				b.served(of("a"))
				if name == "FailOpen" && inner.total() == 0 {
					t.Error("a request that FailOpen allowed counts in the quota, once the store answers")
				}
			})
		})
	}
}

// TestConcurrentInShadow: a trial holds places as the limit would.
func TestConcurrentInShadow(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Shadow = true
		l := guard.Must(ratelimit.New(ratelimit.Concurrent(1), byHeader, &opts))
		b := newBusy(t, l)
		b.begin(of("a"))
		a := serve(t, l.Wrap, of("a"))
		if !a.reached || a.decisions[0].Outcome != guard.Shadowed || a.decisions[0].RetryAfter != time.Second {
			t.Errorf("%d %+v", a.Code, a.decisions)
		}
		b.end(nil)
		left(t, l, "a", 1)
	})
}

// TestConcurrentDoesNotAllocate beyond the key, in memory.
func TestConcurrentDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for name, opts := range map[string]*ratelimit.Options{
		"alone":       nil,
		"two limits":  {Also: []ratelimit.Limit{{Name: "hour", Quota: plenty, Window: time.Hour}}},
		"by settling": {Settle: onlyFailures}, // one for the ResponseWriter
	} {
		h := guard.Must(ratelimit.New(ratelimit.Concurrent(10), byHeader, opts)).Wrap(nothing)
		want := 0.0
		if opts != nil && opts.Settle != nil {
			want = 1
		}
		if n := harness.NewDiscard().Allocs(h, of("a")); n > want {
			t.Errorf("%s: %v allocations, want %v", name, n, want)
		}
	}
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: plenty, Window: time.Minute}, byHeader, nil))
	r := of("a")
	if n := testing.AllocsPerRun(100, func() { v, _ := l.Reserve(r, 2); _ = v.Settle(context.Background(), 1) }); n > 2 {
		t.Errorf("Reserve and Settle: %v allocations", n)
	}
}
