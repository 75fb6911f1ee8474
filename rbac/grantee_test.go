package rbac_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/rbac"
)

// A generated is a policy from a seed, valid or not.
type generated struct {
	rbac.Spec[perm]
	names []string
}

func generate(seed uint64) generated {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var g generated
	seen := map[perm]bool{}
	for range 1 + rnd.IntN(90) {
		p := perm(fmt.Sprintf("%c:%c", 'a'+rnd.IntN(5), 'a'+rnd.IntN(20)))
		if rnd.IntN(4) == 0 {
			p += perm(fmt.Sprintf("%c%c", ":./"[rnd.IntN(3)], 'a'+rnd.IntN(3)))
		}
		if !seen[p] {
			seen[p] = true
			g.Permissions = append(g.Permissions, p)
		}
	}
	for i := range 1 + rnd.IntN(12) {
		g.names = append(g.names, fmt.Sprint("r", i))
	}
	g.Roles = g.roles(rnd, seed)
	return g
}

// roles returns roles with the names of g.
func (g generated) roles(rnd *rand.Rand, seed uint64) map[string]rbac.Role[perm] {
	roles := map[string]rbac.Role[perm]{}
	for i, name := range g.names {
		var r rbac.Role[perm]
		for range rnd.IntN(6) {
			r.Grants = append(r.Grants, g.pattern(rnd, seed))
		}
		for range max(rnd.IntN(6)-3, 0) {
			r.Denies = append(r.Denies, g.pattern(rnd, seed))
		}
		for range rnd.IntN(3) {
			to := rnd.IntN(len(g.names))
			if to >= i && seed%4 != 0 { // most are free of cycles
				continue
			}
			r.Inherits = append(r.Inherits, g.names[to])
		}
		roles[name] = r
	}
	return roles
}

// pattern returns a permission or a wildcard, which may match none.
func (g generated) pattern(rnd *rand.Rand, seed uint64) perm {
	p := g.Permissions[rnd.IntN(len(g.Permissions))]
	switch rnd.IntN(40) {
	case 0:
		p = "*"
	case 1, 2, 3, 4, 5:
		p = p[:strings.IndexByte(string(p), ':')+1] + "*"
	case 6:
		if seed%8 == 0 {
			p += "x" // probably not declared
		}
	}
	return p
}

// A twin is a plain implementation of the same policy: it compares strings at each
// decision.
type twin struct{ generated }

func (w twin) includes(role, want string, depth int) bool {
	if role == want {
		return true
	}
	for _, p := range w.Roles[role].Inherits {
		if depth > 0 && w.includes(p, want, depth-1) {
			return true
		}
	}
	return false
}

func (w twin) hasRole(roles []string, want string) bool {
	return slices.ContainsFunc(roles, func(r string) bool {
		_, known := w.Roles[r]
		return known && w.includes(r, want, 13)
	})
}

func covers(pattern, p string) bool {
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(p, prefix)
	}
	return pattern == p
}

func (w twin) granted(roles []string, p perm) bool {
	return w.has(roles, p, func(r rbac.Role[perm]) []perm { return r.Grants }) && !w.denied(roles, p)
}

func (w twin) denied(roles []string, p perm) bool {
	return w.has(roles, p, func(r rbac.Role[perm]) []perm { return r.Denies })
}

// has reports whether a list of one of roles, or of one it inherits, has p.
func (w twin) has(roles []string, p perm, list func(rbac.Role[perm]) []perm) bool {
	return slices.ContainsFunc(w.names, func(r string) bool {
		return w.hasRole(roles, r) && slices.ContainsFunc(list(w.Roles[r]), func(g perm) bool { return covers(string(g), string(p)) })
	})
}

// roleInScope reports whether scopes cover all that a role grants.
func (w twin) roleInScope(scopes []string, role string) bool {
	grantsAny := false
	for _, p := range w.Permissions {
		if w.granted([]string{role}, p) {
			grantsAny = true
			if !slices.ContainsFunc(scopes, func(s string) bool { return covers(s, string(p)) }) {
				return false
			}
		}
	}
	return grantsAny || slices.Contains(scopes, "*")
}

// valid reports whether the spec has neither an unknown name nor a cycle.
func (w twin) valid() bool {
	for name, r := range w.Roles {
		for _, g := range slices.Concat(r.Grants, r.Denies) {
			if !slices.ContainsFunc(w.Permissions, func(p perm) bool { return covers(string(g), string(p)) }) {
				return false
			}
		}
		for _, p := range r.Inherits {
			if w.includes(p, name, 13) {
				return false
			}
		}
	}
	return true
}

// compare compares every decision of the policy with that of its twin.
func compare(t *testing.T, seed uint64) (built bool) {
	t.Helper()
	g := generate(seed)
	w := twin{g}
	var scopes []string
	limited := seed%3 == 0
	p, err := rbac.New(g.Spec, rolesOf, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return scopes, limited }})
	if (err == nil) != w.valid() {
		t.Fatalf("seed %d: New = %v, the twin decides %t", seed, err, w.valid())
	}
	if err != nil {
		return false
	}
	rnd := rand.New(rand.NewPCG(seed, 2))
	for range 3 {
		var roles []string
		for range rnd.IntN(6) {
			roles = append(roles, fmt.Sprint("r", rnd.IntN(len(g.names)+2))) // some are unknown
		}
		scopes = nil
		for range rnd.IntN(4) {
			s := string(g.Permissions[rnd.IntN(len(g.Permissions))])
			switch rnd.IntN(6) {
			case 0:
				s = "*"
			case 1, 2:
				s = s[:strings.LastIndexAny(s, ":./")+1] + "*"
			}
			scopes = append(scopes, s)
		}
		r := as(roles...)
		from := p.From(guard.WithPrincipal(r.Context(), user{"u", roles}))
		for _, q := range g.Permissions {
			want := w.granted(roles, q)
			if limited {
				want = want && slices.ContainsFunc(scopes, func(s string) bool { return covers(s, string(q)) })
			}
			rec, _, _ := serve(t, p.RequireAll(q), r)
			if got := rec.Code == 200; got != want || has(p, q, r.Context()) != want || (p.Check(r.Context(), q) == nil) != want || from.Has(q) != want {
				t.Fatalf("seed %d: %s for %v under %v (%t): %t, the twin decides %t", seed, q, roles, scopes, limited, got, want)
			}
		}
		for _, name := range g.names {
			want := w.hasRole(roles, name) && (!limited || w.roleInScope(scopes, name))
			if rec, _, _ := serve(t, p.RequireRole(name), r); (rec.Code == 200) != want || from.HasRole(name) != want {
				t.Fatalf("seed %d: role %s for %v: %t, the twin decides %t", seed, name, roles, rec.Code == 200, want)
			}
		}
	}
	return true
}

// compareInTenant does the same for a tenant with roles of its own, of which some
// have the names of the policy's.
func compareInTenant(t *testing.T, seed uint64) (built bool) {
	t.Helper()
	g := generate(seed)
	ofTenant := generated{rbac.Spec[perm]{Permissions: g.Permissions}, append([]string{"t0", "t1"}, g.names[len(g.names)/2:]...)}
	rnd := rand.New(rand.NewPCG(seed, 3))
	ofTenant.Roles = ofTenant.roles(rnd, seed)
	all, policy, tenant := append([]string{"t0", "t1", "unknown"}, g.names...), twin{g}, twin{ofTenant}
	var held []string
	p, err := rbac.NewPerTenant(g.Spec, func(context.Context, user, string) (rbac.Membership, bool, error) {
		return rbac.Membership{Roles: held, Tenant: "a"}, true, nil
	}, nil)
	if err != nil {
		return false
	}
	if err := p.SwapIn(t.Context(), "a", ofTenant.Spec); (err == nil) != tenant.valid() {
		t.Fatalf("seed %d: SwapIn = %v, the twin decides %t", seed, err, tenant.valid())
	} else if err != nil {
		return false
	}
	for range 3 {
		held = nil
		for range rnd.IntN(5) {
			held = append(held, all[rnd.IntN(len(all))])
		}
		ctx := guard.Must(p.Enter(guard.WithPrincipal(t.Context(), user{}), "a"))
		for _, q := range g.Permissions {
			want := false
			for _, name := range held {
				definition := policy
				if _, defined := ofTenant.Roles[name]; defined {
					definition = tenant
				}
				want = want || definition.granted([]string{name}, q)
			}
			if want = want && !policy.denied(held, q) && !tenant.denied(held, q); has(p, q, ctx) != want {
				t.Fatalf("seed %d: %s for %v in a tenant: %t, the twin decides %t", seed, q, held, !want, want)
			}
		}
		for _, name := range all {
			want := policy.hasRole(slices.DeleteFunc(slices.Clone(held), func(h string) bool { _, defined := ofTenant.Roles[h]; return defined }), name)
			if p.From(ctx).HasRole(name) != want {
				t.Fatalf("seed %d: role %s for %v in a tenant: %t, the twin decides %t", seed, name, held, !want, want)
			}
		}
	}
	return true
}

// Generated policies decide as their plain twins do.
func TestTwin(t *testing.T) {
	seeds, built, inTenant := uint64(400), 0, 0
	if race.Enabled {
		seeds = 40 // nothing here is concurrent
	}
	for seed := range seeds {
		if compare(t, seed) {
			built++
		}
		if compareInTenant(t, seed) {
			inTenant++
		}
	}
	if inTenant < int(seeds)/4 {
		t.Errorf("only %d of the tenants could be built", inTenant)
	}
	if built < int(seeds)/2 {
		t.Errorf("only %d of the policies could be built", built)
	}
}

func FuzzTwin(f *testing.F) {
	for _, seed := range []uint64{0, 1, 1 << 40} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		compare(t, seed)
		compareInTenant(t, seed)
	})
}
