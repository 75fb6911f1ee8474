package rbac

import (
	"context"
	"iter"

	"github.com/go-guard/guard/internal/secret"
)

// Granted is what the principal of a context is allowed to do, by the policy in
// force when From was called. The zero value is for an anonymous principal,
// which is allowed nothing.
type Granted[Perm ~string] struct {
	ctx     secret.Value[context.Context] // its values are the application's
	grantee anyGrantee[Perm]
}

// anyGrantee is a *grantee, whatever the type of its principal.
type anyGrantee[Perm ~string] interface {
	has(context.Context, Perm) bool
	hasRole(string) bool
	declared() []Perm
	number() uint64
}

// From returns what the principal of ctx is allowed to do, for templates and for
// answers that list the actions a client may offer. Where ctx is anonymous it is
// the zero value.
func (p *Policy[P, Perm]) From(ctx context.Context) Granted[Perm] {
	g := &grantee[P, Perm]{}
	if g.read(ctx, p.engine) != nil {
		return Granted[Perm]{}
	}
	return Granted[Perm]{secret.New(ctx), g}
}

// Has reports whether perm is granted. It is false where a decider fails.
func (s Granted[Perm]) Has(perm Perm) bool {
	return s.grantee != nil && s.grantee.has(s.ctx.Reveal(), perm)
}

// HasRole reports whether the principal has the role of the policy, directly or by
// inheritance.
func (s Granted[Perm]) HasRole(name string) bool {
	return s.grantee != nil && s.grantee.hasRole(name)
}

// Generation is the number of the policy that decides: see [Policy.Generation].
// It is 0 for the zero value.
func (s Granted[Perm]) Generation() uint64 {
	if s.grantee == nil {
		return 0
	}
	return s.grantee.number()
}

// All yields the granted permissions in the order of their declaration.
func (s Granted[Perm]) All() iter.Seq[Perm] {
	return func(yield func(Perm) bool) {
		if s.grantee == nil {
			return
		}
		for _, perm := range s.grantee.declared() {
			if s.Has(perm) && !yield(perm) {
				return
			}
		}
	}
}

func (g *grantee[P, Perm]) has(ctx context.Context, perm Perm) bool {
	i, declared := g.engine.index[perm]
	if !declared {
		return false
	}
	r, err := g.permission(ctx, i)
	return err == nil && r == granted
}

func (g *grantee[P, Perm]) hasRole(name string) bool { return g.role([]string{name}) == granted }

func (g *grantee[P, Perm]) declared() []Perm { return g.engine.declared }
