package rbac

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
)

// A grants is what one principal may do by the roles of one generation.
type grants[P any, Perm ~string] struct {
	engine     *engine[P, Perm]
	generation *generation
	principal  P
	one        [1]string // the name of the one role
	names      []string  // or of several
	scopes     []string
	limited    bool
}

// grantsOf finds out what the principal of ctx may do.
func (e *engine[P, Perm]) grantsOf(ctx context.Context) (g grants[P, Perm], err error) {
	g.engine, g.generation = e, e.current.Load()
	if g.principal, err = guard.Authenticated[P](ctx); err != nil {
		return g, err
	}
	g.scopes, g.limited = guard.ScopeLimit[P](ctx)
	if e.ceiling != nil {
		if more, too := e.ceiling(ctx); too {
			g.scopes, g.limited = e.both(more, g.scopes, g.limited), true
		}
	}
	switch {
	case e.roleOf != nil:
		g.one[0] = e.roleOf(g.principal)
	case e.rolesOf != nil:
		g.names = e.rolesOf(g.principal)
	}
	return g, nil
}

// roleNames are those of the principal.
func (g *grants[P, Perm]) roleNames() []string {
	if g.engine.roleOf != nil {
		return g.one[:]
	}
	return g.names
}

// both is scopes as far as the others, if those are a bound, cover the same.
func (e *engine[P, Perm]) both(scopes, others []string, limited bool) []string {
	switch {
	case !limited || slices.Contains(others, "*"):
		return scopes
	case slices.Contains(scopes, "*"):
		return others
	}
	var common []string
	for i, p := range e.list {
		if e.covered(scopes, i) && e.covered(others, i) {
			common = append(common, string(p))
		}
	}
	return common
}

var (
	errNotGranted = errors.New("rbac: not granted")
	errScope      = errors.New("rbac: granted, but beyond the credential's scopes")
)

// permission is nil where the i-th permission is granted, errNotGranted or
// errScope where it is not, and a failure otherwise.
func (g *grants[P, Perm]) permission(ctx context.Context, i int) error {
	if !g.byRole(i) {
		if g.engine.decide == nil {
			return errNotGranted
		}
		if err := g.engine.ask(ctx, g.principal, i); err != nil {
			return err
		}
	}
	if !g.scoped(i) {
		return errScope
	}
	return nil
}

// byRole reports whether a role grants the i-th permission.
func (g *grants[P, Perm]) byRole(i int) bool {
	for _, name := range g.roleNames() {
		if r := g.generation.roles[name]; r != nil && r.grants.has(i) {
			return true
		}
	}
	return false
}

// ask asks the decider.
func (e *engine[P, Perm]) ask(ctx context.Context, p P, i int) error {
	ok, err := e.decide(ctx, p, e.list[i])
	if ok, err = guard.Resolve(ok, true, err, nil); err != nil {
		return err
	}
	if !ok {
		return errNotGranted
	}
	return nil
}

// scoped reports whether the credential's scopes cover the i-th permission.
func (g *grants[P, Perm]) scoped(i int) bool {
	return !g.limited || g.engine.covered(g.scopes, i)
}

// covered reports whether scopes cover the i-th permission.
func (c *catalog[Perm]) covered(scopes []string, i int) bool {
	return slices.ContainsFunc(c.covers[i], func(s string) bool { return slices.Contains(scopes, s) })
}

// role is nil where the principal has the role.
func (g *grants[P, Perm]) role(name string) error {
	for _, own := range g.roleNames() {
		if r := g.generation.roles[own]; r == nil || !r.includes[name] {
			continue
		}
		if g.limited && !slices.Contains(g.scopes, "*") && !g.coversRole(name) {
			return errScope
		}
		return nil
	}
	return errNotGranted
}

// coversRole: a role is more than a name to handlers behind it, so that scopes
// let it through only if they cover all of it.
func (g *grants[P, Perm]) coversRole(name string) bool {
	r, ok := g.generation.roles[name]
	if !ok {
		return false
	}
	some := false
	for i := range g.engine.list {
		if r.grants.has(i) {
			if some = true; !g.scoped(i) {
				return false
			}
		}
	}
	return some
}

// Check is nil where the principal of ctx has the permission, for handlers and
// services; its error is for guard.Refuse: 401, 403, or a failure where perm is
// not declared.
func (p *Policy[P, Perm]) Check(ctx context.Context, perm Perm) error {
	i, declared := p.index[perm]
	if !declared {
		return fmt.Errorf("rbac: Check of the undeclared permission %q", perm)
	}
	g, err := p.grantsOf(ctx)
	if err == nil {
		err = g.permission(ctx, i)
	}
	switch err {
	case errNotGranted:
		return p.deniedAt(i)
	case errScope:
		return p.refusal(ctx, []Perm{perm}, message([]Perm{perm}, ""), err)
	}
	return err
}

// deniedAt is the refusal for want of the i-th permission, made once: to be
// told no, as often as one asks, must not cost an allocation.
func (p *Policy[P, Perm]) deniedAt(i int) error {
	if p.refused != nil {
		return p.refused
	}
	e := p.denied[i].Load()
	if e == nil {
		e = &guard.Error{Status: http.StatusForbidden, Message: message(p.list[i:i+1], ""), Err: errNotGranted}
		p.denied[i].Store(e)
	}
	return e
}

// Has returns a function that reports whether the principal of a context has
// the permission, as owner's Bypass takes it. It is false where nobody is known
// and where a decider fails; owner's BypassCheck tells that apart. An undeclared
// permission panics.
func (p *Policy[P, Perm]) Has(perm Perm) func(context.Context) bool {
	i := p.indexOf(perm)
	return func(ctx context.Context) bool {
		g, err := p.grantsOf(ctx)
		return err == nil && g.permission(ctx, i) == nil
	}
}

// describe says for operators whom a refusal was about.
func (g *grants[P, Perm]) describe() string {
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
		fmt.Fprintf(&b, "%q", n)
		if g.generation.roles[n] == nil {
			b.WriteString(" (unknown)")
		}
	}
	if b.Len() == 0 {
		return "no roles"
	}
	return b.String()
}
