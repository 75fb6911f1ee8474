package rbac

import (
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/refusal"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// ScopeLimit returns the scopes of a request's credential, such as those of
	// an access token. limited is false where the credential has no scope limit,
	// such as a session. A principal with a limited credential is allowed what
	// both its roles and the scopes allow.
	//
	// A scope is a permission or a wildcard; any other scope allows nothing. A
	// role is satisfied if the scopes cover every permission that it grants; a
	// role without permissions needs the scope "*".
	//
	// The limits of [guard.ScopeLimits], such as that of an *apikey.Record, apply
	// in addition. If ScopeLimit is nil, they alone apply.
	ScopeLimit func(ctx context.Context) (scopes []string, limited bool)
}

// A Decider decides in place of roles, for another policy engine such as casbin
// or cedar. An error is a failure of the engine, and is answered 5xx.
type Decider[P any, Perm ~string] func(ctx context.Context, p P, perm Perm) (bool, error)

// A Policy decides what a principal P is allowed to do. Its zero value is not
// usable. It is safe for use by several goroutines.
type Policy[P any, Perm ~string] struct {
	*engine[P, Perm]
	message string // of its refusals; if empty, they name what is required
}

// engine is what a policy shares with its copies by WithMessage.
type engine[P any, Perm ~string] struct {
	*catalog[Perm]

	// One of these four is set.
	roleOf  func(P) string
	rolesOf func(P) []string
	rolesIn func(ctx context.Context, p P, tenant string) (Membership, bool, error)
	decide  Decider[P, Perm]

	key        byte                                                  // its address is the context key of Enter
	scopeLimit func(context.Context) (scopes []string, limited bool) // may be nil
	inForce    atomic.Pointer[generation]
	tenants    sync.Map // of a name to its *tenantEntry

	mu       sync.Mutex                         // guards what follows, and all changes of inForce and tenants
	number   uint64                             // of the last change
	required map[string]bool                    // the roles that gates require
	shared   map[[sha256.Size]byte]*tenantRoles // by their digest
}

// A generation is the compiled roles of New or of one Swap. It never changes.
type generation struct {
	number uint64
	roles  map[string]*role
}

// New compiles a policy. rolesOf returns the name of a principal's role, or the
// names of its roles; an empty name is no role. It is called each time that a
// gate, Check, Has or From decides, so it must be fast. The error reports the
// mistakes in spec, the first 20 of them. opts may be nil.
func New[P any, Perm ~string, R string | []string](spec Spec[Perm], rolesOf func(P) R, opts *Options) (*Policy[P, Perm], error) {
	policy, err := newPolicy[P](spec, rolesOf != nil, "rolesOf", opts)
	if err != nil {
		return nil, err
	}
	switch f := any(rolesOf).(type) {
	case func(P) []string:
		policy.rolesOf = f
	case func(P) string: // one name in a slice would be one allocation a gate
		policy.roleOf = f
	}
	return policy, nil
}

// newPolicy returns a policy of roles, whose lookup, called so, is not set yet.
func newPolicy[P any, Perm ~string](spec Spec[Perm], hasLookup bool, lookup string, opts *Options) (*Policy[P, Perm], error) {
	m := &mistakes{}
	c := newCatalog(spec.Permissions, m)
	roles := c.compile(spec.Roles, m)
	if !hasLookup {
		m.add("%s is nil", lookup)
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	return newEngine[P](c, roles, opts), nil
}

// NewDecided returns a policy whose decider decides in place of roles. A gate
// calls it for each permission that it requires, and only declared permissions
// reach it. RequireRole panics, and Swap is an error. opts may be nil.
func NewDecided[P any, Perm ~string](permissions []Perm, decide Decider[P, Perm], opts *Options) (*Policy[P, Perm], error) {
	m := &mistakes{}
	c := newCatalog(permissions, m)
	if decide == nil {
		m.add("the decider is nil")
	}
	if len(permissions) == 0 {
		m.add("the policy has no permissions")
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	policy := newEngine[P](c, nil, opts)
	policy.decide = decide
	return policy, nil
}

func newEngine[P any, Perm ~string](c *catalog[Perm], roles map[string]*role, opts *Options) *Policy[P, Perm] {
	e := &engine[P, Perm]{catalog: c, number: 1, required: map[string]bool{}, shared: map[[sha256.Size]byte]*tenantRoles{}}
	if opts != nil {
		e.scopeLimit = opts.ScopeLimit
	}
	e.inForce.Store(&generation{number: 1, roles: roles})
	return &Policy[P, Perm]{engine: e}
}

// WithMessage returns a copy of the policy whose 403s carry this message. The
// copy shares everything else, and is swapped with the original. By default the
// message is "Permission 'users:read' required", "Role 'admin' required" or, of In,
// "Membership required".
func (p *Policy[P, Perm]) WithMessage(message string) *Policy[P, Perm] {
	return &Policy[P, Perm]{engine: p.engine, message: message}
}

// The codes of refusals, beside that of package refusal for narrow scopes.
const (
	codeRole       = "role_required"
	codePermission = "permission_required"
	codeMembership = "membership_required"
)

// refuse returns a new 403 for a result other than granted. Where the scopes are
// too narrow, its challenge names those that are needed (RFC 6750, section 3.1),
// and its code is "insufficient_scope" in place of code.
func (p *Policy[P, Perm]) refuse(ctx context.Context, r result, needed []Perm, code, message string, cause error) *guard.Error {
	if p.message != "" {
		message = p.message
	}
	if r == outsideScopes {
		return refusal.InsufficientScope(message, identity.From(ctx).Challenges(), texts(needed), cause)
	}
	return &guard.Error{Status: http.StatusForbidden, Code: code, Message: message, Err: cause}
}
