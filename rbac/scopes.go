package rbac

import (
	"slices"

	"github.com/go-guard/guard"
)

// covered reports whether scopes cover the i-th permission.
func (c *catalog[Perm]) covered(scopes []string, i int) bool {
	return slices.ContainsFunc(c.covers[i], func(s string) bool { return slices.Contains(scopes, s) })
}

// inScope reports whether every scope limit of the request covers the i-th
// permission.
func (g *grantee[P, Perm]) inScope(i int) bool {
	if g.scopes != nil && !g.engine.covered(g.scopes, i) {
		return false
	}
	for _, scopes := range guard.ScopeLimits(g.innermost) {
		if !g.engine.covered(scopes, i) {
			return false
		}
	}
	return true
}

// roleInScope reports whether every scope limit of the request covers the role
// called name.
func (g *grantee[P, Perm]) roleInScope(name string) bool {
	r := g.generation.roles[name]
	if g.scopes != nil && !g.engine.coversRole(g.scopes, r) {
		return false
	}
	for _, scopes := range guard.ScopeLimits(g.innermost) {
		if !g.engine.coversRole(scopes, r) {
			return false
		}
	}
	return true
}

// coversRole reports whether scopes cover a role, which is nil if it is unknown.
// A handler may do anything in the name of a role, so they must cover every
// permission that it grants, and at least one.
func (c *catalog[Perm]) coversRole(scopes []string, r *role) bool {
	if slices.Contains(scopes, "*") {
		return true
	}
	if r == nil {
		return false
	}
	grantsAny := false
	for i := range c.list {
		if !r.grants.has(i) {
			continue
		}
		if !c.covered(scopes, i) {
			return false
		}
		grantsAny = true
	}
	return grantsAny
}
