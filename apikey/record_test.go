package apikey_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
)

// caller is a principal that came with a key, or in another way.
type caller struct{ *apikey.Record }

// TestNoRecordInAPrincipal: a principal that embeds a nil Record has no limit and no
// subject. Checks of scopes dereferenced nil.
func TestNoRecordInAPrincipal(t *testing.T) {
	keys := guard.Must(apikey.New(func(context.Context, string) (*user, bool, error) { return &user{}, true, nil }, nil))
	step := guard.Require(guard.Map(keys, func(context.Context, *user) (caller, bool, error) { return caller{}, true, nil }))
	var subject string
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { subject += d.Subject })
	w, reached := harness.Serve(t, guard.Chain(observe, step), func(_ http.ResponseWriter, r *http.Request) {
		if limits := guard.ScopeLimits(r.Context()); len(limits) > 0 {
			t.Errorf("limits %q", limits)
		}
	}, request("X-API-Key", "k"))
	if !reached || subject != "" {
		t.Errorf("status %d, subject %q", w.Code, subject)
	}
}
