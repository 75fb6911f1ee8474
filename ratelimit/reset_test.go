package ratelimit_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

func TestLoginReset(t *testing.T) {
	c := newClock()
	l := newLogin(t, &ratelimit.LoginOptions{Strikes: []ratelimit.Limit{{Name: "day", Quota: 10, Window: 24 * time.Hour}}, Now: c.Now})
	for i := range 10 {
		login(l, "203.0.113."+string(rune('1'+i/5)), "alice@example.com", "wrong")
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 429 {
		t.Fatalf("after 10 failures: %d", w.Code)
	}
	if err := l.Reset(t.Context(), "bob@example.com"); err != nil {
		t.Error(err)
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 429 {
		t.Errorf("after the reset of another account: %d", w.Code)
	}
	if err := l.Reset(t.Context(), " Alice@Example.com"); err != nil {
		t.Error(err)
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 200 {
		t.Errorf("after the reset: %d", w.Code)
	}
	if w := login(l, "203.0.113.1", "alice@example.com", "right"); w.Code != 429 {
		t.Errorf("an address that failed five times: %d", w.Code)
	}
	w, r := httptest.NewRecorder(), fromIP("203.0.113.7")
	if guard.Refuse(w, r, l.Reset(t.Context(), " ")); w.Code != 400 {
		t.Errorf("no account: %d", w.Code)
	}
}

// TestResetOfFallbacks: what was counted while the store was down does not wait
// for the next time.
func TestResetOfFallbacks(t *testing.T) {
	c, store := newClock(), newFaulty()
	logins := newLogin(t, &ratelimit.LoginOptions{
		Account: ratelimit.Limit{Quota: 1, Window: time.Hour},
		Store:   store, Secret: []byte("0123456789abcdef"), Timeout: patient, Now: c.Now,
	})
	limiter := guard.Must(ratelimit.New(ratelimit.Limit{Name: "one", Quota: 1, Window: time.Hour}, byHeader, &ratelimit.Options{
		Store: store, OnFailure: ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))), Timeout: patient, Now: c.Now,
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
				t.Error("the fallback did not forget")
			}
			store.set(nil)
			c.Advance(time.Minute) // the store is asked again
			if !tt.take() || tt.take() {
				t.Error("the store does not count")
			}
			if err := tt.reset(); err != nil {
				t.Error(err)
			}
			if !tt.take() || tt.take() {
				t.Error("the store did not forget")
			}
			store.set(down)
			if !tt.take() {
				t.Error("the fallback was not reset with the store")
			}
		})
	}
}
