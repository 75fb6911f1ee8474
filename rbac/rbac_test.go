package rbac_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/race"
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

type other struct{}

func TestOutsideOfAuthentication(t *testing.T) {
	p := newPolicy(t, nil)
	nobody := guard.Optional(fixed[user]{})
	for _, gate := range []guard.Middleware{p.RequireRole("admin"), p.RequireAll(usersRead), p.RequireAny(usersRead)} {
		for name, tt := range map[string]struct {
			m    guard.Middleware
			want int
		}{
			"no step":           {gate, 401},
			"nobody":            {guard.Chain(nobody, gate), 401},
			"another type":      {guard.Chain(guard.Require(fixed[other]{known: true}), gate), 500},
			"a pointer to it":   {guard.Chain(guard.Require(fixed[*user]{p: &user{}, known: true}), gate), 500},
			"behind the gate":   {guard.Chain(gate, guard.Require(fixed[user]{user{"a", []string{"admin"}}, true})), 401},
			"as it should be":   {guard.Chain(guard.Require(fixed[user]{user{"a", []string{"admin"}}, true}), gate), 200},
			"hidden by a step":  {guard.Chain(guard.Require(fixed[user]{user{"a", []string{"admin"}}, true}), nobody, gate), 401},
			"between two steps": {guard.Chain(guard.Require(fixed[user]{user{"a", []string{"admin"}}, true}), gate, nobody, gate), 401},
		} {
			w, inner, _ := serve(tt.m, httptest.NewRequest("GET", "/", nil))
			if w.Code != tt.want || (inner != nil) != (tt.want == 200) {
				t.Errorf("%s: %d, reached %t; want %d", name, w.Code, inner != nil, tt.want)
			}
			if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s: challenge %q", name, w.Header().Get("WWW-Authenticate"))
			}
		}
	}
}

// fixed always finds p, or abstains.
type fixed[P any] struct {
	p     P
	known bool
}

func (f fixed[P]) Authenticate(*http.Request) (P, error) {
	if !f.known {
		return f.p, guard.ErrNoCredentials
	}
	return f.p, nil
}

func (fixed[P]) Challenge() string { return "Fixed" }

// What a gate placed for one principal does not hold for another that an inner
// step puts in its place.
func TestInnerPrincipal(t *testing.T) {
	p := newPolicy(t, nil)
	admin := guard.Require(fixed[user]{user{"a", []string{"admin"}}, true})
	bob := guard.Require(fixed[user]{user{"b", []string{"user"}}, true})
	w, _, _ := serve(guard.Chain(admin, p.RequireAll(usersDelete), bob, p.RequireAll(usersDelete)), httptest.NewRequest("GET", "/", nil))
	if w.Code != 403 {
		t.Errorf("status %d", w.Code)
	}
	w, inner, _ := serve(guard.Chain(admin, p.RequireAll(usersDelete), bob), httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || p.Has(usersDelete)(inner) || p.Check(inner, usersDelete) == nil || p.From(inner).Has(usersDelete) {
		t.Error("Bob has what Alice was granted")
	}
}

// Two policies with the same types do not mix.
func TestTwoPolicies(t *testing.T) {
	one := newPolicy(t, nil)
	s := spec()
	s.Roles["user"] = rbac.Role[perm]{Grants: []perm{"*"}}
	two, err := rbac.New(s, rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, inner, _ := serve(guard.Chain(two.RequireAll(usersDelete), one.RequireAll(postsRead)), as("user"))
	if w.Code != 200 || one.Has(usersDelete)(inner) || !two.Has(usersDelete)(inner) {
		t.Error("policies mix")
	}
}

func TestCheckHasFrom(t *testing.T) {
	p := newPolicy(t, nil)
	_, gated, _ := serve(p.RequireAll(postsRead), as("moderator"))
	for name, ctx := range map[string]context.Context{"behind a gate": gated, "without a gate": as("moderator").Context()} {
		if err := p.Check(ctx, usersRead); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var e *guard.Error
		err := p.WithMessage("No").Check(ctx, usersDelete)
		if !errors.As(err, &e) || e.Status != 403 || e.Message != "No" {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Check(ctx, usersDelete); !errors.As(err, &e) || e.Message != "Permission 'users:delete' required" {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Check(ctx, "users:raed"); err == nil || errors.As(err, &e) {
			t.Errorf("%s: an undeclared permission: %v", name, err)
		}
		if !p.Has(usersRead)(ctx) || p.Has(usersDelete)(ctx) {
			t.Errorf("%s: Has", name)
		}
		g := p.From(ctx)
		if got := slices.Collect(g.All()); !slices.Equal(got, []perm{usersRead, postsRead, postsWrite}) || g.Generation() != 1 {
			t.Errorf("%s: From has %v", name, got)
		}
		if g.Has("users:raed") || !g.HasRole("user") || !g.HasRole("moderator") || g.HasRole("admin") || g.HasRole("root") {
			t.Errorf("%s: From", name)
		}
		for range g.All() {
			break
		}
	}
	var e *guard.Error
	if err := p.Check(context.Background(), usersRead); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("nobody: %v", err)
	}
	g := p.From(context.Background())
	if p.Has(usersRead)(context.Background()) || g.Has(usersRead) || g.HasRole("admin") || g.Generation() != 0 || len(slices.Collect(g.All())) != 0 {
		t.Error("nobody has something")
	}
	if s := fmt.Sprint(gated); strings.Contains(s, "moderator") {
		t.Errorf("the context prints %s", s)
	}
}

func TestConstructionErrors(t *testing.T) {
	role := func(grants []perm, inherits ...string) rbac.Role[perm] {
		return rbac.Role[perm]{Grants: grants, Inherits: inherits}
	}
	tests := []struct {
		name string
		spec rbac.Spec[perm]
		want []string
	}{
		{"empty", rbac.Spec[perm]{}, []string{"without roles"}},
		{"permissions", rbac.Spec[perm]{Permissions: []perm{"", "a b", "a:*", `a"`, "x", "x", "é"}, Roles: map[string]rbac.Role[perm]{"r": {}}},
			[]string{"a permission without a name", `"a b"`, `"a:*"`, `"a\""`, `"x" is declared twice`, `"é"`}},
		{"roles", rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
			"a": role([]perm{"users:raed", "nothing:*", "use*", ""}), "b": role(nil, "nobody"), "": role(nil), "c d": role(nil),
		}}, []string{
			`role "a": unknown permission "users:raed"`, `wildcard "nothing:*" grants nothing`, `wildcard "use*"`, `unknown permission ""`,
			`role "b" inherits the unknown role "nobody"`, "a role without a name", `role "c d"`,
		}},
		{"cycles", rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
			"a": role(nil, "b"), "b": role(nil, "c"), "c": role(nil, "a"), "d": role(nil, "d"), "e": role(nil, "a"),
		}}, []string{"a > b > c > a", "d > d"}},
	}
	for _, tt := range tests {
		_, err := rbac.New(tt.spec, rolesOf, nil)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v does not mention %s", tt.name, err, want)
			}
		}
	}
	if _, err := rbac.New[user](spec(), nil, nil); err == nil {
		t.Error("nil rolesOf is no error")
	}
	if _, err := rbac.NewDecided[user](permissions, nil, nil); err == nil {
		t.Error("a nil decider is no error")
	}
	if _, err := rbac.NewDecided(nil, func(context.Context, user, perm) (bool, error) { return true, nil }, nil); err == nil {
		t.Error("no permissions is no error")
	}
}

// Ten thousand roles in a row and a diamond: neither a stack nor time runs out.
func TestDeepInheritance(t *testing.T) {
	s := rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{"r0": {Grants: []perm{usersRead}}}}
	for i := 1; i < 2000; i++ {
		s.Roles[fmt.Sprint("r", i)] = rbac.Role[perm]{Inherits: []string{fmt.Sprint("r", i-1), fmt.Sprint("r", (i-1)/2)}}
	}
	p, err := rbac.New(s, rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w, _, _ := serve(p.RequireAll(usersRead), as("r1999")); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

func TestWiringPanics(t *testing.T) {
	p := newPolicy(t, nil)
	decided, err := rbac.NewDecided(permissions, func(context.Context, user, perm) (bool, error) { return true, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"role":             func() { p.RequireRole("amdin") },
		"other role":       func() { p.RequireRole("admin", "") },
		"permission":       func() { p.RequireAll("users:raed") },
		"wildcard":         func() { p.RequireAll("users:*") },
		"other permission": func() { p.RequireAny(usersRead, "") },
		"Has":              func() { p.Has("x") },
		"nil handler":      func() { p.RequireAll(usersRead)(nil) },
		"decided role":     func() { decided.RequireRole("admin") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

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

// The first gate costs the copy of the request and the context's node; after
// it, nothing costs anything.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := newPolicy(t, &rbac.Options{Ceiling: func(context.Context) ([]string, bool) { return allScopes, true }})
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	gate := p.RequireAll(usersRead)
	w := httptest.NewRecorder()
	r := as("moderator", "guest")
	_, gated, _ := serve(gate, as("moderator"))
	has := p.Has(postsRead)
	inner := httptest.NewRequest("GET", "/", nil).WithContext(gated)
	one, three := gate(nop), guard.Chain(gate, p.RequireRole("user"), p.RequireAny(usersDelete, postsWrite))(nop)
	for name, tt := range map[string]struct {
		f    func()
		want float64
	}{
		"first gate":  {func() { one.ServeHTTP(w, r) }, 2},
		"three gates": {func() { three.ServeHTTP(w, r) }, 2},
		"later gate":  {func() { one.ServeHTTP(w, inner) }, 0},
		"Check":       {func() { _ = p.Check(gated, usersRead) }, 0},
		"Has":         {func() { has(gated) }, 0},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, got, tt.want)
		}
	}
}

var allScopes = []string{"*"}
