package rbac

import (
	"context"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
)

// scopesOf returns the scopes that limit the credential of n, which is that of
// ctx: those of the credential itself, as guard.ScopeLimit does, and those of
// Options.ScopeLimit.
func (e *engine[P, Perm]) scopesOf(ctx context.Context, n *identity.Node) (scopes []string, limited bool) {
	if l, ok := identity.Borrow[guard.ScopeLimiter](n); ok {
		scopes, limited = l.ScopeLimit()
	}
	if e.scopeLimit == nil {
		return scopes, limited
	}
	others, limitedToo := e.scopeLimit(ctx)
	switch {
	case !limitedToo:
		return scopes, limited
	case !limited:
		return others, true
	}
	return e.intersect(scopes, others), true
}

// intersect returns scopes that cover what both a and b cover.
func (c *catalog[Perm]) intersect(a, b []string) []string {
	switch {
	case slices.Contains(a, "*"):
		return b
	case slices.Contains(b, "*"):
		return a
	}
	var common []string
	for i, p := range c.list {
		if c.covered(a, i) && c.covered(b, i) {
			common = append(common, string(p))
		}
	}
	return common
}

// covered reports whether scopes cover the i-th permission.
func (c *catalog[Perm]) covered(scopes []string, i int) bool {
	return slices.ContainsFunc(c.covers[i], func(s string) bool { return slices.Contains(scopes, s) })
}

// inScope reports whether the grantee's scopes cover the i-th permission.
func (g *grantee[P, Perm]) inScope(i int) bool {
	return !g.limited || g.engine.covered(g.scopes, i)
}

// roleInScope reports whether the grantee's scopes cover the role called name.
// A handler may do anything in the name of a role, so they must cover every
// permission that it grants, and at least one.
func (g *grantee[P, Perm]) roleInScope(name string) bool {
	if !g.limited || slices.Contains(g.scopes, "*") {
		return true
	}
	r, ok := g.generation.roles[name]
	if !ok {
		return false
	}
	grantsAny := false
	for i := range g.engine.list {
		if !r.grants.has(i) {
			continue
		}
		if !g.inScope(i) {
			return false
		}
		grantsAny = true
	}
	return grantsAny
}
