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

// A grants is what one principal may do. The first gate of a request keeps it at
// the step in front, or else places it as a context node, and later gates find
// it. Who it is about is in the context.
type grants[P any, Perm ~string] struct {
	context.Context // behind the node; nil where it is none
	kept            guard.Kept
	engine          *engine[P, Perm]
	generation      *generation[P, Perm]
	roles           []*role
	room            [4]*role // of roles, so that few cost no allocation
	scopes          []string
	limited         bool
}

// Value answers to the policy's key: two policies with the same types do not see
// each other's grants.
func (g *grants[P, Perm]) Value(key any) any {
	if key == any(&g.engine.key) {
		return g
	}
	return g.Context.Value(key)
}

// String keeps the principal out of a printed context.
func (g *grants[P, Perm]) String() string { return fmt.Sprintf("%v.rbac", g.Context) }

// GoString is String, for %#v.
func (g *grants[P, Perm]) GoString() string { return g.String() }

// find is the grants that a gate placed for the principal of ctx.
func (e *engine[P, Perm]) find(ctx context.Context) *grants[P, Perm] {
	g, _ := ctx.Value(&e.key).(*grants[P, Perm])
	return g
}

// look finds out the grants of ctx's principal.
func (e *engine[P, Perm]) look(ctx context.Context) (*grants[P, Perm], error) {
	p, err := guard.Authenticated[P](ctx)
	if err != nil {
		return nil, err
	}
	scopes, limited := guard.Ceiling[P](ctx)
	if e.ceiling != nil {
		if more, too := e.ceiling(ctx); too {
			scopes, limited = e.both(more, scopes, limited), true
		}
	}
	now := e.current.Load()
	var one [1]string
	names := one[:]
	switch {
	case e.roleOf != nil:
		one[0] = e.roleOf(p)
	case e.rolesOf != nil:
		names = e.rolesOf(p)
	}
	if len(names) == 1 && !limited {
		if g, ok := now.single[names[0]]; ok {
			return g, nil
		}
	}
	g := e.grants(now, names)
	g.Context, g.scopes, g.limited = ctx, scopes, limited
	return g, nil
}

// grants are new ones, of who has the roles of these names in generation n.
func (e *engine[P, Perm]) grants(n *generation[P, Perm], names []string) *grants[P, Perm] {
	g := &grants[P, Perm]{engine: e, generation: n}
	g.kept = guard.Kept{Key: &e.key, Value: g}
	g.roles = g.room[:0]
	for _, name := range names {
		if r, known := n.roles[name]; known {
			g.roles = append(g.roles, r)
		}
	}
	return g
}

// keep keeps g for the rest of the request, where it follows from the principal
// alone: another part of the request may have another ceiling.
func (e *engine[P, Perm]) keep(ctx context.Context, g *grants[P, Perm]) bool {
	return e.ceiling == nil && guard.Keep(ctx, &g.kept)
}

// node is g as a context behind ctx.
func (g *grants[P, Perm]) node(ctx context.Context) context.Context {
	if g.Context == nil { // everybody's with this role
		own := *g
		own.Context = ctx
		g = &own
	}
	return g
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

// grantsOf is the grants of ctx, those a gate placed where there are any.
func (e *engine[P, Perm]) grantsOf(ctx context.Context) (*grants[P, Perm], error) {
	if g := e.find(ctx); g != nil {
		return g, nil
	}
	return e.look(ctx)
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
		if err := g.engine.ask(ctx, i); err != nil {
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
	for _, r := range g.roles {
		if r.grants.has(i) {
			return true
		}
	}
	return false
}

// ask asks the decider.
func (e *engine[P, Perm]) ask(ctx context.Context, i int) error {
	p, _ := guard.PrincipalFrom[P](ctx)
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
	for _, r := range g.roles {
		if !r.includes[name] {
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
func (g *grants[P, Perm]) describe(ctx context.Context) string {
	p, _ := guard.PrincipalFrom[P](ctx)
	var names []string
	switch e := g.engine; {
	case e.decide != nil:
		return "by the decider"
	case e.rolesOf != nil:
		names = e.rolesOf(p)
	case e.roleOf(p) != "":
		names = []string{e.roleOf(p)}
	}
	if len(names) == 0 {
		return "no roles"
	}
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", n)
		if g.generation.roles[n] == nil {
			b.WriteString(" (unknown)")
		}
	}
	return b.String()
}
