package rbac

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-guard/guard"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// ScopeLimit returns the scopes of the credential of a request, such as those
	// of an access token; limited is false where the credential has no such
	// bound, as a session. The principal may then do what both its roles and
	// the scopes allow. A scope is a permission or a wildcard, and any other
	// allows nothing; a role counts where the scopes cover all that it grants,
	// or are "*". What bounds a credential by itself ([guard.ScopeLimit]), as the
	// scopes of an *apikey.Record, does so in any case, and this one besides.
	ScopeLimit func(ctx context.Context) (scopes []string, limited bool)
}

// A Decider is another engine that decides in place of roles, such as casbin or
// cedar. An error is a failure of its own, and answered 5xx.
type Decider[P any, Perm ~string] func(ctx context.Context, p P, perm Perm) (bool, error)

// A Policy decides by the roles of a principal P. It is safe for use by several
// goroutines.
type Policy[P any, Perm ~string] struct {
	*engine[P, Perm]
	message string
	refused *guard.Error // that of Check, with the message
}

// engine is what a policy and the copies derived from it share.
type engine[P any, Perm ~string] struct {
	*catalog[Perm]
	rolesOf func(P) []string
	roleOf  func(P) string   // in place of rolesOf
	decide  Decider[P, Perm] // in place of rolesOf
	ceiling func(context.Context) ([]string, bool)
	current atomic.Pointer[generation]
	denied  []atomic.Pointer[guard.Error] // the refusals of Check, as they are needed

	mu       sync.Mutex // guards Swap and required
	required map[string]bool
}

// A generation is a policy as it was swapped in.
type generation struct {
	number uint64
	roles  map[string]*role
}

// start makes roles those of the policy from now on.
func (e *engine[P, Perm]) start(number uint64, roles map[string]*role) {
	e.current.Store(&generation{number, roles})
}

// New compiles a policy. rolesOf returns the names of a principal's roles, or
// the name of the one role; an empty name is none. It is called by the first
// gate behind an authentication step, by questions without a gate in front, and
// where a refusal is put into words. The error of New names all mistakes in
// spec. opts may be nil.
func New[P any, Perm ~string, R string | []string](spec Spec[Perm], rolesOf func(P) R, opts *Options) (*Policy[P, Perm], error) {
	c, err1 := newCatalog(spec.Permissions)
	roles, err2 := c.compile(spec.Roles, nil)
	var errs []error
	if rolesOf == nil {
		errs = append(errs, errors.New("rbac: the function for a principal's roles is nil"))
	}
	if len(spec.Roles) == 0 {
		errs = append(errs, errors.New("rbac: a policy without roles"))
	}
	if err := errors.Join(append([]error{err1, err2}, errs...)...); err != nil {
		return nil, err
	}
	e := newEngine[P](c, opts)
	switch f := any(rolesOf).(type) {
	case func(P) []string:
		e.rolesOf = f
	case func(P) string: // a slice for one name would be an allocation a request
		e.roleOf = f
	}
	e.start(1, roles)
	return &Policy[P, Perm]{engine: e}, nil
}

// NewDecided is New with a decider in place of roles: it is asked at each gate,
// for declared permissions alone. RequireRole and Swap are not for it.
func NewDecided[P any, Perm ~string](permissions []Perm, decide Decider[P, Perm], opts *Options) (*Policy[P, Perm], error) {
	c, err := newCatalog(permissions)
	if decide == nil {
		err = errors.Join(err, errors.New("rbac: the decider is nil"))
	}
	if len(permissions) == 0 {
		err = errors.Join(err, errors.New("rbac: a policy without permissions"))
	}
	if err != nil {
		return nil, err
	}
	e := newEngine[P](c, opts)
	e.decide = decide
	e.start(1, nil)
	return &Policy[P, Perm]{engine: e}, nil
}

func newEngine[P any, Perm ~string](c *catalog[Perm], opts *Options) *engine[P, Perm] {
	e := &engine[P, Perm]{catalog: c, required: map[string]bool{}, denied: make([]atomic.Pointer[guard.Error], len(c.list))}
	if opts != nil {
		e.ceiling = opts.ScopeLimit
	}
	return e
}

// WithMessage returns a copy whose gates refuse with this message; it shares
// everything else. Without one, it is "Permission 'users:read' required" or
// "Role 'admin' required".
func (p *Policy[P, Perm]) WithMessage(message string) *Policy[P, Perm] {
	c := &Policy[P, Perm]{engine: p.engine, message: message}
	if message != "" {
		c.refused = &guard.Error{Status: http.StatusForbidden, Message: message, Err: errNotGranted}
	}
	return c
}

// Swap replaces the roles at once: requests that passed a gate already are
// decided by the old ones to their end. spec.Permissions must be those the
// policy was built with, or nil, and roles that gates require must still exist.
// Where anything is wrong the error names it, and the policy stays as it was.
func (p *Policy[P, Perm]) Swap(spec Spec[Perm]) error {
	e := p.engine
	if e.decide != nil {
		return errors.New("rbac: Swap of a policy that a decider decides")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	if spec.Permissions != nil {
		errs = append(errs, e.samePermissions(spec.Permissions))
	}
	roles, err := e.compile(spec.Roles, nil)
	errs = append(errs, err)
	if len(spec.Roles) == 0 {
		errs = append(errs, errors.New("rbac: a policy without roles"))
	}
	for _, name := range slices.Sorted(maps.Keys(e.required)) {
		if _, ok := roles[name]; !ok {
			errs = append(errs, fmt.Errorf("rbac: a gate requires role %q, which the new policy has not", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	e.start(e.current.Load().number+1, roles)
	return nil
}

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

// Generation numbers the roles in force: 1 from New, one more for each Swap.
func (p *Policy[P, Perm]) Generation() uint64 { return p.current.Load().number }
