package rbac_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard/rbac"
)

func TestSpecErrors(t *testing.T) {
	role := func(grants []perm, inherits ...string) rbac.Role[perm] {
		return rbac.Role[perm]{Grants: grants, Inherits: inherits}
	}
	tests := []struct {
		name string
		spec rbac.Spec[perm]
		want []string
	}{
		{"empty", rbac.Spec[perm]{}, []string{"has no roles"}},
		{"permissions", rbac.Spec[perm]{Permissions: []perm{"", "a b", "a:*", `a"`, "x", "x", "é"}, Roles: map[string]rbac.Role[perm]{"r": {}}},
			[]string{"a permission has an empty name", `"a b"`, `"a:*"`, `"a\""`, `"x" is declared twice`, `"é"`}},
		{"roles", rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
			"a": role([]perm{"users:raed", "nothing:*", "use*", ""}), "b": role(nil, "owner"), "": role(nil), "c d": role(nil),
		}}, []string{
			`role "a": unknown permission "users:raed"`, `wildcard "nothing:*" grants nothing`, `wildcard "use*"`, `unknown permission ""`,
			`role "b" inherits the unknown role "owner"`, "a role has an empty name", `role "c d"`,
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
}

// chain is a Spec of n roles, each of which inherits the one before, and in
// diamonds the one before that too.
func chain(n int, diamonds bool) rbac.Spec[perm] {
	s := rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{"r1": {Grants: []perm{usersRead}}}}
	for i := 2; i <= n; i++ {
		parents := []string{fmt.Sprint("r", i-1)}
		if diamonds && i > 2 {
			parents = append(parents, fmt.Sprint("r", i-2))
		}
		s.Roles[fmt.Sprint("r", i)] = rbac.Role[perm]{Inherits: parents}
	}
	return s
}

func TestDeepInheritance(t *testing.T) {
	for _, diamonds := range []bool{false, true} { // diamonds have more paths than time allows
		p, err := rbac.New(chain(64, diamonds), rolesOf, nil)
		if err != nil {
			t.Fatalf("64 levels, diamonds %t: %v", diamonds, err)
		}
		for role, want := range map[string]int{"r1": 200, "r64": 200, "r65": 403} {
			if w, _, _ := serve(t, p.RequireAll(usersRead), as(role)); w.Code != want {
				t.Errorf("diamonds %t, %s: status %d, want %d", diamonds, role, w.Code, want)
			}
		}
	}
}

// A file cannot exhaust the stack or the time, in whichever order its roles are
// resolved.
func TestInheritanceTooDeep(t *testing.T) {
	for _, diamonds := range []bool{false, true} {
		_, err := rbac.New(chain(65, diamonds), rolesOf, nil)
		const want = `rbac: role "r65" inherits through more than 64 levels`
		if err == nil || err.Error() != want {
			t.Errorf("65 levels, diamonds %t: %v, want %s", diamonds, err, want)
		}
		_, err = rbac.New(chain(20_000, diamonds), rolesOf, nil)
		if err == nil || !strings.Contains(err.Error(), "inherits through more than 64 levels") {
			t.Errorf("20,000 levels, diamonds %t: %v", diamonds, err)
		}
	}
	// The name that is resolved first is at the end of the chain, then at its
	// start: the limit is the same.
	for _, name := range []func(int) string{
		func(i int) string { return fmt.Sprintf("%03d", i) },
		func(i int) string { return fmt.Sprintf("%03d", 999-i) },
		func(i int) string { return fmt.Sprintf("%03d", i*37%101) },
	} {
		for n, valid := range map[int]bool{64: true, 65: false, 100: false} {
			s := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{name(1): {}}}
			for i := 2; i <= n; i++ {
				s.Roles[name(i)] = rbac.Role[perm]{Inherits: []string{name(i - 1)}}
			}
			if _, err := rbac.New(s, rolesOf, nil); (err == nil) != valid {
				t.Errorf("%d roles from %s to %s: %v", n, name(1), name(n), err)
			}
		}
	}
}
