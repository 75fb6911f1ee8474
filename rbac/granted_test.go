package rbac_test

import (
	"context"
	"slices"
	"testing"

	"github.com/go-guard/guard/rbac"
)

func TestFrom(t *testing.T) {
	p := newPolicy(t, nil)
	for name, ctx := range contexts(t, p, "moderator") {
		g := p.From(ctx)
		if got, want := slices.Collect(g.All()), []perm{usersRead, postsRead, postsWrite}; !slices.Equal(got, want) {
			t.Errorf("%s: All yields %v, want %v", name, got, want)
		}
		if g.Generation() != 1 {
			t.Errorf("%s: generation %d, want 1", name, g.Generation())
		}
		if g.Has("users:raed") {
			t.Errorf("%s: an undeclared permission is granted", name)
		}
		for role, want := range map[string]bool{"user": true, "moderator": true, "admin": false, "root": false} {
			if g.HasRole(role) != want {
				t.Errorf("%s: HasRole(%q) = %t", name, role, !want)
			}
		}
		for range g.All() {
			break
		}
	}
}

func TestAnonymousGrantsNothing(t *testing.T) {
	p := newPolicy(t, nil)
	for name, g := range map[string]rbac.Granted[perm]{"anonymous": p.From(context.Background()), "the zero value": {}} {
		if g.Has(usersRead) || g.HasRole("admin") || g.Generation() != 0 || len(slices.Collect(g.All())) != 0 {
			t.Errorf("%s: something is granted: %v", name, slices.Collect(g.All()))
		}
	}
}
