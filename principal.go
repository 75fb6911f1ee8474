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
// and for tests of handlers. A nil p is anonymous, unless it is a slice. An inner
// authentication step for P hides it.
func WithPrincipal[P any](ctx context.Context, p P) context.Context {
	return identity.New(ctx, p, !canBeNil[P]() || !wiring.IsNil(p))
}

// ScopeLimits returns the scopes of every [ScopeLimiter] of ctx that has a limit:
// of all principals and credentials, of all steps, also where an inner step hides
// an outer one. A request may do what every one of them allows. It is for guards
// that check permissions, as package rbac and bearer.Scopes do.
func ScopeLimits(ctx context.Context) [][]string {
	return identity.AppendScopeLimits(make([][]string, 0, 2), ctx) // inlined: on the stack of a caller that only reads it
}

// Authenticated is PrincipalFrom for guards; its error is for [Refuse]: a 401
// with the challenges of the step that authenticated no one. Where there is no
// step in front, or one for another type, the chain is wired wrongly, and the
// error is a failure of ours (500) that says so.
func Authenticated[P any](ctx context.Context) (P, error) {
	var zero P
	n, p := identity.For[P](ctx)
	switch {
	case p != nil:
		return *p, nil
	case n != nil:
		return zero, &Error{Status: http.StatusUnauthorized, Code: codeMissing, Challenges: slices.Clone(n.Challenges())}
	}
	return zero, wiredWrongly(ctx, "a principal of type", reflect.TypeFor[P]())
}

// wiredWrongly is the failure of a guard that wants what no step in front of it
// provides. It names both types, for the log.
func wiredWrongly(ctx context.Context, what string, want reflect.Type) error {
	if n := identity.From(ctx); n != nil {
		return fmt.Errorf("guard: wired wrongly: a guard or handler wants %s %v, and the request was authenticated as %v", what, want, n.PrincipalType())
	}
	return fmt.Errorf("guard: wired wrongly: a guard or handler wants %s %v, and no authentication step is in front of it", what, want)
}

// AuthenticatedBy is CredentialFrom for guards, which ask by an interface such
// as [ScopeLimiter]; its error is for [Refuse]: a 401 for an anonymous request,
// and a failure of ours (500) where the principal has no such credential, or
// where no authentication step is in front.
func AuthenticatedBy[A any](ctx context.Context) (A, error) {
	a, ok := CredentialFrom[A](ctx)
	if ok {
		return a, nil
	}
	if n := identity.From(ctx); n != nil && !n.Authenticated() {
		return a, &Error{Status: http.StatusUnauthorized, Code: codeMissing, Challenges: Challenges(ctx)}
	}
	return a, wiredWrongly(ctx, "a credential that is", reflect.TypeFor[A]())
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

// Handler is [HandlerFunc] for a handler that returns an error, which [Refuse]
// answers. It must not have written then.
//
//	mux.Handle("GET /orders/{id}", guard.Handler(func(w http.ResponseWriter, r *http.Request, u User) error {
//		o, err := orders.Load(r.Context(), r.PathValue("id"))
//		if err != nil {
//			return err // 503 or 500, logged
//		}
//		writeJSON(w, o)
//		return nil
//	}))
func Handler[P any](f func(http.ResponseWriter, *http.Request, P) error) http.Handler {
	if f == nil {
		wiring.Panic("guard", "Handler of nil")
	}
	return HandlerFunc(func(w http.ResponseWriter, r *http.Request, p P) {
		if err := f(w, r, p); err != nil {
			Refuse(w, r, err)
		}
	})
}
