package ratelimit_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

var (
	perUser = ratelimit.Limit{Name: "user", Quota: 3, Window: time.Hour}
	perOrg  = ratelimit.Limit{Name: "org", Quota: 5, Window: time.Hour}
)

// byOrg is the key of an organisation. A request of none is exempt.
func byOrg(r *http.Request) (string, error) {
	switch org := r.Header.Get("Org"); org {
	case "":
		return "", ratelimit.ErrSkip
	case "broken":
		return "", errors.New("no organisation today")
	default:
		return org, nil
	}
}

func ofOrg(user, org string) *http.Request {
	r := of(user)
	if org != "" {
		r.Header.Set("Org", org)
	}
	return r
}

// TestAlsoBy: the limits of all keys are taken, or none, in one call.
func TestAlsoBy(t *testing.T) {
	c := harness.NewClock()
	store := newLedger(c.Now)
	for name, opts := range map[string]ratelimit.Options{
		"memory":  {Now: c.Now},
		"a store": {Now: c.Now, Store: store, Timeout: longTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Headers, opts.AlsoBy = ratelimit.RateLimit, []ratelimit.By{{Key: byOrg, Limits: []ratelimit.Limit{perOrg}}}
			l := guard.Must(ratelimit.New(perUser, byHeader, &opts))
			for i, tt := range []struct {
				user, org string
				code      int
				field     string
			}{
				{"ann", "acme", 204, `"user";r=2;t=3600, "org";r=4;t=3600`},
				{"ann", "acme", 204, `"user";r=1;t=3600, "org";r=3;t=3600`},
				{"bob", "acme", 204, `"user";r=2;t=3600, "org";r=2;t=3600`},
				{"bob", "acme", 204, `"user";r=1;t=3600, "org";r=1;t=3600`},
				{"eve", "acme", 204, `"user";r=2;t=3600, "org";r=0;t=3600`},
				{"eve", "acme", 429, `"user";r=2;t=`}, // what the organisation refused, the user did not take
				{"eve", "", 204, `"user";r=1;t=3600`},
				{"eve", "other", 204, `"user";r=0;t=3600, "org";r=4;t=3600`},
				{"eve", "other", 429, `"user";r=0;t=`},
				{"ann", "other", 204, `"user";r=0;t=3600, "org";r=3;t=3600`}, // nor what the user refused
				{"ann", "broken", 500, ""},
			} {
				a := serve(t, l.Wrap, ofOrg(tt.user, tt.org))
				if field := a.Header().Get("RateLimit"); a.Code != tt.code || !strings.HasPrefix(field, tt.field) {
					t.Errorf("request %d: %d %s, want %d %s", i+1, a.Code, field, tt.code, tt.field)
				}
				if policy := a.Header().Get("RateLimit-Policy"); tt.org == "" && policy != `"user";q=3;w=3600` {
					t.Errorf("request %d: policy %s", i+1, policy)
				}
				if calls := store.history(); opts.Store != nil && tt.code < 500 && len(calls) != 1 {
					t.Errorf("request %d: calls %q", i+1, calls)
				}
			}
		})
	}
	if slots := slices.Collect(maps.Keys(store.slots)); !slices.Equal(slots, []string{"user"}) {
		t.Errorf("slots %q", slots)
	}
}

// TestAlsoByWithoutRequest: Take needs all keys; Peek and Reset are about those that
// are passed.
func TestAlsoByWithoutRequest(t *testing.T) {
	c := harness.NewClock()
	store := newLedger(c.Now)
	for name, opts := range map[string]ratelimit.Options{
		"memory":  {Now: c.Now},
		"a store": {Now: c.Now, Store: store, Timeout: longTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			opts.AlsoBy = []ratelimit.By{{Key: byOrg, Limits: []ratelimit.Limit{perOrg}}}
			l := guard.Must(ratelimit.New(perUser, byHeader, &opts))
			for range 3 {
				if res, err := l.Take(ctx, "ann", 1, "acme"); err != nil || !res.OK {
					t.Fatalf("%+v, %v", res, err)
				}
			}
			peek := func(want int, key string, also ...string) {
				t.Helper()
				if res, err := l.Peek(ctx, key, also...); err != nil || res.Remaining != want {
					t.Errorf("Peek %q %q: %+v, %v; want %d remaining", key, also, res, err, want)
				}
			}
			peek(0, "ann", "acme")
			peek(0, "ann")
			peek(2, "", "acme")
			peek(2, "bob", "acme")
			if err := l.Reset(ctx, "", "acme"); err != nil {
				t.Error(err)
			}
			peek(0, "ann")
			peek(5, "", "acme")
			if err := l.Reset(ctx, "ann"); err != nil {
				t.Error(err)
			}
			peek(3, "ann", "acme")
			for name, err := range map[string]error{
				"Take, one key":        second(l.Take(ctx, "ann", 1)),
				"Take, an empty key":   second(l.Take(ctx, "ann", 1, "")),
				"Take, the other one":  second(l.Take(ctx, "", 1, "acme")),
				"Take, three keys":     second(l.Take(ctx, "ann", 1, "acme", "more")),
				"Peek, no key":         second(l.Peek(ctx, "", "")),
				"Peek, three keys":     second(l.Peek(ctx, "ann", "acme", "more")),
				"Reset, no key":        l.Reset(ctx, ""),
				"Reset, no keys":       l.Reset(ctx, "", ""),
				"Reset, too many keys": l.Reset(ctx, "ann", "acme", "more"),
			} {
				if err == nil {
					t.Errorf("%s: no error", name)
				}
			}
		})
	}
	if slots := slices.Collect(maps.Keys(store.slots)); !slices.Equal(slots, []string{"user"}) {
		t.Errorf("slots %q", slots)
	}
}

func second[T any](_ T, err error) error { return err }

// TestAlsoByWithPlans: limits of two plans that do not fit together are a failure of
// our own, and a suspended organisation refuses its users, who take nothing.
func TestAlsoByWithPlans(t *testing.T) {
	orgPlans := map[string][]ratelimit.Limit{
		"suspended": {{Name: "org", Quota: 0, Window: time.Hour}},
		"unlimited": {{Name: "org", Quota: ratelimit.Unlimited}},
		"same":      {{Name: "user", Quota: 5, Window: time.Hour}},
		"many":      named(16),
	}
	l := guard.Must(ratelimit.New(perUser, byHeader, &ratelimit.Options{AlsoBy: []ratelimit.By{{
		Key: byOrg, Limits: []ratelimit.Limit{perOrg},
		LimitsOf: func(ctx context.Context) ([]ratelimit.Limit, error) {
			org, _ := ctx.Value(planKey{}).(string)
			return orgPlans[org], nil
		},
	}}}))
	for org, want := range map[string]struct {
		code   int
		reason string
	}{
		"suspended": {403, "quota of"}, "unlimited": {204, ""}, "none": {204, ""},
		"same": {500, `two limits are named "user"`}, "many": {500, "17 limits"},
	} {
		r := ofOrg("user-of-"+org, org)
		r = r.WithContext(context.WithValue(r.Context(), planKey{}, org))
		a := serve(t, l.Wrap, r)
		if a.Code != want.code || !strings.Contains(a.decisions[0].Reason, want.reason) {
			t.Errorf("%s: %d %+v", org, a.Code, a.decisions)
		}
		left := 3
		if want.code == 204 {
			left = 2
		}
		if res, err := l.Peek(t.Context(), "user-of-"+org); err != nil || res.Remaining != left {
			t.Errorf("%s: %+v, %v", org, res, err)
		}
	}
	// The count of a suspended plan can be reset; that of an organisation alone, too.
	ctx := context.WithValue(t.Context(), planKey{}, "suspended")
	if err := l.Reset(ctx, "user-of-none", "suspended"); err != nil {
		t.Error(err)
	}
}
