package ratelimit_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

func TestOnFailure(t *testing.T) {
	for name, tt := range map[string]struct {
		failure ratelimit.Failure
		codes   []int // of four requests with a quota of 2
	}{
		"default":         {ratelimit.Failure{}, []int{503, 503, 503, 503}},
		"closed":          {ratelimit.FailClosed(), []int{503, 503, 503, 503}},
		"open":            {ratelimit.FailOpen(), []int{204, 204, 204, 204}},
		"fallback":        {ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))), []int{204, 204, 429, 429}},
		"a fallback down": {ratelimit.Fallback(&faulty{fault: down}), []int{503, 503, 503, 503}},
	} {
		t.Run(name, func(t *testing.T) {
			store := newFaulty()
			store.set(down)
			l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "n", Quota: 2, Window: time.Hour}, byHeader,
				&ratelimit.Options{Store: store, OnFailure: tt.failure, Timeout: longTimeout}))
			for i, want := range tt.codes {
				a := serve(t, l.Wrap, of("a"))
				d := a.decisions[0]
				if a.Code != want || len(a.decisions) != 1 || strings.Contains(a.Body.String(), "10.1.2.3") {
					t.Errorf("request %d: %d %s %+v", i+1, a.Code, a.Body, a.decisions)
				}
				if want != 429 && (!errors.Is(d.Err, errDown) || !strings.Contains(d.Reason, "refused by")) {
					t.Errorf("request %d: the failure is not reported: %+v", i+1, d)
				}
				// Under FailOpen and a Fallback, the outage is reported once.
				if (d.Outcome == guard.Failed) != (want == 503 || i == 0) {
					t.Errorf("request %d: %+v", i+1, d)
				}
			}
			store.set(nil)
		})
	}
}

// TestResetOfFallbacks: Reset also undoes the takes of the fallback.
func TestResetOfFallbacks(t *testing.T) {
	c, store := harness.NewClock(), newFaulty()
	logins := newLogin(t, &ratelimit.LoginOptions{
		Account: ratelimit.Limit{Quota: 1, Window: time.Hour},
		Store:   store, Secret: []byte("0123456789abcdef"), Timeout: longTimeout, Now: c.Now,
	})
	limiter := guard.Must(ratelimit.New(ratelimit.Limit{Name: "one", Quota: 1, Window: time.Hour}, byHeader, &ratelimit.Options{
		Store: store, OnFailure: ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))), Timeout: longTimeout, Now: c.Now,
	}))
	for _, tt := range []struct {
		name  string
		take  func() bool
		reset func() error
	}{
		{"Login", func() bool { return login(logins, "203.0.113.7", "alice", "wrong").Code == 401 }, func() error { return logins.Reset(t.Context(), "alice") }},
		{"Limiter", func() bool { return serve(t, limiter.Wrap, of("a")).reached }, func() error { return limiter.Reset(t.Context(), "a") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.set(down)
			if !tt.take() || tt.take() {
				t.Fatal("the fallback does not count")
			}
			w := httptest.NewRecorder()
			if guard.Refuse(w, of("a"), tt.reset()); w.Code != 503 {
				t.Errorf("Reset without a store: %d", w.Code)
			}
			if !tt.take() || tt.take() {
				t.Error("the fallback was not reset")
			}
			store.set(nil)
			c.Advance(time.Minute) // the store is called again
			if !tt.take() || tt.take() {
				t.Error("the store does not count")
			}
			if err := tt.reset(); err != nil {
				t.Error(err)
			}
			if !tt.take() || tt.take() {
				t.Error("the store was not reset")
			}
			store.set(down)
			if !tt.take() {
				t.Error("the fallback was not reset with the store")
			}
		})
	}
}
