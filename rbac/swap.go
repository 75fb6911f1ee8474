package rbac

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/go-guard/guard"
)

// Swap replaces the roles in one step. Each gate, Check, Has and From uses the
// roles in force when it is called, and never mixes two generations; two gates of
// one request use different generations if a Swap falls between them.
//
// spec.Permissions must be those that the policy was built with, or nil, and the
// roles that gates require must still exist. The error reports the first 20 mistakes
// in spec, and then the policy is unchanged. The roles of tenants are, too: see
// SwapIn.
//
// Swap reports a Decision to the Observe of ctx, with the action "swap" and the
// generation in force afterwards. A spec with a mistake is guard.Refused, with the
// error as its Reason. Where ctx has no Observe, nothing is reported.
func (p *Policy[P, Perm]) Swap(ctx context.Context, spec Spec[Perm]) error {
	number, err := p.engine.swap(spec)
	reportSwap(ctx, number, "", err)
	return err
}

// reportSwap reports a change of roles; what names them where there are several.
func reportSwap(ctx context.Context, number uint64, what string, err error) {
	if !guard.Observed(ctx) {
		return
	}
	d := guard.Decision{Package: "rbac", Action: "swap", Generation: number, Outcome: guard.Allowed, Reason: what}
	if err != nil {
		d.Outcome, d.Reason, d.Err = guard.Refused, err.Error(), err
	}
	d.ReportTo(ctx)
}

// swap returns the number of the generation in force afterwards.
func (e *engine[P, Perm]) swap(spec Spec[Perm]) (number uint64, err error) {
	if e.decide != nil {
		return e.inForce.Load().number, errors.New("rbac: Swap: the policy has a decider, and no roles")
	}
	m := &mistakes{}
	if spec.Permissions != nil {
		e.samePermissions(spec.Permissions, m)
	}
	roles := e.compile(spec.Roles, m) // outside of the lock: it may take long
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(e.required)) {
		if _, ok := roles[name]; !ok {
			m.add("a gate requires role %s, which the new policy does not define", quoted(name))
		}
	}
	if err := m.err(); err != nil {
		return e.inForce.Load().number, err
	}
	e.number++
	e.inForce.Store(&generation{e.number, roles})
	return e.number, nil
}

// Generation is the number of the policy in force: 1 after New. Each Swap and
// SwapIn takes the next one.
func (p *Policy[P, Perm]) Generation() uint64 { return p.inForce.Load().number }

func (c *catalog[Perm]) samePermissions(list []Perm, m *mistakes) {
	same := c.subset(list, m)
	for _, p := range c.declared {
		if !same.has(c.index[p]) {
			m.add("permission %s is missing: permissions are declared where the policy is built", quoted(p))
		}
	}
}
