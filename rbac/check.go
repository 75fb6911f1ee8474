package rbac

import (
	"context"
	"fmt"

	"github.com/go-guard/guard"
)

// Check returns nil if the principal of ctx has the permission. Otherwise its
// error is for guard.Refuse, and belongs to the caller: a 401 or 403, or a
// failure (5xx) where perm is not declared or the decider fails. It reports no
// Decision: a handler may ask without refusing.
func (p *Policy[P, Perm]) Check(ctx context.Context, perm Perm) error {
	i, declared := p.index[perm]
	if !declared {
		return fmt.Errorf("rbac: Check of the undeclared permission %q", perm)
	}
	var g grantee[P, Perm]
	if err := g.read(ctx, p.engine); err != nil {
		return cloneOf(err)
	}
	switch r, err := g.permission(ctx, i); {
	case err != nil:
		return cloneOf(err)
	case r != granted:
		return p.refuse(ctx, r, []Perm{perm}, codePermission, p.messages[i], r.cause())
	}
	return nil
}

// cloneOf returns an error that the caller may change.
func cloneOf(err error) error {
	if e, ok := err.(*guard.Error); ok {
		return e.Clone()
	}
	return err
}

// Has returns a function that reports whether the principal of a context has the
// permission, as owner's Bypass takes it. It returns false for an anonymous
// context, and also where the decider fails: owner's BypassCheck takes Check,
// which returns that failure. An undeclared permission panics.
func (p *Policy[P, Perm]) Has(perm Perm) func(context.Context) bool {
	i := p.indexOf(perm)
	return func(ctx context.Context) bool {
		var g grantee[P, Perm]
		if g.read(ctx, p.engine) != nil {
			return false
		}
		r, err := g.permission(ctx, i)
		return err == nil && r == granted
	}
}
