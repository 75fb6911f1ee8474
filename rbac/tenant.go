package rbac

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// A Membership is what a principal is in one tenant.
type Membership struct {
	// Roles are the names of the principal's roles in the tenant. A name that Tenant has
	// no role for is that of a role of the policy: where a customer assigns roles, check
	// that the name is one that it may assign, also after the tenant deleted its own.
	Roles []string
	// Tenant is the tenant, by the name that SwapIn has for it, whose own roles count,
	// too. What one grants replaces what a role of the policy with its name does; what
	// either denies is denied. Without a SwapIn for it, Enter fails: what those roles
	// deny must not be granted. If empty, the roles of the policy alone count.
	Tenant string
}

// NewPerTenant compiles a policy for principals with other roles in each tenant,
// such as an organisation. Its gates, Check, Has and From belong inside
// [Policy.In] or [Policy.Enter]. Elsewhere gates, Check and Has fail (5xx), and From
// grants nothing.
//
// rolesIn looks up what p is in a tenant, by the name that the request has for it.
// member is false where there is no such tenant, or p is not a member of it. An
// error is a failure (5xx), unless it is a *guard.Error. rolesIn is called for each
// In and Enter, and not for each gate. The client wrote the name, so rolesIn
// searches for it together with p. Where a key or token is for one tenant alone, it
// compares that as well: ctx has the credential. opts may be nil.
func NewPerTenant[P any, Perm ~string](spec Spec[Perm], rolesIn func(ctx context.Context, p P, tenant string) (m Membership, member bool, err error), opts *Options) (*Policy[P, Perm], error) {
	policy, err := newPolicy[P](spec, rolesIn != nil, "rolesIn", opts)
	if err != nil {
		return nil, err
	}
	policy.rolesIn = rolesIn
	return policy, nil
}

// In returns a gate for members of the tenant that tenantOf names, and no others.
// Inside it, the policy decides by their roles there. It belongs inside
// authentication, and where tenantOf reads a path value, around the handler of a
// route.
//
//	inOrg := policy.In(func(r *http.Request) string { return r.PathValue("org") })
//	mux.Handle("DELETE /orgs/{org}/posts/{id}", guard.Chain(authenticated, inOrg, policy.RequireAll(DeletePosts))(remove))
//
// An unknown tenant and one that the principal is not a member of are one answer:
// 403, with the code "membership_required". So is a name that could not be a role's,
// such as an empty one; it does not reach rolesIn.
func (p *Policy[P, Perm]) In(tenantOf func(*http.Request) string) guard.Middleware {
	if p.rolesIn == nil {
		wiring.Panic("rbac", "In: %v", errNoTenants)
	}
	if tenantOf == nil {
		wiring.Panic("rbac", "In with a nil function")
	}
	return func(next http.Handler) http.Handler {
		wiring.Next("rbac", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := guard.Decision{Package: "rbac", Guard: "member"}
			ctx, err := p.Enter(r.Context(), tenantOf(r))
			if err != nil {
				d.Refuse(w, r, err)
				return
			}
			r = r.WithContext(ctx)
			d.Outcome = guard.Allowed
			d.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

// Enter returns ctx for Check, Has and From in the tenant, in place of one that ctx
// was in before. It is for a tenant that is named in a body, for a second one, and for
// long requests, such as a WebSocket, which would not notice that a membership ended.
// The error is for guard.Refuse: a 401, the 403 of In, or a failure.
func (p *Policy[P, Perm]) Enter(ctx context.Context, tenant string) (context.Context, error) {
	if p.rolesIn == nil {
		return nil, errNoTenants
	}
	_, principal := identity.For[P](ctx)
	if principal == nil {
		_, err := guard.Authenticated[P](ctx)
		return nil, err
	}
	if nameError("tenant", tenant) != nil {
		return nil, p.notMember(tenant)
	}
	found, member, err := p.rolesIn(ctx, *principal, tenant)
	var absent error
	if !member {
		absent = p.notMember(tenant)
	}
	if found, err = guard.Resolve(found, member, err, absent); err != nil {
		return nil, err
	}
	m := &membership[P]{Context: ctx, key: &p.key, principal: principal, roles: found.Roles}
	if found.Tenant != "" {
		t, known := p.tenants.Load(found.Tenant)
		if !known {
			return nil, fmt.Errorf("rbac: a Membership has the tenant %s, for which there was no SwapIn", quoted(found.Tenant))
		}
		m.tenant = t.(*tenantEntry)
	}
	return m, nil
}

func (p *Policy[P, Perm]) notMember(tenant string) error {
	message := p.message
	if message == "" {
		message = "Membership required"
	}
	return &guard.Error{Status: http.StatusForbidden, Code: codeMembership, Message: message, Err: fmt.Errorf("rbac: not a member of tenant %s", quoted(tenant))}
}

// Failures, most of them of chains that are wired wrongly.
var (
	errNoTenants = errors.New("rbac: the policy has no tenants: see NewPerTenant")
	errOutside   = errors.New("rbac: wired wrongly: the policy has roles per tenant, and neither In nor Enter is in front")
	errSince     = errors.New("rbac: wired wrongly: an authentication step is between In or Enter and what depends on it")
	errRemoved   = errors.New("rbac: the roles of the tenant were removed after Enter")
)

// A membership is the context node of Enter.
type membership[P any] struct {
	context.Context
	key       *byte
	principal *P // whose roles these are, in its node of the context
	roles     []string
	tenant    *tenantEntry // nil where it has no roles of its own
}

// readMembership reads the roles that Enter found for the same principal.
func (g *grantee[P, Perm]) readMembership(ctx context.Context) error {
	m, ok := ctx.Value(&g.engine.key).(*membership[P])
	switch {
	case !ok:
		return errOutside
	case m.principal != g.principal:
		return errSince
	}
	g.several = m.roles
	if m.tenant != nil {
		if g.tenant = m.tenant.inForce.Load(); g.tenant == nil {
			return errRemoved
		}
	}
	return nil
}

func (m *membership[P]) Value(key any) any {
	if key == any(m.key) {
		return m
	}
	return m.Context.Value(key)
}

// String keeps the roles out of a printed context.
func (m *membership[P]) String() string { return fmt.Sprintf("%v.rbac", m.Context) }

// GoString is String, for %#v.
func (m *membership[P]) GoString() string { return m.String() }
