package rbac

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-guard/guard"
)

// Swap replaces the roles in one step. Each gate, Check, Has and From uses the
// roles in force when it is called, and never mixes two generations; two gates of
// one request use different generations if a Swap falls between them.
//
// spec.Permissions must be those that the policy was built with, or nil, and the
// roles that gates require must still exist. The error reports every mistake in
// spec, and then the policy is unchanged.
//
// Swap reports a Decision to the Observe of ctx, with the action "swap" and the
// generation in force afterwards. A spec with a mistake is guard.Refused, with the
// error as its Reason. Where ctx has no Observe, nothing is reported.
func (p *Policy[P, Perm]) Swap(ctx context.Context, spec Spec[Perm]) error {
	number, err := p.engine.swap(spec)
	if guard.Observed(ctx) {
		d := guard.Decision{Package: "rbac", Action: "swap", Generation: number, Outcome: guard.Allowed}
		if err != nil {
			d.Outcome, d.Reason, d.Err = guard.Refused, err.Error(), err
		}
		d.ReportTo(ctx)
	}
	return err
}

// swap returns the number of the generation in force afterwards.
func (e *engine[P, Perm]) swap(spec Spec[Perm]) (number uint64, err error) {
	if e.decide != nil {
		return e.inForce.Load().number, errors.New("rbac: Swap: the policy has a decider, and no roles")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	number = e.inForce.Load().number
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
		return number, err
	}
	number++
	e.inForce.Store(&generation{number, roles})
	return number, nil
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
