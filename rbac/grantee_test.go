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
	g := generated{Spec: rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{}}}
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
	for i, name := range g.names {
		var r rbac.Role[perm]
		for range rnd.IntN(6) {
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
			r.Grants = append(r.Grants, p)
		}
		for range rnd.IntN(3) {
			to := rnd.IntN(len(g.names))
			if to >= i && seed%4 != 0 { // most are free of cycles
				continue
			}
			r.Inherits = append(r.Inherits, g.names[to])
		}
		g.Roles[name] = r
	}
	return g
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
	for _, r := range w.names {
		if w.hasRole(roles, r) && slices.ContainsFunc(w.Roles[r].Grants, func(g perm) bool { return covers(string(g), string(p)) }) {
			return true
		}
	}
	return false
}

// valid reports whether the spec has neither an unknown name nor a cycle.
func (w twin) valid() bool {
	for name, r := range w.Roles {
		for _, g := range r.Grants {
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
			if rnd.IntN(2) == 0 {
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
			if got := rec.Code == 200; got != want || p.Has(q)(r.Context()) != want || (p.Check(r.Context(), q) == nil) != want || from.Has(q) != want {
				t.Fatalf("seed %d: %s for %v under %v (%t): %t, the twin decides %t", seed, q, roles, scopes, limited, got, want)
			}
		}
		for _, name := range g.names {
			if limited {
				break // TestScopeLimit has roles under scopes
			}
			want := w.hasRole(roles, name)
			if rec, _, _ := serve(t, p.RequireRole(name), r); (rec.Code == 200) != want || from.HasRole(name) != want {
				t.Fatalf("seed %d: role %s for %v: %t, the twin decides %t", seed, name, roles, rec.Code == 200, want)
			}
		}
	}
	return true
}

// Generated policies decide as their plain twins do.
func TestTwin(t *testing.T) {
	seeds, built := uint64(400), 0
	if race.Enabled {
		seeds = 40 // nothing here is concurrent
	}
	for seed := range seeds {
		if compare(t, seed) {
			built++
		}
	}
	if built < int(seeds)/2 {
		t.Errorf("only %d of the policies could be built", built)
	}
}

func FuzzTwin(f *testing.F) {
	for _, seed := range []uint64{0, 1, 1 << 40} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { compare(t, seed) })
}
