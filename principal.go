package guard

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// PrincipalFrom returns the principal that the innermost authentication step for
// P found. ok is false where that step authenticated no one, and where there is
// none.
func PrincipalFrom[P any](ctx context.Context) (p P, ok bool) {
	if _, found := identity.For[P](ctx); found != nil {
		return *found, true
	}
	return p, false
}

// CredentialFrom returns how the principal was authenticated: the token, session
// or key record that [Map] or [BySubject] mapped to it, or the principal itself
// where it was not mapped. A credential whose principal is hidden by an inner
// step is hidden with it.
func CredentialFrom[A any](ctx context.Context) (A, bool) { return identity.Credential[A](ctx) }

// WithPrincipal returns ctx with p as its principal, for one's own middleware
// and for tests of handlers. A nil p is anonymous. An inner authentication step
// for P hides it. Where the credential of the step in front has a scope limit,
// p has it too, unless p is a [ScopeLimiter] itself.
func WithPrincipal[P any](ctx context.Context, p P) context.Context {
	n := identity.New(ctx, p, !canBeNil[P]() || !isNil(p))
	outer := n.Outer()
	if _, itself := any(p).(ScopeLimiter); itself || !n.Authenticated() || outer == nil {
		return n
	}
	if limiter, ok := identity.Borrow[ScopeLimiter](outer); ok {
		if scopes, limited := limiter.ScopeLimit(); limited {
			n.Credential = identity.Derived{Credential: p, From: scopeLimit(scopes)}
		}
	}
	return n
}

// scopeLimit is the limit that a principal has from an outer credential.
type scopeLimit []string

func (s scopeLimit) ScopeLimit() (scopes []string, limited bool) { return s, true }

// ScopeLimit returns the scopes that the principal P of ctx may not exceed: those
// of its credential, where that is a [ScopeLimiter]. It is for guards that check
// permissions. Package rbac applies it always, and its Options.ScopeLimit as
// well.
func ScopeLimit[P any](ctx context.Context) (scopes []string, limited bool) {
	if n, _ := identity.For[P](ctx); n != nil {
		if limiter, ok := identity.Borrow[ScopeLimiter](n); ok {
			return limiter.ScopeLimit()
		}
	}
	return nil, false
}

// Authenticated is PrincipalFrom for guards; its error is for [Refuse]: a 401
// with the challenges of the step that authenticated no one. Where the request
// was authenticated as another type the chain is wired wrongly, and the error is
// a failure of ours (500) that names both types.
func Authenticated[P any](ctx context.Context) (P, error) {
	var zero P
	n, p := identity.For[P](ctx)
	switch {
	case p != nil:
		return *p, nil
	case n != nil:
		return zero, &Error{Status: http.StatusUnauthorized, Challenges: slices.Clone(n.Challenges())}
	}
	if other := identity.From(ctx); other != nil {
		return zero, fmt.Errorf("guard: wired wrongly: a guard wants a principal of type %v, and the request was authenticated as %v",
			reflect.TypeFor[P](), other.PrincipalType())
	}
	return zero, Unauthorized("")
}

// AuthenticatedBy is CredentialFrom for guards, which ask by an interface such
// as [ScopeLimiter]; its error is for [Refuse]: a 401 for an anonymous request,
// and a failure of ours (500) where the principal has no such credential.
func AuthenticatedBy[A any](ctx context.Context) (A, error) {
	a, ok := CredentialFrom[A](ctx)
	if ok {
		return a, nil
	}
	n := identity.From(ctx)
	if n == nil || !n.Authenticated() {
		return a, Unauthorized("")
	}
	return a, fmt.Errorf("guard: wired wrongly: a guard wants a credential that is %v, and the request was authenticated as %v",
		reflect.TypeFor[A](), n.PrincipalType())
}

// Challenges returns a copy of the challenges of the authentication step in
// front, for guards that add to them; nil without one.
func Challenges(ctx context.Context) []string {
	return slices.Clone(identity.From(ctx).Challenges())
}

// HandlerFunc adapts a handler that needs a principal. Without one the request
// is refused with the error of [Authenticated], so that a handler cannot forget
// to check.
func HandlerFunc[P any](f func(http.ResponseWriter, *http.Request, P)) http.HandlerFunc {
	if f == nil {
		wiring.Panic("guard", "HandlerFunc of nil")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := Authenticated[P](r.Context())
		if err != nil {
			Decision{Package: "guard"}.Refuse(w, r, err)
			return
		}
		f(w, r, p)
	}
}
