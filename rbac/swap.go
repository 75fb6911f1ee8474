package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Swap replaces the roles in one step. Each gate, Check, Has and From uses the
// roles in force when it is called, and never mixes two generations; two gates of
// one request use different generations if a Swap falls between them.
//
// spec.Permissions must be those that the policy was built with, or nil, and the
// roles that gates require must still exist. The error reports every mistake in
// spec, and then the policy is unchanged.
func (p *Policy[P, Perm]) Swap(spec Spec[Perm]) error {
	e := p.engine
	if e.decide != nil {
		return errors.New("rbac: Swap: the policy has a decider, and no roles")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	if spec.Permissions != nil {
		errs = append(errs, e.samePermissions(spec.Permissions))
	}
	roles, err := e.compile(spec.Roles, nil)
	errs = append(errs, err)
	for _, name := range slices.Sorted(maps.Keys(e.required)) {
		if _, ok := roles[name]; !ok {
			errs = append(errs, fmt.Errorf("rbac: a gate requires role %q, which the new policy does not define", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	e.inForce.Store(&generation{e.inForce.Load().number + 1, roles})
	return nil
}

// Generation is the number of the policy in force: 1 after New, and one more
// after each Swap.
func (p *Policy[P, Perm]) Generation() uint64 { return p.inForce.Load().number }

func (c *catalog[Perm]) samePermissions(list []Perm) error {
	other, err := newCatalog(list)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range list {
		if _, ok := c.index[p]; !ok {
			errs = append(errs, fmt.Errorf("rbac: permission %q is new: permissions are declared where the policy is built", p))
		}
	}
	for _, p := range c.list {
		if _, ok := other.index[p]; !ok {
			errs = append(errs, fmt.Errorf("rbac: permission %q is missing: permissions are declared where the policy is built", p))
		}
	}
	return errors.Join(errs...)
}
