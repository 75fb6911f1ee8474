package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

var tokens = ratelimit.Limit{Name: "tokens", Quota: 100, Window: time.Hour}

// inEachStore runs a test on a *Memory and on a store that is none.
func inEachStore(t *testing.T, test func(t *testing.T, c *harness.Clock, opts ratelimit.Options)) {
	for name, store := range map[string]func(c *harness.Clock) ratelimit.Store{
		"Memory": func(c *harness.Clock) ratelimit.Store { return nil },
		"ledger": func(c *harness.Clock) ratelimit.Store { return newLedger(c.Now) },
	} {
		t.Run(name, func(t *testing.T) {
			c := harness.NewClock()
			test(t, c, ratelimit.Options{Store: store(c), Now: c.Now, Timeout: longTimeout})
		})
	}
}

// left checks how many units of the key remain.
func left(t *testing.T, l *ratelimit.Limiter, key string, want int) {
	t.Helper()
	if res, err := l.Peek(t.Context(), key); err != nil || res.Remaining != want {
		t.Errorf("%+v, %v; want %d remaining", res, err, want)
	}
}

func reserve(t *testing.T, l *ratelimit.Limiter, key string, worst int) *ratelimit.Reservation {
	t.Helper()
	v, err := l.Reserve(of(key), worst)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func settle(t *testing.T, v *ratelimit.Reservation, used int) {
	t.Helper()
	if err := v.Settle(t.Context(), used); err != nil {
		t.Error(err)
	}
}

func TestReserveAndSettle(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		first, second := reserve(t, l, "a", 60), reserve(t, l, "a", 40)
		if _, err := l.Reserve(of("a"), 1); asError(t, "over the quota", err).Status != 429 {
			t.Error(err)
		}
		settle(t, first, 10)
		left(t, l, "a", 50)
		settle(t, first, 0) // has no effect
		left(t, l, "a", 50)
		settle(t, second, 40)
		left(t, l, "a", 50)
		settle(t, reserve(t, l, "a", 50), 50+70) // a debt of 70
		left(t, l, "a", 0)
		settle(t, reserve(t, l, "b", 100), 0)
		left(t, l, "b", 100)
		c.Advance(59 * time.Minute)
		left(t, l, "a", 0)
		c.Advance(10 * time.Minute)
		left(t, l, "a", 100)
		settle(t, nil, 5)
		if v := reserve(t, l, "a", 5); v.Settle(t.Context(), -1) == nil {
			t.Error("a negative cost: no error")
		}
		left(t, l, "a", 95) // a reservation that is not settled costs the worst
	})
}

// TestReserveIsOneCall: and Settle is one, also after the client has left.
func TestReserveIsOneCall(t *testing.T) {
	store := newLedger(time.Now)
	l := guard.Must(ratelimit.New(tokens, byHeader, &ratelimit.Options{
		Also: []ratelimit.Limit{{Name: "day", Quota: 1000, Window: 24 * time.Hour}}, AlsoBy: []ratelimit.By{{Key: byOrg, Limits: []ratelimit.Limit{perOrg}}},
		Store: store, Timeout: longTimeout,
	}))
	r, leave := served(ofOrg("a", "acme"))
	for used, want := range map[int][]string{
		2: {"take tokens 5, take day 5, take org 5", "give back tokens 3, give back day 3, give back org 3"},
		5: {"take tokens 5, take day 5, take org 5"},
		9: {"take tokens 5, take day 5, take org 5", "take tokens 4 by force, take day 4 by force, take org 4 by force"},
	} {
		store.units = map[string][]unit{}
		v, err := l.Reserve(r, 5)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		if err := v.Settle(r.Context(), used); err != nil {
			t.Error(err)
		}
		if calls := store.history(); !slices.Equal(calls, want) {
			t.Errorf("used %d: %q, want %q", used, calls, want)
		}
		if sum := store.total(); sum != 3*used {
			t.Errorf("used %d: %d units count", used, sum)
		}
	}
}

// TestReserveNothing: a worst of 0 is refused while the quota is used up.
func TestReserveNothing(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		settle(t, reserve(t, l, "a", 0), 99)
		settle(t, reserve(t, l, "a", 0), 30)
		left(t, l, "a", 0)
		if _, err := l.Reserve(of("a"), 0); asError(t, "used up", err).Status != 429 {
			t.Error(err)
		}
	})
}

// TestReserveRefusals: its errors are answered as Wrap answers, and reported once.
func TestReserveRefusals(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Headers, opts.Message = ratelimit.RateLimit|ratelimit.XRateLimit, "No tokens are left"
		opts.LimitsOf = limitsOfContext
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		reserve(t, l, "full", 100)
		noKey := httptest.NewRequest("GET", "/", nil)
		for name, tt := range map[string]struct {
			r      *http.Request
			worst  int
			status int
			code   string
			kind   guard.Outcome
		}{
			"granted":   {of("a"), 5, 204, "", guard.Allowed},
			"used up":   {of("full"), 1, 429, "rate_limited", guard.Refused},
			"too large": {of("a"), 101, 400, "cost_too_large", guard.Refused},
			"negative":  {of("a"), -1, 500, "", guard.Failed},
			"no key":    {noKey, 1, 400, "header_missing", guard.Refused},
			"suspended": {withPlan(of("a"), ratelimit.Limit{Name: "plan"}), 1, 403, "no_quota", guard.Refused},
			"a mistake": {withPlan(of("a"), ratelimit.Limit{Name: "plan", Quota: 1}), 1, 500, "", guard.Failed},
			"unlimited": {withPlan(of("a"), ratelimit.Limit{Name: "plan", Quota: ratelimit.Unlimited}), 1e9, 204, "", guard.Allowed},
		} {
			handler := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					v, err := l.Reserve(r, tt.worst)
					if err != nil {
						guard.Refuse(w, r, err)
						return
					}
					if err := v.Settle(r.Context(), 0); err != nil {
						t.Error(err)
					}
					next.ServeHTTP(w, r)
				})
			}
			for range 2 {
				a := serve(t, handler, tt.r)
				d := a.decisions[0]
				if a.Code != tt.status || len(a.decisions) != 1 || d.Outcome != tt.kind || d.Cost != tt.worst || d.Package != "ratelimit" {
					t.Errorf("%s: %d %+v", name, a.Code, a.decisions)
				}
				if tt.code != "" && asError(t, name, d.Err).Code != tt.code {
					t.Errorf("%s: %v", name, d.Err)
				}
				if tt.status == 429 && (!strings.Contains(a.Body.String(), "No tokens are left") || !strings.HasPrefix(a.Header().Get("RateLimit"), `"tokens";r=0;t=`) ||
					a.Header().Get("RateLimit-Policy") != `"tokens";q=100;w=3600` || a.Header().Get("X-RateLimit-Limit") != "100") {
					t.Errorf("%s: %s %v", name, a.Body, a.Header())
				}
			}
		}
		left(t, l, "a", 100)
	})
}

// TestReserveInShadow: a refusal is a Reservation of nothing.
func TestReserveInShadow(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Shadow = true
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		for i, want := range []guard.Outcome{guard.Allowed, guard.Shadowed} {
			var v *ratelimit.Reservation
			a := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					v, _ = l.Reserve(r, 80)
					next.ServeHTTP(w, r)
				})
			}, of("a"))
			if v == nil || len(a.decisions) != 1 || a.decisions[0].Outcome != want {
				t.Errorf("request %d: %v %+v", i+1, v, a.decisions)
			}
			if settle(t, v, 50); i == 1 {
				left(t, l, "a", 50)
			}
		}
	})
}

// TestSettleInAnOutage: a reservation is settled where it was taken.
func TestSettleInAnOutage(t *testing.T) {
	for name, onFailure := range map[string]ratelimit.Failure{
		"FailClosed": ratelimit.FailClosed(), "FailOpen": ratelimit.FailOpen(), "Fallback": {},
	} {
		t.Run(name, func(t *testing.T) {
			store, fallback := newLedger(time.Now), newLedger(time.Now)
			if name == "Fallback" {
				onFailure = ratelimit.Fallback(fallback)
			}
			l := guard.Must(ratelimit.New(tokens, byHeader, &ratelimit.Options{Store: store, OnFailure: onFailure, Timeout: longTimeout}))
			before := reserve(t, l, "a", 10)
			store.setFail(errDown)
			during, err := l.Reserve(of("a"), 10)
			if name == "FailClosed" {
				if asError(t, name, err).Status != 503 {
					t.Error(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if err := before.Settle(t.Context(), 4); asError(t, name, err).Status != 503 {
				t.Error(err)
			}
			store.setFail(nil)
			settle(t, during, 7)
			want := 0
			if name == "Fallback" {
				want = 7
			}
			if store.total() != 10 || fallback.total() != want {
				t.Errorf("%d units count in the store, %d in the fallback", store.total(), fallback.total())
			}
		})
	}
}

// TestLateReservation: what the store grants after the request was allowed by FailOpen
// or counted by a fallback is given back, since Settle will not know of it.
func TestLateReservation(t *testing.T) {
	for name, onFailure := range map[string]ratelimit.Failure{
		"FailClosed": ratelimit.FailClosed(), "FailOpen": ratelimit.FailOpen(), "Fallback": ratelimit.Fallback(newLedger(time.Now)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := newLedger(time.Now)
				store := &faulty{Store: inner}
				l := guard.Must(ratelimit.New(tokens, byHeader, &ratelimit.Options{Also: []ratelimit.Limit{ratelimit.Concurrent(3)}, Store: store, OnFailure: onFailure}))
				store.set(hangs(time.Second))
				v, _ := l.Reserve(of("a"), 10)
				store.set(nil)
				time.Sleep(2 * time.Second)
				settle(t, v, 5)
				if inner.total() != 0 {
					t.Errorf("%d units count", inner.total())
				}
			})
		})
	}
}

// TestSettleInParallel: only one call has an effect.
func TestSettleInParallel(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		l := guard.Must(ratelimit.New(tokens, byHeader, &opts))
		reserve(t, l, "a", 50)
		v := reserve(t, l, "a", 50)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { settle(t, v, 30) })
		}
		wg.Wait()
		left(t, l, "a", 20)
	})
}

// TestReserveInFlight: a reservation is in flight until Settle or the end of the
// request.
func TestReserveInFlight(t *testing.T) {
	for name, newStore := range map[string]func() ratelimit.Store{
		"Memory": func() ratelimit.Store { return nil },
		"ledger": func() ratelimit.Store { return newLedger(time.Now) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := guard.Must(ratelimit.New(tokens, byHeader, &ratelimit.Options{Also: []ratelimit.Limit{ratelimit.Concurrent(2)}, Store: newStore()}))
				begin := func() (*ratelimit.Reservation, func()) {
					t.Helper()
					r, end := served(of("a"))
					v, err := l.Reserve(r, 10)
					if err != nil {
						t.Fatal(err)
					}
					return v, end
				}
				full := func(want bool) {
					t.Helper()
					synctest.Wait()
					v, err := l.Reserve(of("a"), 0)
					if (err != nil) != want {
						t.Fatalf("%v, want a refusal: %t", err, want)
					}
					if want && asError(t, "full", err).Header.Get("Retry-After") != "1" {
						t.Error(err)
					}
					settle(t, v, 0)
				}
				first, endFirst := begin()
				_, endSecond := begin()
				full(true)
				time.Sleep(5 * time.Minute) // they are renewed
				full(true)
				endSecond()
				full(false)
				_, endSecond = begin()
				full(true)
				settle(t, first, 3)
				endFirst() // it has ended before
				full(false)
				endSecond()
				left(t, l, "a", 100-3-10-10)
			})
		})
	}
}
