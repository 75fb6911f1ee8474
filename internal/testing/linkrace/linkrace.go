// Package linkrace tests a store by links and codes that are redeemed at once.
package linkrace

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
)

// A Process is one of several that share a store.
type Process struct {
	Once   once.Store
	Limits ratelimit.Store
}

// Run redeems in two processes. Of 64 requests at once, with two links or with one code,
// one redeems, after an action that failed. Of wrong codes at once, five are tried.
func Run(t *testing.T, processes [2]Process) {
	ctx, key := t.Context(), guard.Secret(strings.Repeat("k", 32))
	state := func(context.Context, string) (string, bool, error) { return "unchanged", true, nil }
	var links [2]*link.Links
	var codes [2]*link.Codes
	var tokens [2]string
	for i, p := range processes {
		links[i] = guard.Must(link.New("reset", "https://app.example.com/reset", key, state, &link.Options{Once: p.Once}))
		codes[i] = guard.Must(link.NewCodes("confirm", key, state, &link.CodeOptions{Once: p.Once, Limits: p.Limits, Digits: 10}))
		tokens[i] = guard.Must(url.Parse(guard.Must(links[i].Issue(ctx, "1")))).Query().Get("token")
	}
	code := guard.Must(codes[0].Issue(ctx, "1"))
	failure := errors.New("the action failed")
	failing := func(context.Context, string) error { return &guard.Error{Status: 422, Err: failure} }
	if err := errors.Join(links[0].Redeem(ctx, tokens[0], failing), codes[0].Redeem(ctx, "1", code, failing)); !errors.Is(err, failure) || errors.Is(err, link.ErrInvalid) {
		t.Error(err)
	}

	one := func(what string, redeem func(i int, action func(context.Context, string) error) error) {
		t.Helper()
		var won atomic.Int32
		atOnce(64, func(i int) {
			err := redeem(i, func(context.Context, string) error {
				won.Add(1)
				return nil
			})
			if e, _ := errors.AsType[*guard.Error](err); err != nil && !errors.Is(err, link.ErrInvalid) && e.Status != 429 { // those in flight count
				t.Errorf("%s: %v", what, err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%s: %d redeemed, want one", what, won.Load())
		}
	}
	one("links", func(i int, action func(context.Context, string) error) error {
		return links[i/2%2].Redeem(ctx, tokens[i%2], action)
	})
	one("codes", func(i int, action func(context.Context, string) error) error {
		return codes[i%2].Redeem(ctx, "1", code, action)
	})

	var tried atomic.Int32
	atOnce(64, func(i int) {
		if errors.Is(codes[i%2].Redeem(ctx, "2", "0000000000", failing), link.ErrInvalid) {
			tried.Add(1)
		}
	})
	if tried.Load() != 5 {
		t.Errorf("%d wrong codes were tried, want 5", tried.Load())
	}
}

func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
