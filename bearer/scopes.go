package bearer

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// Scopes lets on requests whose credential was granted the scope and all of the
// others (RFC 6750, section 3). The credential is what authenticated the
// request, also behind guard.Map and guard.BySubject, and tells its scopes by a
// method Scopes() []string or HasScope(string) bool, as an [Introspection], the
// tokens of package jwtauth and the records of package apikey do. A request of
// nobody is a 401; a credential without either method is a mistake in the
// wiring, 500.
//
// A name that is no scope-token (RFC 6749, section 3.3) panics.
func Scopes(scope string, and ...string) guard.Middleware {
	all := append([]string{scope}, and...)
	return newGate("scope", all, strings.Join(all, " "), func(has func(string) bool) bool {
		for _, s := range all {
			if !has(s) {
				return false
			}
		}
		return true
	})
}

// AnyScope is [Scopes] where one of the scopes is enough. The challenge asks for
// the first of them, which should be the narrowest.
func AnyScope(scope string, or ...string) guard.Middleware {
	any := append([]string{scope}, or...)
	return newGate("any scope", any, scope, func(has func(string) bool) bool {
		for _, s := range any {
			if has(s) {
				return true
			}
		}
		return false
	})
}

type (
	scoper   interface{ Scopes() []string }
	hasScope interface{ HasScope(scope string) bool }
)

// newGate returns a middleware that lets on what enough accepts; ask is the
// scope parameter of its challenge.
func newGate(name string, scopes []string, ask string, enough func(has func(string) bool) bool) guard.Middleware {
	for _, s := range scopes {
		if !isScope(s) {
			wiring.Panic("bearer", "scope %q is not a scope-token", s)
		}
	}
	d := guard.Decision{Package: "bearer", Guard: name + " " + strings.Join(scopes, " ")}
	suffix := `error="insufficient_scope", scope="` + ask + `"` // a scope-token needs no escaping
	return func(next http.Handler) http.Handler {
		wiring.Next("bearer", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			granted, err := check(r.Context(), enough)
			if err == nil && !granted {
				err = &guard.Error{
					Status: http.StatusForbidden, Code: "insufficient_scope", Message: "Insufficient scope",
					Challenges: []string{insufficient(guard.Challenges(r.Context()), suffix)},
				}
			}
			if err != nil {
				d.Refuse(w, r, err)
				return
			}
			allowed := d
			allowed.Outcome = guard.Allowed
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

// check asks the credential. Where both a scoper and a hasScope stand behind a
// request, each must have enough: neither may lend its scopes to the other.
func check(ctx context.Context, enough func(has func(string) bool) bool) (bool, error) {
	s, err := guard.AuthenticatedBy[scoper](ctx)
	h, found := guard.CredentialFrom[hasScope](ctx)
	if err != nil && !found {
		return false, err
	}
	granted := true
	if found {
		granted = enough(h.HasScope)
	}
	if err == nil {
		granted = granted && enough(func(scope string) bool { return contains(s.Scopes(), scope) })
	}
	return granted, nil
}

func contains(scopes []string, scope string) bool {
	for _, s := range scopes {
		if s == scope { // scopes have case (RFC 6749, section 3.3)
			return true
		}
	}
	return false
}

// insufficient is the Bearer challenge of the step in front, which names the
// realm, with the error added.
func insufficient(challenges []string, suffix string) string {
	for _, c := range challenges {
		if strings.HasPrefix(c, "Bearer ") && !strings.Contains(c, "error=") && !strings.Contains(c, "scope=") {
			return c + ", " + suffix
		}
	}
	return "Bearer " + suffix
}

// isScope follows RFC 6749, section 3.3.
func isScope(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
