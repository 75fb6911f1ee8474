package rbac_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/rbac"
)

type user struct {
	name  string
	roles []string
}

func rolesOf(u user) []string { return u.roles }

type perm string

const (
	usersRead   perm = "users:read"
	usersDelete perm = "users:delete"
	postsRead   perm = "posts:read"
	postsWrite  perm = "posts:write"
)

var permissions = []perm{usersRead, usersDelete, postsRead, postsWrite}

func spec() rbac.Spec[perm] {
	return rbac.Spec[perm]{
		Permissions: permissions,
		Roles: map[string]rbac.Role[perm]{
			"admin":     {Grants: []perm{"*"}},
			"moderator": {Grants: []perm{usersRead}, Inherits: []string{"user"}},
			"user":      {Grants: []perm{"posts:*"}},
			"guest":     {},
		},
	}
}

func newPolicy(t testing.TB, opts *rbac.Options) *rbac.Policy[user, perm] {
	t.Helper()
	p, err := rbac.New(spec(), rolesOf, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request() *http.Request { return harness.Request("/") }

// as is a request of a user with these roles, without an authentication step.
func as(roles ...string) *http.Request {
	r := request()
	return r.WithContext(guard.WithPrincipal(r.Context(), user{"u", roles}))
}

// has reports whether Has does, without an error.
func has[P any, Perm ~string](p *rbac.Policy[P, Perm], q Perm, ctx context.Context) bool {
	ok, err := p.Has(q)(ctx)
	return ok && err == nil
}

// fixed authenticates every request as p, or none.
type fixed[P any] struct {
	p             P
	authenticated bool
}

func (f fixed[P]) Authenticate(*http.Request) (P, error) {
	if !f.authenticated {
		return f.p, guard.ErrNoCredentials
	}
	return f.p, nil
}

func (fixed[P]) Scheme() guard.Scheme { return guard.Scheme{Challenge: "Fixed"} }

// authenticateAs is an authentication step for a user with these roles.
func authenticateAs(roles ...string) guard.Middleware {
	return guard.Require(fixed[user]{user{"u", roles}, true})
}

// serve returns the answer, the context of the handler if it ran, and the
// decisions.
func serve(t testing.TB, m guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, inner context.Context, decisions []guard.Decision) {
	t.Helper()
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { decisions = append(decisions, d) })
	w, _ = harness.Serve(t, guard.Chain(observe, m), func(_ http.ResponseWriter, r *http.Request) { inner = r.Context() }, r)
	return w, inner, decisions
}

// codeOf returns the code of a refusal.
func codeOf(err error) string {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		return e.Code
	}
	return ""
}

// body is the JSON body of a refusal.
func body(status int, message string) string {
	return fmt.Sprintf(`{"error":"%s","message":"%s"}`, http.StatusText(status), message)
}
