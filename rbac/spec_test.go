package rbac_test

import (
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
