package rbac

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
)

// A grantee is a principal with all that decides what it is allowed to do: its
// roles, one generation of the policy, and the scope limits of its request.
type grantee[P any, Perm ~string] struct {
	engine     *engine[P, Perm]
	generation *generation
	tenant     *tenantVersion // the roles of the tenant alone; nil where it has none
	principal  *P             // in its node of the context
	single     [1]string      // the role of a policy with roleOf
	several    []string       // the roles of a policy with rolesOf or rolesIn
	innermost  *identity.Node // of the context, for its scope limits
	scopes     []string       // of Options.ScopeLimit; nil is no limit
}

// read makes g the grantee of ctx. With an error, g has a generation and no
// roles. It costs no allocation: callers hold g on the stack.
func (g *grantee[P, Perm]) read(ctx context.Context, e *engine[P, Perm]) error {
	g.engine, g.generation = e, e.inForce.Load()
	g.innermost = identity.From(ctx)
	_, p := identity.For[P](g.innermost)
	if p == nil {
		_, err := guard.Authenticated[P](ctx)
		return err
	}
	g.principal = p
	if e.scopeLimit != nil {
		if scopes, limited := e.scopeLimit(ctx); limited {
			if g.scopes = scopes; scopes == nil {
				g.scopes = []string{} // a limit that covers nothing
			}
		}
	}
	switch {
	case e.roleOf != nil:
		g.single[0] = e.roleOf(*p)
	case e.rolesOf != nil:
		g.several = e.rolesOf(*p)
	case e.rolesIn != nil:
		return g.readMembership(ctx)
	}
	return nil
}

func (g *grantee[P, Perm]) roleNames() []string {
	if g.engine.roleOf != nil {
		return g.single[:]
	}
	return g.several
}

// number is that of the last change of the roles that g has.
func (g *grantee[P, Perm]) number() uint64 {
	if g.tenant != nil {
		return max(g.generation.number, g.tenant.number)
	}
	return g.generation.number
}

// ofTenant returns the tenant's own role called name, nil if there is none.
func (g *grantee[P, Perm]) ofTenant(name string) *role {
	if g.tenant == nil {
		return nil
	}
	return g.tenant.roles[name]
}

// A result is the decision on one permission or role. Results are ordered: of
// several, the highest counts where one is enough, and the lowest where all are
// required.
type result int

const (
	notGranted    result = iota
	outsideScopes        // the roles grant it, and the scopes of the credential do not cover it
	granted
)

var (
	errNotGranted    = errors.New("rbac: not granted")
	errOutsideScopes = errors.New("rbac: granted, but outside the credential's scopes")
)

// cause returns the cause of a 403 for r.
func (r result) cause() error {
	if r == outsideScopes {
		return errOutsideScopes
	}
	return errNotGranted
}

// permission decides on the i-th permission. An error is a failure of the
// decider.
func (g *grantee[P, Perm]) permission(ctx context.Context, i int) (result, error) {
	ok, err := g.hasPermission(ctx, i)
	switch {
	case err != nil || !ok:
		return notGranted, err
	case !g.inScope(i):
		return outsideScopes, nil
	}
	return granted, nil
}

// hasPermission reports whether the decider or a role grants the i-th
// permission.
func (g *grantee[P, Perm]) hasPermission(ctx context.Context, i int) (bool, error) {
	if g.engine.decide != nil {
		ok, err := g.engine.decide(ctx, *g.principal, g.engine.list[i])
		return guard.Resolve(ok, true, err, nil) // a decider cannot abstain
	}
	grants := false
	for _, name := range g.roleNames() {
		r := g.generation.roles[name]
		if r != nil && r.isDenied(i) {
			return false, nil // also where the tenant has a role of this name
		}
		if t := g.ofTenant(name); t != nil {
			if r = t; r.isDenied(i) {
				return false, nil
			}
		}
		grants = grants || r != nil && r.grants.has(i)
	}
	return grants, nil
}

// role decides on the roles called names, of which one is enough.
func (g *grantee[P, Perm]) role(names []string) result {
	best := notGranted
	var limit scopeLimit
	for _, name := range names {
		r := g.generation.roles[name]
		if r == nil || !g.includes(r) {
			continue
		}
		if best == notGranted {
			best, limit = outsideScopes, g.scopeLimit()
		}
		if limit.coversRole(r) {
			return granted
		}
	}
	return best
}

// includes reports whether g has the role r of the policy. Roles of a tenant never
// count: a tenant may name and inherit as it likes.
func (g *grantee[P, Perm]) includes(r *role) bool {
	return slices.ContainsFunc(g.roleNames(), func(name string) bool {
		held := g.generation.roles[name]
		return held != nil && g.ofTenant(name) == nil && held.includesRole(r)
	})
}

// A denial is the cause of a gate's 403. Its text names the roles that were not
// enough, and is built only if it is read.
type denial[P any, Perm ~string] struct {
	grantee *grantee[P, Perm]
	result  result
}

func (d *denial[P, Perm]) Error() string {
	return d.result.cause().Error() + ": " + d.grantee.describe()
}

// describe names the grantee's roles for operators.
func (g *grantee[P, Perm]) describe() string {
	if g.engine.decide != nil {
		return "by the decider"
	}
	var b strings.Builder
	for _, n := range g.roleNames() {
		if n == "" && g.engine.roleOf != nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		switch {
		case g.generation.roles[n] != nil || g.ofTenant(n) != nil:
			b.WriteString(quoted(n))
		case strings.ContainsFunc(n, isAccent): // it may look like one that is known
			fmt.Fprintf(&b, "%+.100q (unknown)", n)
		default:
			b.WriteString(quoted(n) + " (unknown)")
		}
	}
	if b.Len() == 0 {
		return "no roles"
	}
	return b.String()
}

// isAccent reports whether r is an accent apart from its letter, as in names that
// are not in the normal form NFC.
func isAccent(r rune) bool { return '\u0300' <= r && r <= '\u036f' }
