package guard_test

import (
	"context"
	"net/http"

	"fmt"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// TestFailureThatWrapsNoCredentials: only a 401 abstains; a failure of ours
// whose cause says ErrNoCredentials is not anonymity.
func TestFailureThatWrapsNoCredentials(t *testing.T) {
	for _, status := range []int{0, 400, 403, 500, 503} {
		a := answers[string]{err: &guard.Error{Status: status, Err: fmt.Errorf("cache: %w", guard.ErrNoCredentials)}}
		w, reached := serve(t, guard.Optional(a), nil)
		if want := max(status, 400); reached || w.Code < want {
			t.Errorf("%d: status %d, reached %t", status, w.Code, reached)
		}
	}
}

// TestAbsentWithoutRefusal: a lookup that finds nobody is refused even where
// no refusal was named for it.
func TestAbsentWithoutRefusal(t *testing.T) {
	if _, err := guard.Resolve(User{}, false, nil, nil); err == nil {
		t.Error("Resolve found nobody, and no error")
	}
	m := guard.BySubject(gone{bearer(), nil}, users)
	if w, reached := serve(t, m.Wrap, nil, "Authorization", "ok:gone"); reached || w.Code != 401 {
		t.Errorf("status %d, reached %t", w.Code, reached)
	}
}

// TestEmptySubject: a credential without a subject proves nobody, whatever the
// lookup would find under "".
func TestEmptySubject(t *testing.T) {
	a := answers[*token]{p: &token{""}}
	m := guard.BySubject(a, func(context.Context, string) (User, bool, error) {
		t.Error("looked up the empty subject")
		return User{"1", "Alice"}, true, nil
	})
	if w, reached := serve(t, m.Wrap, nil); reached || w.Code != 401 {
		t.Errorf("status %d, reached %t", w.Code, reached)
	}
}

// TestNilPrincipal: a nil is nobody, wherever it comes from.
func TestNilPrincipal(t *testing.T) {
	if u, ok := guard.PrincipalFrom[*User](guard.WithPrincipal[*User](t.Context(), nil)); ok {
		t.Errorf("WithPrincipal made %v known", u)
	}
	if u, ok := guard.PrincipalFrom[any](guard.WithPrincipal[any](t.Context(), (*User)(nil))); ok {
		t.Errorf("WithPrincipal made %v known", u)
	}
	for name, mw := range map[string]guard.Middleware{
		"nil":               guard.Require[*token](answers[*token]{}),
		"nil, leniently":    guard.Lenient[*token](answers[*token]{}),
		"nil in any":        guard.Require[any](answers[any]{p: (*token)(nil)}),
		"nil map":           guard.Require[map[string]any](answers[map[string]any]{}),
		"nil credential":    guard.BySubject(answers[*token]{}, users).Wrap,
		"nil, with found":   guard.Map(bearer(), func(context.Context, *token) (*User, bool, error) { return nil, true, nil }).Wrap,
		"credential behind": guard.Map(guard.Map(answers[*token]{}, func(context.Context, *token) (User, bool, error) { return User{}, true, nil }), users2).Wrap,
	} {
		if w, reached := serve(t, mw, nil, "Authorization", "ok:1"); reached || w.Code != 500 {
			t.Errorf("%s: status %d, reached %t", name, w.Code, reached)
		}
	}
}

func users2(_ context.Context, u User) (User, bool, error) { return u, true, nil }

// funcAuthenticator is an authenticator that can be nil without being a pointer.
type funcAuthenticator func(*http.Request) (User, error)

func (f funcAuthenticator) Authenticate(r *http.Request) (User, error) { return f(r) }
func (funcAuthenticator) Scheme() guard.Scheme                         { return guard.Scheme{Challenge: "Test"} }

// TestWiringPanics: what could never work is refused where it is built.
func TestWiringPanics(t *testing.T) {
	h := http.NotFoundHandler()
	var none *guard.Mapped[*token, User]
	for name, wire := range map[string]func(){
		"Require of nothing":               func() { guard.Require[User]() },
		"Optional of nothing":              func() { guard.Optional[User]() },
		"Lenient of nothing":               func() { guard.Lenient[User]() },
		"Require of nil":                   func() { guard.Require[User](nil) },
		"Require of a nil pointer":         func() { guard.Require[User](none) },
		"Require of a nil function":        func() { guard.Require[User](funcAuthenticator(nil)) },
		"Require, no handler":              func() { guard.Require(bearer())(nil) },
		"Require, a nil HandlerFunc":       func() { guard.Require(bearer())(http.HandlerFunc(nil)) },
		"Map of nil":                       func() { guard.Map(nil, users2) },
		"Map of a nil function":            func() { guard.Map[User](funcAuthenticator(nil), users2) },
		"Map by nil":                       func() { guard.Map[*token, User](bearer(), nil) },
		"BySubject by nil":                 func() { guard.BySubject[*token, User](bearer(), nil) },
		"HandlerFunc of nil":               func() { guard.HandlerFunc[User](nil) },
		"Chain with nil":                   func() { guard.Chain(pass, nil) },
		"Chain, no handler":                func() { guard.Chain()(nil) },
		"Chain, a middleware makes it nil": func() { guard.Chain(func(http.Handler) http.Handler { return nil })(h) },
		"OnError of nil":                   func() { guard.OnError(nil) },
		"OnError, no handler":              func() { guard.OnError(guard.JSON)(nil) },
		"Observe, no handler":              func() { guard.Observe(nil)(nil) },
		"ByStatus of nil":                  func() { format.ByStatus(map[int]guard.ErrorHandler{404: nil}, nil) },
		"LogTo of nil":                     func() { guard.LogTo(nil, nil) },
		"Must":                             func() { guard.Must(0, guard.ErrNoCredentials) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			wire()
		})
	}
	if got := guard.Must(1, nil); got != 1 {
		t.Errorf("Must: %d", got)
	}
}
