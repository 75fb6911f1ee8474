package ratelimit_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// punctual is a store that ends by its context's deadline, and says so.
type punctual struct{ *faulty }

func (punctual) EndsByDeadline() {}

// TestEndsByDeadline: a store that ends by itself is given the deadline, and
// what it does wrong is a failure all the same.
func TestEndsByDeadline(t *testing.T) {
	for name, fault := range map[string]func(context.Context) error{
		"slow":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"down":   down,
		"panics": func(context.Context) error { panic("driver") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := punctual{newFaulty()}
				l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
				if a := serve(t, l.Wrap, of("a")); !a.reached {
					t.Fatalf("a store that works: %d", a.Code)
				}
				store.set(fault)
				for range 10 {
					start := time.Now()
					a := serve(t, l.Wrap, of("a"))
					if took := time.Since(start); a.Code != http.StatusServiceUnavailable || a.reached || took > 50*time.Millisecond {
						t.Errorf("status %d after %v", a.Code, took)
					}
				}
				if n := store.calls.Load(); n != 1+5 {
					t.Errorf("%d calls of a store that failed 5 times in a row, want 6", n)
				}
			})
		})
	}
}
