package rbac_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

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
	if _, err := rbac.New[user, perm, []string](spec(), nil, nil); err == nil {
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
