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
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// Scopes lets on requests whose credential was granted the scope and all of the
// others (RFC 6750, section 3). The credential is what authenticated the
// request, also behind guard.Map and guard.BySubject, and tells its scopes by a
// method Scopes() []string or HasScope(string) bool, as an [Introspection], the
// tokens of package jwtauth and the records of package apikey do. A step whose
// credential has neither leaves it to the steps outside it; where one has the
// one method and another the other, both are asked. A request of nobody is a
// 401; one on which no step has either is a mistake in the wiring, 500.
//
// A name that is no scope-token (RFC 6749, section 3.3) panics.
func Scopes(scope string, and ...string) guard.Middleware {
	all := append([]string{scope}, and...)
	return gate{name: "scope", scopes: all, all: true}.wired(all)
}

// AnyScope is [Scopes] where one of the scopes is enough. The challenge asks for
// the first of them, which should be the narrowest.
func AnyScope(scope string, or ...string) guard.Middleware {
	return gate{name: "any scope", scopes: append([]string{scope}, or...)}.wired([]string{scope})
}

type gate struct {
	name   string
	scopes []string
	all    bool // whether each is needed, or one
}

// wired is the gate as a middleware; its challenge names the needed scopes.
func (g gate) wired(needed []string) guard.Middleware {
	for _, s := range g.scopes {
		if !field.IsScope(s) {
			wiring.Panic("bearer", "scope %q is not a scope-token", s)
		}
	}
	refused := guard.Decision{Package: "bearer", Guard: g.name + " " + strings.Join(g.scopes, " ")}
	allowed := refused
	allowed.Outcome = guard.Allowed
	return func(next http.Handler) http.Handler {
		wiring.Next("bearer", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			granted, err := g.check(r.Context())
			if err == nil && !granted {
				err = refusal.InsufficientScope("Insufficient scope", identity.From(r.Context()).Challenges(), needed, errScope)
			}
			if err != nil {
				refused.Refuse(w, r, err)
				return
			}
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

var errScope = errors.New("bearer: the credential lacks a scope")

type (
	scoper   interface{ Scopes() []string }
	hasScope interface{ HasScope(scope string) bool }
)

// check asks the credential. Where both a scoper and a hasScope stand behind a
// request, each must have enough: neither may lend its scopes to the other.
func (g gate) check(ctx context.Context) (bool, error) {
	s, lists := guard.CredentialFrom[scoper](ctx)
	h, tells := guard.CredentialFrom[hasScope](ctx)
	if !lists && !tells {
		_, err := guard.AuthenticatedBy[scoper](ctx)
		return false, err
	}
	return (!lists || g.passes(s, nil)) && (!tells || g.passes(nil, h)), nil
}

// passes asks one of the two. Scopes have case (RFC 6749, section 3.3).
func (g gate) passes(s scoper, h hasScope) bool {
	var granted []string
	if s != nil {
		granted = s.Scopes()
	}
	for _, scope := range g.scopes {
		has := slices.Contains(granted, scope)
		if h != nil {
			has = h.HasScope(scope)
		}
		if has != g.all {
			return has
		}
	}
	return g.all
}
