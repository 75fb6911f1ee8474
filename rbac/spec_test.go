package rbac_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard/rbac"
)

func TestRoles(t *testing.T) {
	p, err := rbac.New(rbac.Roles("admin", "user"), rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]int{"admin": 200, "user": 403} {
		if w, _, _ := serve(t, p.RequireRole("admin"), as(role)); w.Code != want {
			t.Errorf("%s: %d, want %d", role, w.Code, want)
		}
	}
}

// TestDenies: what one role denies is denied, whatever others grant, in whichever
// order they are.
func TestDenies(t *testing.T) {
	p, err := rbac.New(rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
		"admin":     {Grants: []perm{"*"}},
		"auditor":   {Grants: []perm{"*"}, Denies: []perm{"users:delete", "posts:write"}},
		"suspended": {Denies: []perm{"*"}},
		"muted":     {Inherits: []string{"writer"}, Denies: []perm{postsWrite}},
		"writer":    {Grants: []perm{"posts:*"}},
		"editor":    {Inherits: []string{"muted"}, Grants: []perm{postsWrite}},
	}}, rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	for roles, want := range map[string]string{
		"admin":            "users:read users:delete posts:read posts:write",
		"auditor":          "users:read posts:read",
		"admin auditor":    "users:read posts:read",
		"auditor admin":    "users:read posts:read",
		"admin suspended":  "",
		"suspended admin":  "",
		"writer":           "posts:read posts:write",
		"muted":            "posts:read",
		"muted writer":     "posts:read",
		"editor":           "posts:read", // the deny is inherited
		"unknown writer":   "posts:read posts:write",
		"suspended writer": "",
	} {
		r := as(strings.Fields(roles)...)
		from := p.From(r.Context())
		for _, q := range permissions {
			allowed := strings.Contains(" "+want+" ", " "+string(q)+" ")
			w, _, _ := serve(t, p.RequireAll(q), r)
			if (w.Code == 200) != allowed || has(p, q, r.Context()) != allowed || (p.Check(r.Context(), q) == nil) != allowed || from.Has(q) != allowed {
				t.Errorf("%s, %s: status %d, want allowed %t", roles, q, w.Code, allowed)
			}
		}
	}
	if w, _, _ := serve(t, p.RequireRole("admin"), as("suspended", "admin")); w.Code != 200 {
		t.Errorf("a role is not a permission: status %d", w.Code)
	}
}
