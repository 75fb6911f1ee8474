package rbac_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/rbac"
)

// through is an authentication step that lets a user with these roles through.
func through(roles ...string) guard.Middleware {
	return guard.Require(fixed[user]{user{"u", roles}, true})
}

func request() *http.Request { return httptest.NewRequest("GET", "/", nil) }

// What a gate found out is kept at the step: where there is one, not even the
// first gate costs anything, if the user has one role.
func TestGateBehindAStepAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := newPolicy(t, nil)
	gate := p.RequireAll(usersRead)
	measure := func(m guard.Middleware) float64 {
		h := m(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		w, r := httptest.NewRecorder(), request()
		return testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
	}
	one, several := through("moderator"), through("moderator", "user", "guest")
	for name, tt := range map[string]struct {
		step  guard.Middleware
		gates guard.Middleware
		more  float64
	}{
		"first gate":                {one, gate, 0},
		"three gates":               {one, guard.Chain(gate, p.RequireRole("user"), p.RequireAny(usersDelete, postsWrite)), 0},
		"first gate, several roles": {several, gate, 1},
	} {
		if got := measure(guard.Chain(tt.step, tt.gates)) - measure(tt.step); got > tt.more {
			t.Errorf("%s: %v allocations, want %v", name, got, tt.more)
		}
	}
}

// Kept or placed, grants are found by what is behind the gate, and stay those
// of the policy that decided.
func TestKeptAndPlaced(t *testing.T) {
	for name, tt := range map[string]struct {
		step guard.Middleware
		r    *http.Request
	}{
		"kept":                            {through("user"), request()},
		"kept, several roles":             {through("guest", "user"), request()},
		"placed":                          {guard.Chain(), as("user")},
		"kept at a step for another type": {guard.Require(fixed[string]{"x", true}), as("user")},
	} {
		t.Run(name, func(t *testing.T) {
			p, q := newPolicy(t, nil), newPolicy(t, nil)
			less := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"user": {}}}
			swap := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, policy := range []*rbac.Policy[user, perm]{p, q} {
						if err := policy.Swap(less); err != nil {
							t.Error(err)
						}
					}
					ctx, cancel := context.WithCancel(r.Context())
					defer cancel()
					next.ServeHTTP(w, r.WithContext(ctx))
				})
			}
			chain := guard.Chain(tt.step, p.RequireAll(postsRead), q.RequireAll(postsRead), swap, p.RequireAll(postsWrite), q.RequireAll(postsWrite))
			w, inner, made := serve(chain, tt.r)
			if w.Code != 200 || !p.Has(postsRead)(inner) || q.Check(inner, postsRead) != nil || p.From(inner).Generation() != 1 || q.From(inner).Generation() != 1 {
				t.Errorf("%d: %s, %+v", w.Code, w.Body, made)
			}
			if w, _, _ := serve(guard.Chain(tt.step, p.RequireAll(postsRead)), tt.r); w.Code != 403 {
				t.Errorf("the next request: %d", w.Code)
			}
		})
	}
}

// A context that an application makes once and gives to many requests, as a
// server's BaseContext, must not keep what the first of them might do.
func TestNothingIsKeptFromRequestToRequest(t *testing.T) {
	p := newPolicy(t, nil)
	r := as("user")
	if w, _, _ := serve(p.RequireAll(postsRead), r); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := p.Swap(rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"user": {}}}); err != nil {
		t.Fatal(err)
	}
	if w, _, _ := serve(p.RequireAll(postsRead), r); w.Code != 403 {
		t.Errorf("after the swap: %d", w.Code)
	}
}

// A handler may answer a batch of requests, each of which brings scopes of its
// own: what the first may do is not for the second.
func TestPartsWithCeilings(t *testing.T) {
	type scopes struct{}
	p := newPolicy(t, &rbac.Options{ScopeLimit: func(ctx context.Context) ([]string, bool) {
		s, limited := ctx.Value(scopes{}).([]string)
		return s, limited
	}})
	gated := p.RequireAll(postsWrite)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	batch := func(_ http.ResponseWriter, r *http.Request) {
		for i, part := range []struct {
			scopes []string
			want   int
		}{{[]string{"*"}, 200}, {[]string{"posts:read"}, 403}, {[]string{"posts:write"}, 200}, {nil, 403}} {
			w := httptest.NewRecorder()
			gated.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), scopes{}, part.scopes)))
			if w.Code != part.want {
				t.Errorf("part %d: %d, want %d", i, w.Code, part.want)
			}
		}
	}
	through("user")(http.HandlerFunc(batch)).ServeHTTP(httptest.NewRecorder(), request())
}

// Gates that run at once in one request agree, and the race detector is silent.
func TestGatesAtOnce(t *testing.T) {
	p, q := newPolicy(t, nil), newPolicy(t, nil)
	for name, step := range map[string]guard.Middleware{"one role": through("user"), "two": through("user", "guest")} {
		fan := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var parts sync.WaitGroup
			for i := range 16 {
				parts.Go(func() {
					policy, ask, want := p, postsRead, 200
					if i%2 == 1 {
						policy = q
					}
					if i%4 > 1 {
						ask, want = usersDelete, 403
					}
					w := httptest.NewRecorder()
					policy.RequireAll(ask)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						if !policy.Has(postsRead)(r.Context()) {
							t.Errorf("%s: a gate's grants are lost", name)
						}
					})).ServeHTTP(w, r)
					if w.Code != want {
						t.Errorf("%s: %d, want %d", name, w.Code, want)
					}
				})
			}
			parts.Wait()
		})
		for range 50 {
			step(fan).ServeHTTP(httptest.NewRecorder(), request())
		}
	}
}

// A further step may have found somebody else: what is kept in front of it is
// not for them.
func TestKeptInFrontOfAFurtherStep(t *testing.T) {
	p := newPolicy(t, nil)
	gate := p.RequireAll(postsWrite)
	for name, inner := range map[string]struct {
		step guard.Middleware
		want int
	}{
		"nobody":       {guard.Optional(fixed[user]{}), 401},
		"less":         {through("guest"), 403},
		"as much":      {through("user"), 200},
		"another type": {guard.Require(fixed[string]{"x", true}), 200},
	} {
		if w, _, _ := serve(guard.Chain(through("user"), gate, inner.step, gate), request()); w.Code != inner.want {
			t.Errorf("%s: %d, want %d", name, w.Code, inner.want)
		}
	}
}
