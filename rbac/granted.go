package rbac

import (
	"context"
	"iter"
)

// Granted is what the principal of a request may do. The zero value is nothing.
type Granted[Perm ~string] struct {
	ctx context.Context
	g   interface {
		has(context.Context, Perm) bool
		hasRole(string) bool
		permissions() []Perm
		number() uint64
	}
}

// From returns what the principal of ctx may do, for templates and for answers
// that tell clients what to offer: nothing where nobody is known.
func (p *Policy[P, Perm]) From(ctx context.Context) Granted[Perm] {
	g, err := p.grantsOf(ctx)
	if err != nil {
		return Granted[Perm]{}
	}
	return Granted[Perm]{ctx, &g}
}

// Has reports whether perm is granted.
func (s Granted[Perm]) Has(perm Perm) bool { return s.g != nil && s.g.has(s.ctx, perm) }

// HasRole reports whether the principal has the role, itself or by inheritance.
func (s Granted[Perm]) HasRole(name string) bool { return s.g != nil && s.g.hasRole(name) }

// Generation is that of the policy that decides about the request.
func (s Granted[Perm]) Generation() uint64 {
	if s.g == nil {
		return 0
	}
	return s.g.number()
}

// All yields what is granted, in the order of declaration.
func (s Granted[Perm]) All() iter.Seq[Perm] {
	return func(yield func(Perm) bool) {
		if s.g == nil {
			return
		}
		for _, perm := range s.g.permissions() {
			if s.Has(perm) && !yield(perm) {
				return
			}
		}
	}
}

func (g *grants[P, Perm]) has(ctx context.Context, perm Perm) bool {
	i, declared := g.engine.index[perm]
	return declared && g.permission(ctx, i) == nil
}

func (g *grants[P, Perm]) hasRole(name string) bool { return g.role(name) == nil }

func (g *grants[P, Perm]) permissions() []Perm { return g.engine.list }

func (g *grants[P, Perm]) number() uint64 { return g.generation.number }
