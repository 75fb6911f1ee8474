package rbac_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// large is a policy of n permissions and one role.
func large(b *testing.B, n int) (*rbac.Policy[user, perm], perm) {
	s := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"user": {}, "guest": {}}}
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
	bare := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	}
	run := func(name string, m guard.Middleware, r *http.Request) {
		b.Run(name, func(b *testing.B) {
			h, w := m(nop), discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
	run("bare", bare, as("user"))
	for _, n := range []int{10, 10_000} {
		p, last := large(b, n)
		gate := p.RequireAll(last)
		var inner context.Context // without Observe, whose recorder would grow
		gate(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = r.Context() })).ServeHTTP(discard{http.Header{}}, as("user"))
		run(fmt.Sprintf("first/%d", n), gate, as("user"))
		run(fmt.Sprintf("later/%d", n), gate, as("user").WithContext(inner))
		run(fmt.Sprintf("refused/%d", n), gate, as("guest"))
		b.Run(fmt.Sprintf("Has/%d", n), func(b *testing.B) {
			has := p.Has(last)
			for b.Loop() {
				has(inner)
			}
		})
	}
}
