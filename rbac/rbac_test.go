package rbac_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
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

// as is a request of a user with these roles.
func as(roles ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	return r.WithContext(guard.WithPrincipal(r.Context(), user{"u", roles}))
}

// serve tells status and body, whether the handler ran and in which context,
// and the decisions.
func serve(m guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, inner context.Context, made []guard.Decision) {
	w = httptest.NewRecorder()
	h := m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = r.Context() }))
	guard.Observe(func(_ context.Context, d guard.Decision) { made = append(made, d) })(h).ServeHTTP(w, r)
	return w, inner, made
}

func e(status int, message string) string {
	return fmt.Sprintf(`{"error":"%s","message":"%s"}`, http.StatusText(status), message)
}

func TestGates(t *testing.T) {
	p := newPolicy(t, nil)
	m := p.WithMessage("Admin access required")
	tests := []struct {
		name  string
		gate  guard.Middleware
		roles string
		want  string // the message of a 403; "" is 200
	}{
		{"role", p.RequireRole("admin"), "admin", ""},
		{"role, another", p.RequireRole("admin"), "moderator", "Role 'admin' required"},
		{"role, one of", p.RequireRole("moderator", "admin"), "admin", ""},
		{"role, none of", p.RequireRole("moderator", "admin"), "user", "Role 'moderator' or 'admin' required"},
		{"role, inherited", p.RequireRole("user"), "moderator", ""},
		{"role, not upwards", p.RequireRole("moderator"), "user", "Role 'moderator' required"},
		{"role, in another case", p.RequireRole("admin"), "Admin", "Role 'admin' required"},
		{"role, unknown", p.RequireRole("admin"), "root", "Role 'admin' required"},
		{"role, none", p.RequireRole("admin"), "", "Role 'admin' required"},
		{"role, message", m.RequireRole("admin"), "user", "Admin access required"},
		{"permission", p.RequireAll(usersRead), "moderator", ""},
		{"permission, missing", p.RequireAll(usersRead), "user", "Permission 'users:read' required"},
		{"permission, wildcard", p.RequireAll(postsWrite), "user", ""},
		{"permission, inherited", p.RequireAll(postsWrite), "moderator", ""},
		{"permission, all", p.RequireAll(usersDelete), "admin", ""},
		{"permission, unknown role", p.RequireAll(postsRead), "root", "Permission 'posts:read' required"},
		{"permission, of the second role", p.RequireAll(postsRead, usersRead), "guest moderator", ""},
		{"permission, of two roles", p.RequireAll(postsRead, usersRead), "user moderator guest admin nobody", ""},
		{"permission, one of two", p.RequireAll(postsRead, usersRead), "user", "Permissions 'posts:read' and 'users:read' required"},
		{"permission, any", p.RequireAny(usersRead, postsRead), "user", ""},
		{"permission, none of any", p.RequireAny(usersRead, postsRead), "guest", "Permission 'users:read' or 'posts:read' required"},
		{"permission, message", m.RequireAll(usersRead), "user", "Admin access required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, inner, made := serve(tt.gate, as(strings.Fields(tt.roles)...))
			status, body := 200, ""
			if tt.want != "" {
				status, body = 403, e(403, tt.want)
			}
			if w.Code != status || w.Body.String() != body || (inner != nil) != (status == 200) {
				t.Errorf("%d %s, reached %t; want %d %s", w.Code, w.Body, inner != nil, status, body)
			}
			if status == 403 && (w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("header %v", w.Header())
			}
			if len(made) != 1 || made[0].Package != "rbac" || made[0].Guard == "" || made[0].Generation != 1 {
				t.Errorf("decisions %+v", made)
			}
			if status == 403 && !strings.Contains(made[0].Reason, "not granted") {
				t.Errorf("reason %q", made[0].Reason)
			}
		})
	}
}

// A refusal names to operators the roles that were not enough.
func TestReason(t *testing.T) {
	p := newPolicy(t, nil)
	for roles, want := range map[string]string{
		"": "rbac: not granted: no roles", "user admn": `rbac: not granted: "user", "admn" (unknown)`,
	} {
		_, _, made := serve(p.RequireAll(usersRead), as(strings.Fields(roles)...))
		if made[0].Reason != want {
			t.Errorf("reason %q, want %q", made[0].Reason, want)
		}
	}
}

func (f fixed[P]) Authenticate(*http.Request) (P, error) {
	if !f.known {
		return f.p, guard.ErrNoCredentials
	}
	return f.p, nil
}

func (fixed[P]) Scheme() guard.Scheme { return guard.Scheme{Challenge: "Fixed"} }

func TestRoles(t *testing.T) {
	p, err := rbac.New(rbac.Roles("admin", "user"), rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]int{"admin": 200, "user": 403} {
		if w, _, _ := serve(p.RequireRole("admin"), as(role)); w.Code != want {
			t.Errorf("%s: %d, want %d", role, w.Code, want)
		}
	}
}

// A principal with one role needs no slice for it.
func TestOneRole(t *testing.T) {
	p, err := rbac.New(spec(), func(u user) string { return strings.Join(u.roles, "") }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]int{"admin": 200, "moderator": 200, "user": 403, "": 403, "admn": 403} {
		w, _, made := serve(p.RequireAll(usersRead), as(role))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", role, w.Code, want)
		}
		reason := map[string]string{"user": `rbac: not granted: "user"`, "": "rbac: not granted: no roles", "admn": `rbac: not granted: "admn" (unknown)`}[role]
		if made[0].Reason != reason {
			t.Errorf("reason %q, want %q", made[0].Reason, reason)
		}
	}
}
