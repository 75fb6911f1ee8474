package guardtest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// As returns r as a request that an authentication step for P accepted:
// guard.PrincipalFrom returns principal, and guard.CredentialFrom returns
// credential, whose scopes limit the principal if it is a guard.ScopeLimiter. If
// credential is nil, the principal is the credential.
func As[P any](r *http.Request, principal P, credential any) *http.Request {
	if isNil(principal) {
		wiring.Panic("guardtest", "As a nil %v: an anonymous request is one without As", reflect.TypeFor[P]())
	}
	if credential != nil && isNil(credential) {
		wiring.Panic("guardtest", "As with a nil %T for a credential", credential)
	}
	n := identity.New(r.Context(), principal, true)
	n.Credential = credential
	return r.WithContext(n)
}

// Authenticator returns an authenticator that accepts requests whose context has a
// principal P, from [As] or guard.WithPrincipal. No client can send one: to all
// others it answers that they have no credential.
func Authenticator[P any]() *guard.Mapped[any, P] {
	return guard.Map(credentials[P]{}, func(ctx context.Context, _ any) (P, bool, error) {
		p, found := guard.PrincipalFrom[P](ctx)
		return p, found, nil
	})
}

// credentials authenticates by the credential behind the P that As put into the
// context.
type credentials[P any] struct{}

// Authenticate implements guard.Authenticator.
func (credentials[P]) Authenticate(r *http.Request) (any, error) {
	n, p := identity.For[P](r.Context())
	switch {
	case p == nil:
		return nil, absent(r.Context(), reflect.TypeFor[P]())
	case n.Credential == nil: // the principal's methods may be those of a *P
		return identity.Derived{Credential: *p, From: p}, nil
	}
	return n.Credential, nil
}

// Scheme implements guard.Authenticator.
func (credentials[P]) Scheme() guard.Scheme { return guard.Scheme{Challenge: "Bearer"} }

// absent is the error for a request without a principal of type want. It is a
// failure where the principal differs from it by a pointer: that is a mistake of
// the test.
func absent(ctx context.Context, want reflect.Type) error {
	for n := identity.From(ctx); n != nil; n = n.Outer() {
		if got := n.PrincipalType(); got == reflect.PointerTo(want) || want == reflect.PointerTo(got) {
			return fmt.Errorf("guardtest: the request is As a %v, and the step authenticates a %v", got, want)
		}
	}
	return guard.ErrNoCredentials
}

func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return value.IsNil()
	}
	return false
}
