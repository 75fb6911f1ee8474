package rbac_test

import (
	"context"
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
				_, _ = has(ctx)
			}
		})
	}
}

// A decision in one of 10,000 tenants, another each time, beside that of a policy
// without tenants. All tenants have roles of their own; "In" reads the membership,
// too.
func BenchmarkTenants(b *testing.B) {
	const n = 10_000
	own := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"lead": {Grants: []perm{postsRead}}}}
	lead := []string{"lead"}
	tenants := perTenantOf(b, func(_ context.Context, _ user, tenant string) (rbac.Membership, bool, error) {
		return rbac.Membership{Roles: lead, Tenant: tenant}, true, nil
	}, nil)
	one := guard.Must(rbac.New(rbac.Spec[perm]{Permissions: permissions, Roles: own.Roles}, rolesOf, nil))
	var inside, outside, plain []*http.Request
	for i := range n {
		r := inOrg(fmt.Sprint("tenant-", i))
		if err := tenants.SwapIn(b.Context(), org(r), own); err != nil {
			b.Fatal(err)
		}
		r = r.WithContext(guard.WithPrincipal(r.Context(), user{"u", lead}))
		outside = append(outside, r)
		inside = append(inside, r.WithContext(guard.Must(tenants.Enter(r.Context(), org(r)))))
		plain = append(plain, as("lead"))
	}
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, tt := range []struct {
		name     string
		m        guard.Middleware
		requests []*http.Request
	}{
		{"one policy", one.RequireAll(postsRead), plain},
		{"10,000 tenants", tenants.RequireAll(postsRead), inside},
		{"10,000 tenants, In", guard.Chain(tenants.In(org), tenants.RequireAll(postsRead)), outside},
	} {
		b.Run(tt.name, func(b *testing.B) {
			h, w, i := tt.m(nop), harness.NewDiscard(), 0
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, tt.requests[i%n])
				i++
			}
		})
	}
}

// A credential with 2,000 scopes, which may be all that there are, or none of them.
func BenchmarkScopes(b *testing.B) {
	const n = 2000
	spec := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"user": {Grants: []perm{"*"}}}}
	var valid, unknown []string
	for i := range n {
		valid = append(valid, fmt.Sprintf("thing%d:read", i))
		unknown = append(unknown, fmt.Sprintf("other%d:read", i))
		spec.Permissions = append(spec.Permissions, perm(valid[i]))
	}
	var scopes []string
	p := guard.Must(rbac.New(spec, rolesOf, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return scopes, true }}))
	last := spec.Permissions[n-1]
	for name, gate := range map[string]guard.Middleware{"permission": p.RequireAll(last), "any of three": p.RequireAny(last, spec.Permissions[n-2], spec.Permissions[n-3]), "role": p.RequireRole("user")} {
		for _, list := range [][]string{valid, unknown} {
			b.Run(name+"/"+list[0], func(b *testing.B) {
				scopes = list
				h, w, r := gate(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), harness.NewDiscard(), as("user")
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(w, r)
				}
			})
		}
	}
}
