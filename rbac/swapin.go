package rbac

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
)

// SwapIn replaces the roles of one tenant in one step, as Swap does those of the
// policy. No gate waits for it, and its duration does not depend on how many tenants
// there are; tenants with equal roles share one copy of them. Where spec.Roles is
// empty the tenant has none, and where it is nil the tenant is removed: requests that
// depend on its roles fail (5xx), also those that entered it before.
//
// The roles of a tenant grant and deny permissions, and inherit each other, but not
// the policy's: a member has several roles. They never satisfy RequireRole. If not
// nil, spec.Permissions is those of the policy that they may grant: a granted "*" is
// all of these, and a denied one all of the policy's. Set it where a customer writes the
// roles.
//
// With a mistake in spec nothing changes. SwapIn reports a Decision as Swap does,
// whose Reason names the tenant. It can be called in rolesIn, to load a tenant when
// it is first used.
func (p *Policy[P, Perm]) SwapIn(ctx context.Context, tenant string, spec Spec[Perm]) error {
	number, err := p.engine.swapIn(tenant, spec)
	what := "tenant " + quoted(tenant)
	if err != nil {
		err = fmt.Errorf("rbac: SwapIn of %s: %w", what, err)
	}
	reportSwap(ctx, number, what, err)
	return err
}

// A tenantEntry is a tenant that has roles of its own.
type tenantEntry struct {
	inForce atomic.Pointer[tenantVersion] // nil where it was removed
}

// A tenantVersion is what one SwapIn did. It never changes.
type tenantVersion struct {
	*tenantRoles
	number uint64
}

// tenantRoles are compiled roles that tenants share.
type tenantRoles struct {
	roles   map[string]*role
	digest  [sha256.Size]byte
	tenants int // that have them; guarded by engine.mu
}

func (e *engine[P, Perm]) swapIn(name string, spec Spec[Perm]) (number uint64, err error) {
	if e.rolesIn == nil {
		return e.inForce.Load().number, errNoTenants
	}
	m := &mistakes{}
	if err := nameError("tenant", name); err != nil {
		m.add("%v", err)
	}
	c := &compiler[Perm]{catalog: e.catalog, mistakes: m}
	if spec.Permissions != nil {
		c.within = e.subset(spec.Permissions, m)
	}
	compiled := &tenantRoles{roles: c.compile(spec.Roles)}
	for _, r := range compiled.roles {
		r.includes = nil // for RequireRole, which they never satisfy
	}
	compiled.digest = digestOf(compiled.roles)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := m.err(); err != nil {
		return e.number, err
	}
	e.number++
	e.replace(name, compiled, spec.Roles == nil)
	return e.number, nil
}

// replace replaces the roles of a tenant, or removes it, also for requests that entered
// it before.
func (e *engine[P, Perm]) replace(name string, compiled *tenantRoles, remove bool) {
	t := &tenantEntry{}
	if known, ok := e.tenants.Load(name); ok {
		t = known.(*tenantEntry)
		e.release(t.inForce.Load().tenantRoles)
	}
	if remove {
		t.inForce.Store(nil)
		e.tenants.Delete(name)
		return
	}
	if equal, ok := e.shared[compiled.digest]; ok {
		compiled = equal
	}
	e.shared[compiled.digest] = compiled
	compiled.tenants++
	t.inForce.Store(&tenantVersion{compiled, e.number})
	e.tenants.Store(name, t)
}

func (e *engine[P, Perm]) release(r *tenantRoles) {
	if r.tenants--; r.tenants == 0 {
		delete(e.shared, r.digest)
	}
}

// digestOf returns a digest that is equal for equal roles alone. Each part has its
// length in front.
func digestOf(roles map[string]*role) (digest [sha256.Size]byte) {
	h := sha256.New()
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		b = append(binary.AppendUvarint(b[:0], uint64(len(name))), name...)
		for _, s := range []set{roles[name].grants, roles[name].denies} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			for _, bits := range s {
				b = binary.LittleEndian.AppendUint64(b, bits)
			}
		}
		h.Write(b)
	}
	h.Sum(digest[:0])
	return digest
}
