package rbac

import (
	"context"
	"errors"
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

	// One of these three is set.
	roleOf  func(P) string
	rolesOf func(P) []string
	decide  Decider[P, Perm]

	scopeLimit func(context.Context) (scopes []string, limited bool) // may be nil
	inForce    atomic.Pointer[generation]

	mu       sync.Mutex      // guards Swap and required
	required map[string]bool // the roles that gates require
}

// A generation is the compiled roles of New or of one Swap. It never changes.
type generation struct {
	number uint64
	roles  map[string]*role
}

// New compiles a policy. rolesOf returns the name of a principal's role, or the
// names of its roles; an empty name is no role. It is called each time that a
// gate, Check, Has or From decides, so it must be fast. The error reports every
// mistake in spec. opts may be nil.
func New[P any, Perm ~string, R string | []string](spec Spec[Perm], rolesOf func(P) R, opts *Options) (*Policy[P, Perm], error) {
	c, declarationErr := newCatalog(spec.Permissions)
	roles, rolesErr := c.compile(spec.Roles, nil)
	var rolesOfErr error
	if rolesOf == nil {
		rolesOfErr = errors.New("rbac: rolesOf is nil")
	}
	if err := errors.Join(declarationErr, rolesErr, rolesOfErr); err != nil {
		return nil, err
	}
	e := newEngine[P](c, opts)
	switch f := any(rolesOf).(type) {
	case func(P) []string:
		e.rolesOf = f
	case func(P) string: // one name in a slice would be one allocation a gate
		e.roleOf = f
	}
	e.inForce.Store(&generation{number: 1, roles: roles})
	return &Policy[P, Perm]{engine: e}, nil
}

// NewDecided returns a policy whose decider decides in place of roles. A gate
// calls it for each permission that it requires, and only declared permissions
// reach it. RequireRole panics, and Swap is an error. opts may be nil.
func NewDecided[P any, Perm ~string](permissions []Perm, decide Decider[P, Perm], opts *Options) (*Policy[P, Perm], error) {
	c, err := newCatalog(permissions)
	if decide == nil {
		err = errors.Join(err, errors.New("rbac: the decider is nil"))
	}
	if len(permissions) == 0 {
		err = errors.Join(err, errors.New("rbac: the policy has no permissions"))
	}
	if err != nil {
		return nil, err
	}
	e := newEngine[P](c, opts)
	e.decide = decide
	e.inForce.Store(&generation{number: 1})
	return &Policy[P, Perm]{engine: e}, nil
}

func newEngine[P any, Perm ~string](c *catalog[Perm], opts *Options) *engine[P, Perm] {
	e := &engine[P, Perm]{catalog: c, required: map[string]bool{}}
	if opts != nil {
		e.scopeLimit = opts.ScopeLimit
	}
	return e
}

// WithMessage returns a copy of the policy whose 403s carry this message. The
// copy shares everything else, and is swapped with the original. By default the
// message is "Permission 'users:read' required" or "Role 'admin' required".
func (p *Policy[P, Perm]) WithMessage(message string) *Policy[P, Perm] {
	return &Policy[P, Perm]{engine: p.engine, message: message}
}

// The codes of refusals, beside that of package refusal for narrow scopes.
const (
	codeRole       = "role_required"
	codePermission = "permission_required"
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
