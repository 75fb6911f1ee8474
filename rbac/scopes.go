package rbac

import (
	"slices"
	"strings"

	"github.com/go-guard/guard"
)

// cover reports whether scopes cover the permission called name. It compares each
// scope once: a credential may have thousands.
func cover(scopes []string, name string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool {
		if scope == name {
			return true
		}
		prefix, wildcard := strings.CutSuffix(scope, "*")
		return wildcard && strings.HasPrefix(name, prefix) &&
			(prefix == "" || strings.IndexByte(separators, prefix[len(prefix)-1]) >= 0)
	})
}

// inScope reports whether every scope limit of the request covers the i-th
// permission.
func (g *grantee[P, Perm]) inScope(i int) bool {
	name := string(g.engine.list[i])
	if g.scopes != nil && !cover(g.scopes, name) {
		return false
	}
	for _, scopes := range guard.ScopeLimits(g.innermost) {
		if !cover(scopes, name) {
			return false
		}
	}
	return true
}

// A scopeLimit is the permissions that every scope limit of a request covers.
type scopeLimit struct {
	allowed set
	all     bool // what is no permission, too: there is no limit, or each has the scope "*"
}

// scopeLimit reads each scope once, for the many permissions of a role.
func (g *grantee[P, Perm]) scopeLimit() scopeLimit {
	l := scopeLimit{all: true}
	if g.scopes != nil {
		g.engine.limit(&l, g.scopes)
	}
	for _, scopes := range guard.ScopeLimits(g.innermost) {
		g.engine.limit(&l, scopes)
	}
	return l
}

// limit limits l to what scopes cover.
func (c *catalog[Perm]) limit(l *scopeLimit, scopes []string) {
	if slices.Contains(scopes, "*") {
		return
	}
	allowed := newSet(len(c.list))
	for _, scope := range scopes {
		if strings.HasSuffix(scope, "*") {
			if s, ok := c.wildcards[scope]; ok {
				allowed.addSpan(s, nil)
			}
		} else if i, ok := c.index[Perm(scope)]; ok {
			allowed.add(i)
		}
	}
	if l.allowed != nil {
		allowed.keep(l.allowed)
	}
	l.allowed, l.all = allowed, false
}

// coversRole reports whether the limit covers a role. A handler may do anything in
// the name of a role, so the scopes must cover every permission that it grants, and
// at least one.
func (l *scopeLimit) coversRole(r *role) bool {
	return l.all || !r.grants.isEmpty() && r.grants.within(l.allowed)
}
