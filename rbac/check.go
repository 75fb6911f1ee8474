package rbac

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
)

// Check returns nil if the principal of ctx has the permission. Otherwise its
// error is for guard.Refuse, and belongs to the caller: a 401 or 403, or a
// failure (5xx) where perm is not declared, the decider fails or the chain is wired
// wrongly. It reports no Decision: a handler may ask without refusing.
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
// permission, as owner's Bypass takes it: false for an anonymous one. An error is
// a failure of the decider, or of a chain that is wired wrongly. An undeclared
// permission panics.
func (p *Policy[P, Perm]) Has(perm Perm) func(context.Context) (bool, error) {
	i := p.indexOf(perm)
	return func(ctx context.Context) (bool, error) {
		var g grantee[P, Perm]
		if err := g.read(ctx, p.engine); err != nil {
			if e, ok := err.(*guard.Error); ok && e.Status == http.StatusUnauthorized {
				return false, nil
			}
			return false, err
		}
		r, err := g.permission(ctx, i)
		return r == granted, err
	}
}
