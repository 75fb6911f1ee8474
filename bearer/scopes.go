package bearer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Scoped is a credential that was granted scopes, such as an [Introspection] and
// a token of package jwtauth.
type Scoped interface {
	// Scopes returns the scopes that the credential was granted. Scopes are
	// case-sensitive (RFC 6749, section 3.3). The caller must not modify the
	// slice. A credential without scopes is denied wherever one is required.
	Scopes() []string
}

// Scopes allows requests whose credential was granted the scope and all further
// ones (RFC 6750, section 3), and refuses others with 403.
//
// The credential is the innermost [Scoped] one, also behind guard.Map and
// guard.BySubject. A request with a [guard.ScopeLimiter] in its place, as an API
// key's record is, or beside it, needs the scope in every limit of
// [guard.ScopeLimits]; a limiter without a limit was granted no scope by name, and
// is denied. So is a request without either, such as one with a session where tokens
// are accepted too. An anonymous request is refused with 401. A chain without a
// step that can find such a credential is wired wrongly: 500. The Code of a 403 is
// insufficient_scope, as in the challenge.
//
// A name that is not a scope-token (RFC 6749, section 3.3) panics.
func Scopes(scope string, and ...string) guard.Middleware {
	all := append([]string{scope}, and...)
	return gate{name: "scope", scopes: all, all: true}.middleware(all)
}

// AnyScope is [Scopes] where one of the scopes is enough. The challenge names
// the first of them, which should be the narrowest.
func AnyScope(scope string, or ...string) guard.Middleware {
	return gate{name: "any scope", scopes: append([]string{scope}, or...)}.middleware([]string{scope})
}

type gate struct {
	name   string
	scopes []string
	all    bool // all of the scopes are required, not one
}

var (
	errScope    = errors.New("bearer: the credential lacks a scope")
	errNoScopes = errors.New("bearer: the request was authenticated without a Scoped or a guard.ScopeLimiter")
)

// middleware is the gate; its challenge names the needed scopes.
func (g gate) middleware(needed []string) guard.Middleware {
	for _, s := range g.scopes {
		if err := field.CheckScope(s); err != nil {
			wiring.Panic("bearer", "%v", err)
		}
	}
	refused := guard.Decision{Package: "bearer", Guard: g.name + " " + strings.Join(g.scopes, " ")}
	allowed := refused
	allowed.Outcome = guard.Allowed
	return func(next http.Handler) http.Handler {
		wiring.Next("bearer", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := g.check(r.Context()); err != nil {
				refused.Refuse(w, r, insufficient(r, err, needed))
				return
			}
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

// check returns nil if the credentials of ctx were granted the scopes.
func (g gate) check(ctx context.Context) error {
	token, isScoped := guard.CredentialFrom[Scoped](ctx)
	limiter, isLimiter := identity.CredentialBut[Scoped, guard.ScopeLimiter](ctx) // a Scoped one has granted scopes by name
	if !isScoped && !isLimiter {
		if identity.Otherwise[Scoped](ctx) || identity.Otherwise[guard.ScopeLimiter](ctx) {
			return errNoScopes // no failure of ours: any client with such a credential could cause it
		}
		_, err := guard.AuthenticatedBy[Scoped](ctx)
		return err
	}
	if len(g.scopes) == 0 { // of ScopesBy: any such credential is enough
		return nil
	}
	if isLimiter {
		if _, limited := limiter.ScopeLimit(); !limited {
			return errScope
		}
	}
	limits := guard.ScopeLimits(ctx)
	has := func(scope string) bool {
		for _, scopes := range limits {
			if !slices.Contains(scopes, scope) {
				return false
			}
		}
		return !isScoped || slices.Contains(token.Scopes(), scope)
	}
	lacks := func(scope string) bool { return !has(scope) }
	if g.all && slices.ContainsFunc(g.scopes, lacks) || !g.all && !slices.ContainsFunc(g.scopes, has) {
		return errScope
	}
	return nil
}
