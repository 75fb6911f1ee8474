package ratelimit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// TestStoresSeeHashes: what clients send does not get to a store.
func TestStoresSeeHashes(t *testing.T) {
	seen := map[string]bool{}
	for _, secret := range [][]byte{nil, []byte("0123456789abcdef"), []byte("another secret of ours")} {
		store := newFaulty()
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Secret: secret, Timeout: longTimeout}))
		for _, key := range []string{"alice@example.com", "k", strings.Repeat("long", 20_000)} {
			if a := serve(t, l.Wrap, of(key)); !a.reached {
				t.Fatalf("status %d", a.Code)
			}
			clear(secret) // the limiter has a copy
			if a := serve(t, l.Wrap, of(key)); !a.reached {
				t.Fatalf("status %d", a.Code)
			}
		}
		for i, k := range store.keys {
			if len(k) != 22 || strings.Contains(k, "alice") {
				t.Errorf("the store saw %q", k)
			}
			if i%2 == 1 && k != store.keys[i-1] || i%2 == 0 && seen[k] {
				t.Errorf("key %d is %q, before %q", i, k, store.keys[max(i-1, 0)])
			}
			seen[k] = true
		}
	}
}

// TestClientLeaves: a client that cancels its request is counted all the same,
// and does not count as a failure of the store.
func TestClientLeaves(t *testing.T) {
	store := newFaulty()
	store.set(func(ctx context.Context) error { return ctx.Err() })
	for _, failure := range []ratelimit.Failure{ratelimit.FailClosed(), ratelimit.FailOpen()} {
		l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "n", Quota: 5, Window: time.Hour}, byHeader,
			&ratelimit.Options{Store: store, OnFailure: failure, Timeout: longTimeout}))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		key := "left" + strings.Repeat("x", int(store.calls.Load()))
		for i := range 10 {
			a := serve(t, l.Wrap, of(key).WithContext(ctx))
			if a.reached != (i < 5) || a.Code == 503 {
				t.Errorf("request %d: %d", i+1, a.Code)
			}
		}
	}
}

// broken stores answer what no store may.
type broken struct {
	states []ratelimit.State
	panics bool
}

func (b broken) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	if b.panics {
		panic("store")
	}
	return b.states, nil
}

func (b broken) GiveBack(context.Context, []ratelimit.Taken) error { panic("store") }

func TestBrokenStore(t *testing.T) {
	for name, store := range map[string]broken{
		"no states":       {},
		"too many states": {states: make([]ratelimit.State, 2)},
		"panics":          {panics: true},
	} {
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Timeout: longTimeout}))
		if a := serve(t, l.Wrap, of("a")); a.Code != 503 {
			t.Errorf("%s: %d", name, a.Code)
		}
		if err := l.Reset(t.Context(), "a"); err == nil {
			t.Errorf("%s: Reset has no error", name)
		}
	}
}
