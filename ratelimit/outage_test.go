package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// A limited is a way to limit requests by a store that may fail.
type limited struct {
	name string
	wrap func(t *testing.T, store ratelimit.Store) guard.Middleware
	by   string // how the Reason names what decides without the store
}

// proceeding are the ways under which requests proceed in an outage.
func proceeding() []limited {
	limit := ratelimit.Limit{Name: "n", Quota: 1000, Window: 24 * time.Hour}
	wrap := func(failure func() ratelimit.Failure) func(*testing.T, ratelimit.Store) guard.Middleware {
		return func(_ *testing.T, store ratelimit.Store) guard.Middleware {
			return guard.Must(ratelimit.New(limit, byHeader, &ratelimit.Options{Store: store, OnFailure: failure()})).Wrap
		}
	}
	login := func(failure ratelimit.Failure) func(*testing.T, ratelimit.Store) guard.Middleware {
		return func(t *testing.T, store ratelimit.Store) guard.Middleware {
			l := newLogin(t, &ratelimit.LoginOptions{
				Address: ratelimit.Limit{Quota: 1000, Window: 24 * time.Hour}, Account: ratelimit.Limit{Quota: 1000, Window: 24 * time.Hour},
				Store: store, Secret: []byte("sixteen bytes..."), OnFailure: failure,
			})
			return attempting(l)
		}
	}
	local := func() ratelimit.Failure { return ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))) }
	return []limited{
		{"Wrap, Fallback", wrap(local), "the fallback"},
		{"Wrap, FailOpen", wrap(ratelimit.FailOpen), "FailOpen"},
		{"Attempt, the default", login(ratelimit.Failure{}), "the fallback"},
		{"Attempt, FailOpen", login(ratelimit.FailOpen()), "FailOpen"},
	}
}

// attempting is a middleware that makes a login attempt, as a handler does.
func attempting(l *ratelimit.Login) guard.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := failed(l, r, "alice@example.com"); err != nil {
				guard.Refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestOutageIsLoggedOnce: while the store is down, requests proceed, and without an
// Observe one line at Error says so for each outage. Nothing was logged.
func TestOutageIsLoggedOnce(t *testing.T) {
	for _, tt := range proceeding() {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store := harness.CaptureLog(t), newFaulty()
				m := tt.wrap(t, store)
				requests := func(n int) {
					t.Helper()
					for range n {
						if w, reached := harness.Serve(t, m, nil, of("a")); !reached {
							t.Fatalf("status %d", w.Code)
						}
						time.Sleep(time.Second)
					}
				}
				requests(10)
				if lines := log.Lines(); len(lines) != 0 {
					t.Errorf("a store that works: %q", lines)
				}
				for outage := range 2 {
					store.set(down)
					requests(150)
					lines := log.Lines()
					if len(lines) != 1 || !strings.HasPrefix(lines[0], "level=ERROR msg=guard package=ratelimit ") || !strings.Contains(lines[0], "outcome=failed") ||
						!strings.Contains(lines[0], tt.by+" decided") || !strings.Contains(lines[0], "refused by") || strings.Contains(lines[0], "alice") {
						t.Errorf("outage %d: %q, want one line", outage+1, lines)
					}
					store.set(nil)
					time.Sleep(time.Second) // the longest pause
					requests(100)
					if lines := log.Lines(); len(lines) != 0 {
						t.Errorf("after outage %d: %q", outage+1, lines)
					}
				}
			})
		})
	}
}

// TestFlappingStore: a store that fails now and then is one outage, and not one
// line for each failure.
func TestFlappingStore(t *testing.T) {
	for _, tt := range proceeding() {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store := harness.CaptureLog(t), newFaulty()
				m := tt.wrap(t, store)
				for i := range 100 {
					store.set(nil)
					if i%2 == 0 {
						store.set(down)
					}
					harness.Serve(t, m, nil, of("a"))
					time.Sleep(20 * time.Second)
				}
				if lines := log.Lines(); len(lines) != 1 {
					t.Errorf("%q, want one line", lines)
				}
			})
		})
	}
}

// TestOutageWithoutAnAnswer: a failure a minute or more after the last one is
// reported, whether or not the store has answered in between, and no decision is lost
// from the count. A store that no request had reached since Monday's outage was down
// on Tuesday without a line in the log.
func TestOutageWithoutAnAnswer(t *testing.T) {
	for _, tt := range proceeding() {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store := harness.CaptureLog(t), newFaulty()
				m := tt.wrap(t, store)
				store.set(down)
				for _, step := range []struct {
					pause time.Duration
					lines int
				}{{0, 1}, {59 * time.Second, 0}, {59 * time.Second, 0}, {time.Minute, 1}, {24 * time.Hour, 1}, {time.Second, 0}} {
					time.Sleep(step.pause)
					if w, reached := harness.Serve(t, m, nil, of("a")); !reached {
						t.Fatalf("status %d", w.Code)
					}
					if lines := log.Lines(); len(lines) != step.lines {
						t.Errorf("%v after a failure: %q, want %d lines", step.pause, lines, step.lines)
					}
				}
				store.set(nil)
				time.Sleep(time.Second)
				a := serve(t, m, of("a"))
				if got := a.decisions[0].Reason; got != "the store answers again; decisions made without it: 6" {
					t.Errorf("reason %q", got)
				}
			})
		})
	}
}

// TestOutageAfterAClockJump: a clock that was set back since the last outage does not
// hide the next one.
func TestOutageAfterAClockJump(t *testing.T) {
	log, store, clock := harness.CaptureLog(t), newFaulty(), harness.NewClock()
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, OnFailure: ratelimit.FailOpen(), Now: clock.Now}))
	store.set(down)
	for range 2 {
		if res, err := l.Take(t.Context(), "a", 1); err != nil || res.Failure == nil {
			t.Errorf("%+v, %v", res, err)
		}
		clock.Advance(-time.Hour)
	}
	if lines := log.Lines(); len(lines) != 2 {
		t.Errorf("%q, want two lines", lines)
	}
}

// TestParallelRequestsInAnOutage: of parallel requests, one reports that an outage
// has begun, and each one is counted.
func TestParallelRequestsInAnOutage(t *testing.T) {
	for _, tt := range proceeding() {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failed, allowed atomic.Int64
				store := newFaulty()
				store.set(func(context.Context) error { time.Sleep(time.Millisecond); return errDown })
				observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
					if d.Outcome == guard.Failed {
						failed.Add(1)
					} else if d.Outcome == guard.Allowed {
						allowed.Add(1)
					}
				})
				m := guard.Chain(observe, tt.wrap(t, store))
				var wg sync.WaitGroup
				for range 50 {
					wg.Go(func() { harness.Serve(t, m, nil, of("a")) })
				}
				wg.Wait()
				if failed.Load() != 1 || allowed.Load() != 49 {
					t.Errorf("%d failed and %d allowed of 50", failed.Load(), allowed.Load())
				}
				store.set(nil)
				time.Sleep(time.Second)
				a := serve(t, m, of("a"))
				if got := a.decisions[0].Reason; got != "the store answers again; decisions made without it: 50" {
					t.Errorf("reason %q", got)
				}
			})
		})
	}
}

// TestOutageIsObserved: the first decision of an outage is Failed, although the
// request proceeds, and the first one after it has the number of those in between.
func TestOutageIsObserved(t *testing.T) {
	for _, tt := range proceeding() {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, store := harness.CaptureLog(t), newFaulty()
				m := tt.wrap(t, store)
				decide := func() guard.Decision {
					t.Helper()
					a := serve(t, m, of("a"))
					if !a.reached || len(a.decisions) != 1 {
						t.Fatalf("status %d, decisions %+v; want one", a.Code, a.decisions)
					}
					return a.decisions[0]
				}
				if d := decide(); d.Outcome != guard.Allowed || d.Reason != "" {
					t.Errorf("before: %+v", d)
				}
				store.set(down)
				without := fmt.Sprintf("the store failed, and %s decided: ", tt.by)
				for i := range 20 {
					want := guard.Allowed
					if i == 0 {
						want = guard.Failed
					}
					d := decide()
					if d.Outcome != want || d.Status != 0 || !strings.HasPrefix(d.Reason, without) || d.Err == nil || (i < 5) != errors.Is(d.Err, errDown) {
						t.Errorf("decision %d of the outage: %+v, want %s", i+1, d, want)
					}
				}
				store.set(nil)
				time.Sleep(time.Second)
				if d := decide(); d.Outcome != guard.Allowed || d.Reason != "the store answers again; decisions made without it: 20" || d.Err != nil {
					t.Errorf("after: %+v", d)
				}
				if d := decide(); d.Outcome != guard.Allowed || d.Reason != "" {
					t.Errorf("later: %+v", d)
				}
				if lines := log.Lines(); len(lines) != 0 {
					t.Errorf("logged, although an Observe reports: %q", lines)
				}
			})
		})
	}
}

// TestRefusalsInAnOutage: a refusal by the fallback names it. Where an outage begins
// with one, the outage is reported, too.
func TestRefusalsInAnOutage(t *testing.T) {
	one := ratelimit.Limit{Name: "one", Quota: 1, Window: time.Hour}
	for name, wrap := range map[string]func(ratelimit.Store) guard.Middleware{
		"Wrap": func(store ratelimit.Store) guard.Middleware {
			return guard.Must(ratelimit.New(one, byHeader, &ratelimit.Options{Store: store, OnFailure: ratelimit.Fallback(usedUp{}), Timeout: longTimeout})).Wrap
		},
		"Attempt": func(store ratelimit.Store) guard.Middleware {
			return attempting(newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: []byte("sixteen bytes..."), OnFailure: ratelimit.Fallback(usedUp{}), Timeout: longTimeout}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // an attempt waits for 5 s
				store := newFaulty()
				store.set(down)
				m := wrap(store)
				for i, want := range [][]guard.Outcome{{guard.Failed, guard.Refused}, {guard.Refused}, {guard.Refused}} {
					a := serve(t, m, of("a"))
					var outcomes []guard.Outcome
					for _, d := range a.decisions {
						outcomes = append(outcomes, d.Outcome)
						if !strings.Contains(d.Reason, "the fallback decided") {
							t.Errorf("request %d: reason %q", i+1, d.Reason)
						}
					}
					if a.Code != 429 || !slices.Equal(outcomes, want) {
						t.Errorf("request %d: status %d, decisions %+v; want %v", i+1, a.Code, a.decisions, want)
					}
				}
			})
		})
	}
}

// usedUp is a store in which every quota is used up.
type usedUp struct{ ratelimit.Store }

func (usedUp) Take(_ context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	states := make([]ratelimit.State, len(takes))
	for i := range states {
		states[i].RetryAfter = time.Minute
	}
	return states, nil
}

// TestTakeReportsAnOutage: an outage in a program that limits by Take alone is
// logged once, too.
func TestTakeReportsAnOutage(t *testing.T) {
	log, store := harness.CaptureLog(t), newFaulty()
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, OnFailure: ratelimit.FailOpen(), Timeout: longTimeout}))
	store.set(down)
	for range 10 {
		if res, err := l.Take(t.Context(), "a", 1); err != nil || !res.OK || res.Failure == nil {
			t.Errorf("%+v, %v", res, err)
		}
		if res, err := l.Peek(t.Context(), "a"); err != nil || !res.OK || res.Failure == nil {
			t.Errorf("peek: %+v, %v", res, err)
		}
	}
	if lines := log.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "FailOpen decided") || !strings.Contains(lines[0], "guard=login") {
		t.Errorf("%q, want one line", lines)
	}
}
