package rbac_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/rbac"
)

func TestSwap(t *testing.T) {
	p := newPolicy(t, nil)
	gate := p.RequireRole("moderator")
	read := p.WithMessage("No").RequireAll(usersRead) // copies swap too
	next := spec()
	next.Roles["guest"] = rbac.Role[perm]{Grants: []perm{usersRead}}
	if err := p.Swap(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if w, _, decisions := serve(t, read, as("guest")); w.Code != 200 || decisions[0].Generation != 2 || p.Generation() != 2 {
		t.Errorf("after the swap: status %d, %+v", w.Code, decisions)
	}
	bad := map[string]rbac.Spec[perm]{
		"unknown permission": {Roles: map[string]rbac.Role[perm]{"moderator": {Grants: []perm{"users:raed"}}}},
		"has no roles":       {},
		`role "moderator"`:   {Roles: map[string]rbac.Role[perm]{"admin": {}}},
		"is new":             {Permissions: []perm{usersRead, usersDelete, postsRead, postsWrite, "x"}, Roles: next.Roles},
		"is missing":         {Permissions: permissions[:3], Roles: next.Roles},
		"twice":              {Permissions: append([]perm{usersRead}, permissions...), Roles: next.Roles},
	}
	for want, s := range bad {
		if err := p.Swap(t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Swap = %v, want an error that mentions %s", err, want)
		}
	}
	if w, _, decisions := serve(t, read, as("guest")); w.Code != 200 || decisions[0].Generation != 2 {
		t.Errorf("after invalid swaps: status %d, %+v", w.Code, decisions)
	}
	next.Permissions = nil // unchanged
	if err := p.Swap(t.Context(), next); err != nil || p.Generation() != 3 {
		t.Errorf("Swap = %v, generation %d", err, p.Generation())
	}
	if w, _, _ := serve(t, gate, as("moderator")); w.Code != 200 {
		t.Errorf("a gate of before: status %d", w.Code)
	}
}

// A Swap is a Decision with an action, a generation and a subject: the audit log
// has who changed the roles. A mistake in the roles is the caller's, and no failure
// of ours.
func TestSwapIsReported(t *testing.T) {
	p := newPolicy(t, nil)
	p.RequireRole("moderator")
	decided := guard.Must(rbac.NewDecided(permissions, func(context.Context, user, perm) (bool, error) { return true, nil }, nil))
	for _, tt := range []struct {
		name       string
		policy     *rbac.Policy[user, perm]
		spec       rbac.Spec[perm]
		outcome    guard.Outcome
		generation uint64
		reason     string
	}{
		{"a swap", p, spec(), guard.Allowed, 2, ""},
		{"another", p, spec(), guard.Allowed, 4, ""},
		{"an unknown permission", p, rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"moderator": {Grants: []perm{"users:raed"}}}}, guard.Refused, 5,
			`rbac: role "moderator": unknown permission "users:raed"`},
		{"a role that a gate requires", p, less(), guard.Refused, 5, `rbac: a gate requires role "moderator", which the new policy does not define`},
		{"with a decider", decided, spec(), guard.Refused, 1, "rbac: Swap: the policy has a decider, and no roles"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := harness.CaptureLog(t)
			var err error
			swapping := func(http.Handler) http.Handler {
				return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { err = tt.policy.Swap(r.Context(), tt.spec) })
			}
			_, _, decisions := serve(t, guard.Chain(guard.Require(fixed[subject]{"root", true}), swapping), request())
			d := decisions[len(decisions)-1]
			if len(decisions) != 2 || d.Package != "rbac" || d.Action != "swap" || d.Guard != "" || d.Status != 0 || d.Subject != "root" {
				t.Errorf("decisions %+v", decisions)
			}
			if d.Outcome != tt.outcome || d.Generation != tt.generation || d.Reason != tt.reason || d.Err != err || (err == nil) != (tt.outcome == guard.Allowed) {
				t.Errorf("decision %+v, error %v; want %s, generation %d, reason %q", d, err, tt.outcome, tt.generation, tt.reason)
			}
			_ = tt.policy.Swap(t.Context(), tt.spec) // outside an Observe
			if lines := log.Lines(); len(lines) != 0 {
				t.Errorf("logged %q; the caller has the error", lines)
			}
			if tt.outcome == guard.Allowed {
				tt.generation++
			}
			if got := tt.policy.Generation(); got != tt.generation {
				t.Errorf("generation %d, want %d", got, tt.generation)
			}
		})
	}
}

// subject is a principal with a subject.
type subject string

func (s subject) Sub() string { return string(s) }

// less is a policy that takes everything from users.
func less() rbac.Spec[perm] {
	return rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"user": {}}}
}

// swapWithin is a middleware that swaps the policies to less.
func swapWithin(t *testing.T, policies ...*rbac.Policy[user, perm]) guard.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, p := range policies {
				if err := p.Swap(r.Context(), less()); err != nil {
					t.Errorf("Swap: %v", err)
				}
			}
			ctx, cancel := context.WithCancel(r.Context()) // gates find the principal through other contexts
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// Each gate uses the policy in force, wherever the principal is from.
func TestSwapWithinARequest(t *testing.T) {
	for name, tt := range map[string]struct {
		step guard.Middleware
		r    *http.Request
	}{
		"a step":                  {authenticateAs("user"), request()},
		"several roles":           {authenticateAs("guest", "user"), request()},
		"without a step":          {guard.Chain(), as("user")},
		"a step for another type": {guard.Require(fixed[string]{"x", true}), as("user")},
	} {
		t.Run(name, func(t *testing.T) {
			p, q := newPolicy(t, nil), newPolicy(t, nil)
			gates := guard.Chain(tt.step, p.RequireAll(postsRead), q.RequireAll(postsRead))
			w, inner, decisions := serve(t, guard.Chain(gates, swapWithin(t, p)), tt.r)
			if w.Code != 200 {
				t.Fatalf("status %d, body %s, decisions %+v; want 200", w.Code, w.Body, decisions)
			}
			if has(p, postsRead, inner) || p.Check(inner, postsRead) == nil || p.From(inner).Has(postsRead) {
				t.Error("behind the swap, the old roles still grant")
			}
			if g := p.From(inner).Generation(); g != 2 {
				t.Errorf("behind the swap, generation %d, want 2", g)
			}
			if !has(q, postsRead, inner) || q.Check(inner, postsRead) != nil || q.From(inner).Generation() != 1 {
				t.Error("the swap of one policy changed another")
			}

			p, q = newPolicy(t, nil), newPolicy(t, nil)
			chain := guard.Chain(tt.step, p.RequireAll(postsRead), swapWithin(t, p, q), p.RequireAll(postsRead))
			w, inner, decisions = serve(t, chain, tt.r)
			if w.Code != 403 || inner != nil {
				t.Errorf("a gate behind the swap: status %d, reached %t; want 403", w.Code, inner != nil)
			}
			var generations []uint64
			for _, d := range decisions {
				if d.Package == "rbac" && d.Action == "" { // of a gate
					generations = append(generations, d.Generation)
				}
			}
			if !slices.Equal(generations, []uint64{1, 2}) {
				t.Errorf("generations %d, want 1 and 2", generations)
			}
			for _, policy := range []*rbac.Policy[user, perm]{p, q} {
				if w, _, _ := serve(t, guard.Chain(tt.step, policy.RequireAll(postsRead)), tt.r); w.Code != 403 {
					t.Errorf("the next request: status %d, want 403", w.Code)
				}
			}
		})
	}
}

// A Granted does not change with the policy.
func TestSwapAfterFrom(t *testing.T) {
	p := newPolicy(t, nil)
	g := p.From(as("user").Context())
	if err := p.Swap(t.Context(), less()); err != nil {
		t.Fatal(err)
	}
	if !g.Has(postsRead) || g.Generation() != 1 {
		t.Errorf("Has is %t, generation %d; want those of before the Swap", g.Has(postsRead), g.Generation())
	}
}

// A context that several requests share, as the BaseContext of a server, carries
// no decision from one to the next.
func TestSwapBetweenRequestsOfOneContext(t *testing.T) {
	p := newPolicy(t, nil)
	r := as("user")
	if w, _, _ := serve(t, p.RequireAll(postsRead), r); w.Code != 200 {
		t.Fatalf("status %d, body %s; want 200", w.Code, w.Body)
	}
	if err := p.Swap(t.Context(), less()); err != nil {
		t.Fatal(err)
	}
	if w, _, _ := serve(t, p.RequireAll(postsRead), r); w.Code != 403 {
		t.Errorf("after the swap: status %d, want 403", w.Code)
	}
}

// Under load, a gate and a From see one policy and never a mixture: both
// policies grant one of the two permissions, and neither grants both.
func TestSwapUnderLoad(t *testing.T) {
	p := newPolicy(t, nil)
	roles := func(grants ...perm) rbac.Spec[perm] {
		return rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"u": {Grants: grants}}}
	}
	reads, writes := roles(postsRead), roles(postsWrite)
	if err := p.Swap(t.Context(), reads); err != nil {
		t.Fatal(err)
	}
	any := p.RequireAny(postsRead, postsWrite)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if g := p.From(r.Context()); g.Has(postsRead) == g.Has(postsWrite) {
			t.Error("a From saw two policies")
		}
	}))
	all := p.RequireAll(postsRead, postsWrite)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	underLoad(t, map[int]http.Handler{200: any, 403: all}, func() *http.Request { return as("u") }, func(_, i int) {
		_ = p.Swap(t.Context(), []rbac.Spec[perm]{reads, writes, {}}[i%3])
	})
}

// underLoad serves requests while two goroutines change the policy, the k-th the i-th
// time. gates are by the status that each always answers.
func underLoad(t *testing.T, gates map[int]http.Handler, request func() *http.Request, change func(k, i int)) {
	t.Helper()
	stop := make(chan struct{})
	var changes, load sync.WaitGroup
	for k := range 2 {
		changes.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					change(k, i)
				}
			}
		})
	}
	for range 4 {
		load.Go(func() {
			for range 2000 {
				for want, h := range gates {
					w := harness.NewDiscard()
					w.Status = 200
					h.ServeHTTP(w, request())
					if w.Status != want {
						t.Errorf("status %d, want %d: a gate saw two versions", w.Status, want)
					}
				}
			}
		})
	}
	load.Wait()
	close(stop)
	changes.Wait()
}
