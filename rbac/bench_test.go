package rbac_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/rbac"
)

// large returns a policy of n permissions, all granted to the role "user", and
// its last permission.
func large(b *testing.B, n int) (*rbac.Policy[user, perm], perm) {
	s := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"guest": {}}}
	for i := range n {
		s.Permissions = append(s.Permissions, perm(fmt.Sprintf("thing%d:read", i)))
	}
	s.Roles["user"] = rbac.Role[perm]{Grants: s.Permissions}
	p, err := rbac.New(s, rolesOf, nil)
	if err != nil {
		b.Fatal(err)
	}
	return p, s.Permissions[n-1]
}

func BenchmarkGate(b *testing.B) {
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	run := func(name string, m guard.Middleware, r *http.Request) {
		b.Run(name, func(b *testing.B) {
			h, w := m(nop), harness.NewDiscard()
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
	run("bare", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	}, as("user"))
	for _, n := range []int{10, 10_000} {
		p, last := large(b, n)
		gate := p.RequireAll(last)
		run(fmt.Sprintf("allowed/%d", n), gate, as("user"))
		run(fmt.Sprintf("two/%d", n), guard.Chain(gate, gate), as("user"))
		run(fmt.Sprintf("refused/%d", n), gate, as("guest"))
		b.Run(fmt.Sprintf("Has/%d", n), func(b *testing.B) {
			has, ctx := p.Has(last), as("user").Context()
			for b.Loop() {
				has(ctx)
			}
		})
	}
}
