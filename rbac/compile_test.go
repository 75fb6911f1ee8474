package rbac_test

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
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
			"a": role([]perm{"users:raed", "nothing:*", "use*", ""}), "b": role(nil, "owner"), "": role(nil), "c d ": role(nil),
			"e": {Grants: []perm{"*"}, Denies: []perm{"users:dlete", "nothing:*"}},
		}}, []string{
			`role "a": unknown permission "users:raed"`, `wildcard "nothing:*" matches no permission`, `wildcard "use*"`, `unknown permission ""`,
			`role "b" inherits the unknown role "owner"`, "a role has an empty name", `role "c d "`,
			`role "e": unknown permission "users:dlete"`, `role "e": wildcard "nothing:*"`,
		}},
		{"cycles", rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
			"a": role(nil, "b"), "b": role(nil, "c"), "c": role(nil, "a"), "d": role(nil, "d"), "e": role(nil, "a"),
		}}, []string{`"a" > "b" > "c" > "a"`, `"d" > "d"`}},
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
		p, err := rbac.New(chain(1000, diamonds), rolesOf, nil)
		if err != nil {
			t.Fatalf("1,000 levels, diamonds %t: %v", diamonds, err)
		}
		for role, want := range map[string]int{"r1": 200, "r500": 200, "r1000": 200, "r1001": 403} {
			if w, _, _ := serve(t, p.RequireAll(usersRead), as(role)); w.Code != want {
				t.Errorf("diamonds %t, %s: status %d, want %d", diamonds, role, w.Code, want)
			}
			if w, _, _ := serve(t, p.RequireRole("r1"), as(role)); w.Code != want {
				t.Errorf("diamonds %t, %s as r1: status %d, want %d", diamonds, role, w.Code, want)
			}
		}
	}
}

// Roles that include too many are reported where the limit is exceeded, in
// whichever order they are resolved. Those that inherit them are not.
func TestTooManyInherited(t *testing.T) {
	const want = `rbac: role "r1001" includes more than 1000 roles`
	for _, diamonds := range []bool{false, true} {
		for _, n := range []int{1001, 20_000} {
			if _, err := rbac.New(chain(n, diamonds), rolesOf, nil); err == nil || err.Error() != want {
				t.Errorf("%d levels, diamonds %t: %v, want %s", n, diamonds, err, want)
			}
		}
	}
	for _, name := range []func(int) string{
		func(i int) string { return fmt.Sprintf("%05d", i) },
		func(i int) string { return fmt.Sprintf("%05d", 9999-i) },
		func(i int) string { return fmt.Sprintf("%05d", i*37%2003) },
	} {
		for n, valid := range map[int]bool{1000: true, 1001: false, 2000: false} {
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

// hostileFiles are JSON roles of n names that cost more than their size.
var hostileFiles = map[string]func(n int) string{
	"a chain": func(n int) string {
		return jsonRoles(n, func(i int) []string { return []string{"grants", "*", "inherits", fmt.Sprint("r", max(i-1, 1))} })
	},
	"60 layers": func(n int) string {
		width := n / 60
		return jsonRoles(n, func(i int) []string {
			if i < width {
				return nil
			}
			return []string{"inherits", fmt.Sprint("r", i-width), "inherits", fmt.Sprint("r", i-i%width-1)}
		})
	},
	"groups of 500": func(n int) string {
		return jsonRoles(n, func(i int) []string {
			if i%500 == 0 {
				return nil
			}
			return []string{"inherits", fmt.Sprint("r", i-1), "inherits", fmt.Sprint("r", i-i%500)}
		})
	},
	"all in one": func(n int) string {
		return jsonRoles(n, func(i int) (list []string) {
			for j := 1; i == 0 && j < n; j++ {
				list = append(list, "inherits", fmt.Sprint("r", j))
			}
			return list
		})
	},
	"cycles": func(n int) string { // each with about the square root of n others
		return jsonRoles(n/50, func(i int) (list []string) {
			for j := range 50 {
				list = append(list, "inherits", fmt.Sprint("r", (i+j*j)%(n/50)))
			}
			return list
		})
	},
	"one cycle": func(n int) string {
		return jsonRoles(n, func(i int) []string { return []string{"inherits", fmt.Sprint("r", (i+1)%n)} })
	},
	"unknown permissions": func(n int) string {
		return jsonRoles(1, func(int) (list []string) {
			for i := range n {
				list = append(list, "grants", fmt.Sprint("x", i), "denies", fmt.Sprint("x", i, ":*"))
			}
			return list
		})
	},
	"unknown roles": func(n int) string {
		return jsonRoles(n, func(i int) []string { return []string{"inherits", fmt.Sprint("x", i)} })
	},
	"wildcards": func(n int) string {
		return jsonRoles(1, func(int) []string { return slices.Repeat([]string{"grants", "*"}, n) })
	},
	"bad names": func(n int) string { return `{"roles":{` + strings.Repeat(`" ":{},`, n) + `"a":{}}}` },
	"a long permission": func(n int) string {
		return jsonRoles(1, func(int) []string { return []string{"grants", strings.Repeat("x", 20*n)} })
	},
	"a long role":          func(n int) string { return `{"roles":{"` + strings.Repeat("é", 10*n) + `":{}}}` },
	"a long unknown field": func(n int) string { return `{"` + strings.Repeat("x", 20*n) + `":{}}` },
}

// jsonRoles returns JSON of the roles r0 to r(n-1). listsOf returns the lists of
// the i-th, each element after the name of its list.
func jsonRoles(n int, listsOf func(i int) []string) string {
	var b strings.Builder
	b.WriteString("{\"roles\": {")
	for i := range n {
		elements := map[string][]string{}
		for pair := range slices.Chunk(listsOf(i), 2) {
			elements[pair[0]] = append(elements[pair[0]], strconv.Quote(pair[1]))
		}
		var lists []string
		for name, list := range elements {
			lists = append(lists, fmt.Sprintf("%q: [\n%s]", name, strings.Join(list, ",\n")))
		}
		fmt.Fprintf(&b, "%s\n\"r%d\": {%s}", strings.Repeat(",", min(i, 1)), i, strings.Join(lists, ", "))
	}
	return b.String() + "}}"
}

// TestHostileFiles: what a file of roles allocates is linear in its size, and its
// error is short. 82 KB took 29 s and had an error of 17 MB; 8,000 roles took 1.3 GB.
func TestHostileFiles(t *testing.T) {
	for name, file := range hostileFiles {
		t.Run(name, func(t *testing.T) {
			perByte := func(n int) float64 {
				data := []byte(file(n))
				var spec rbac.Spec[perm]
				var err error
				allocated := bytesOf(func() {
					if spec, err = rbac.ParseJSON(data, permissions); err == nil {
						_, err = rbac.New(spec, rolesOf, nil)
					}
				})
				if err != nil && (len(err.Error()) > 8000 || strings.Count(err.Error(), "\n") > 20) {
					t.Errorf("%d bytes: an error of %d bytes and %d lines: %.500s", len(data), len(err.Error()), 1+strings.Count(err.Error(), "\n"), err)
				}
				return float64(allocated) / float64(len(data))
			}
			small, large := perByte(3000), perByte(12_000)
			if t.Logf("%.0f bytes a byte", large); large > 2*small+1 {
				t.Errorf("%.0f bytes are allocated for each byte of a file, and %.0f of one four times as large", small, large)
			}
		})
	}
}

// bytesOf returns how many bytes f allocates.
func bytesOf(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestMistakesAreCounted: the first 20 mistakes are listed, and that there are more.
func TestMistakesAreCounted(t *testing.T) {
	for n, want := range map[int]int{19: 19, 20: 20, 21: 21, 1000: 21} {
		s := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"a": {}}}
		for i := range n {
			s.Roles[fmt.Sprint("r", i)] = rbac.Role[perm]{Inherits: []string{"x"}}
		}
		_, err := rbac.New(s, rolesOf, nil)
		if err == nil || 1+strings.Count(err.Error(), "\n") != want || strings.Contains(err.Error(), "these are the first 20") != (n > 20) {
			t.Errorf("%d mistakes: %v", n, err)
		}
	}
}
