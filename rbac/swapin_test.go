package rbac_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/rbac"
)

type roles = map[string]rbac.Role[perm]

func TestSwapIn(t *testing.T) {
	p := withRoles(t, roles{"lead": {Grants: []perm{usersRead}}})
	swap := func(s rbac.Spec[perm]) func() error {
		return func() error { return p.SwapIn(t.Context(), "a", s) }
	}
	steps := []struct {
		name    string
		do      func() error
		mistake string
		a       string // what alice may do in a
	}{
		{"at first", func() error { return nil }, "", "[users:read posts:read posts:write]"},
		{"a wider role", swap(rbac.Spec[perm]{Roles: roles{"lead": {Grants: []perm{"users:*"}}}}), "", "[users:read users:delete posts:read posts:write]"},
		{"one that denies", swap(rbac.Spec[perm]{Roles: roles{"lead": {Denies: []perm{postsWrite}}}}), "", "[posts:read]"},
		{"one that inherits", swap(rbac.Spec[perm]{Roles: roles{"lead": {Inherits: []string{"x"}}, "x": {Grants: []perm{usersRead}}}}), "", "[users:read posts:read posts:write]"},
		{"one of the policy's name", swap(rbac.Spec[perm]{Roles: roles{"user": {Grants: []perm{usersDelete}}}}), "", "[users:delete]"},
		{"all of what it may grant", swap(rbac.Spec[perm]{Permissions: []perm{usersRead}, Roles: roles{"lead": {Grants: []perm{"*"}}}}), "", "[users:read posts:read posts:write]"},
		{"more than it may grant", swap(rbac.Spec[perm]{Permissions: []perm{usersRead}, Roles: roles{"lead": {Grants: []perm{usersDelete}}}}),
			`rbac: SwapIn of tenant "a": rbac: role "lead": unknown permission "users:delete"`, "[users:read posts:read posts:write]"},
		{"a wildcard beyond it", swap(rbac.Spec[perm]{Permissions: []perm{usersRead}, Roles: roles{"lead": {Grants: []perm{"posts:*"}}}}), `wildcard "posts:*" matches no permission`, "[users:read posts:read posts:write]"},
		{"nothing that it may grant", swap(rbac.Spec[perm]{Permissions: []perm{}, Roles: roles{"lead": {Grants: []perm{"*"}}}}), `wildcard "*" matches no permission`, "[users:read posts:read posts:write]"},
		{"a new permission", swap(rbac.Spec[perm]{Permissions: []perm{"x"}, Roles: roles{}}), `permission "x" is new`, "[users:read posts:read posts:write]"},
		{"a role of the policy inherited", swap(rbac.Spec[perm]{Roles: roles{"lead": {Inherits: []string{"admin"}}}}), `role "lead" inherits the unknown role "admin"`, "[users:read posts:read posts:write]"},
		{"a bad name", swap(rbac.Spec[perm]{Roles: roles{"lead ": {}}}), `role "lead "`, "[users:read posts:read posts:write]"},
		{"no roles", swap(rbac.Spec[perm]{Roles: roles{}}), "", "[posts:read posts:write]"},
		{"removed", swap(rbac.Spec[perm]{}), "", `rbac: a Membership has the tenant "a", for which there was no SwapIn`},
		{"removed again", swap(rbac.Spec[perm]{}), "", `rbac: a Membership has the tenant "a", for which there was no SwapIn`},
		{"back", swap(rbac.Spec[perm]{Roles: roles{"lead": {Grants: []perm{usersRead}}}}), "", "[users:read posts:read posts:write]"},
		{"the policy", func() error { return p.Swap(t.Context(), less()) }, "", "[users:read]"},
	}
	for _, tt := range steps {
		err := tt.do()
		if (err == nil) != (tt.mistake == "") || err != nil && !strings.Contains(err.Error(), tt.mistake) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.mistake)
		}
		if got := grantedIn(t, p, "alice", "a"); got != tt.a {
			t.Errorf("%s: alice may %s in a, want %s", tt.name, got, tt.a)
		}
		if got := grantedIn(t, p, "alice", "plain-"); tt.name != "the policy" && got != "[posts:read posts:write]" {
			t.Errorf("%s: alice may %s in a tenant without roles of its own", tt.name, got)
		}
		if got := grantedIn(t, p, "alice", "b"); !strings.Contains(got, "no SwapIn") {
			t.Errorf("%s: alice may %s in a tenant that is not loaded", tt.name, got)
		}
	}
	for tenant, want := range map[string]string{"": "a tenant has an empty name", " a": `tenant " a": a name neither`, "a\x00": `tenant "a\x00": a name has`} {
		if err := p.SwapIn(t.Context(), tenant, rbac.Spec[perm]{Roles: roles{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SwapIn(%q) = %v, want %s", tenant, err, want)
		}
	}
	if err := newPolicy(t, nil).SwapIn(t.Context(), "a", rbac.Spec[perm]{Roles: roles{}}); err == nil || !strings.Contains(err.Error(), "NewPerTenant") {
		t.Errorf("SwapIn of a policy without tenants = %v", err)
	}
}

// TestTenantRoleIsNoRole: a tenant cannot name or inherit its way through a gate
// for a role of the policy.
func TestTenantRoleIsNoRole(t *testing.T) {
	p := withRoles(t, roles{"lead": {Grants: []perm{"*"}, Inherits: []string{"admin"}}, "admin": {}})
	for name, want := range map[string]int{"alice": 403, "root": 403} { // root is called admin, which the tenant redefined
		if w, _, _ := serve(t, guard.Chain(named(name), p.In(org), p.RequireRole("admin")), inOrg("a")); w.Code != want {
			t.Errorf("%s: status %d, want %d", name, w.Code, want)
		}
	}
	if w, _, _ := serve(t, guard.Chain(named("alice"), p.In(org), p.RequireRole("user")), inOrg("a")); w.Code != 200 {
		t.Errorf("alice, a user: status %d, want 200", w.Code)
	}
	ctx, err := p.Enter(guard.WithPrincipal(t.Context(), user{name: "alice"}), "a")
	if err != nil || p.From(ctx).HasRole("lead") || p.From(ctx).HasRole("admin") || !p.From(ctx).HasRole("user") {
		t.Errorf("HasRole counts a role of the tenant (%v)", err)
	}
}

// TestTenantLiftsNoDeny: a tenant that redefines a role of the policy replaces what
// it grants, and not what it denies.
func TestTenantLiftsNoDeny(t *testing.T) {
	policy := spec()
	policy.Roles["suspended"] = rbac.Role[perm]{Denies: []perm{"posts:*"}}
	policy.Roles["trial"] = rbac.Role[perm]{Grants: []perm{usersRead}, Inherits: []string{"suspended"}}
	p, err := rbac.NewPerTenant(policy, members{{"alice", "a"}: {"user", "trial"}}.rolesIn, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		own  roles
		want string
	}{
		{roles{}, "[users:read]"},
		{roles{"suspended": {}}, "[users:read]"},
		{roles{"trial": {}}, "[]"},
		{roles{"trial": {Grants: []perm{"*"}}}, "[users:read users:delete]"},
		{roles{"user": {Denies: []perm{usersRead}}}, "[]"},
	} {
		if err := p.SwapIn(t.Context(), "a", rbac.Spec[perm]{Roles: tt.own}); err != nil {
			t.Fatal(err)
		}
		if got := grantedIn(t, p, "alice", "a"); got != tt.want {
			t.Errorf("%v: alice may %s, want %s", tt.own, got, tt.want)
		}
	}
}

// TestTenantDeniesEverything: a wildcard that a customer's role denies is all that it
// matches, also what the customer may not grant. A member who was suspended by one had
// the rest.
func TestTenantDeniesEverything(t *testing.T) {
	p := perTenantOf(t, members{{"alice", "a"}: {"admin", "suspended"}}.rolesIn, nil)
	for denied, want := range map[perm]string{"*": "[]", "posts:*": "[users:read users:delete]", "posts:read": "[users:read users:delete posts:write]"} {
		own := rbac.Spec[perm]{Permissions: []perm{postsRead}, Roles: roles{"suspended": {Denies: []perm{denied}}}}
		if err := p.SwapIn(t.Context(), "a", own); err != nil {
			t.Fatal(err)
		}
		if got := grantedIn(t, p, "alice", "a"); got != want {
			t.Errorf("with %q denied, alice may %s, want %s", denied, got, want)
		}
	}
}

// Each change has a number, which the decisions that depend on it report.
func TestGenerationsOfTenants(t *testing.T) {
	p := withRoles(t, roles{"lead": {}}) // 2
	in := func(tenant string) (generations [2]uint64) {
		_, inner, decisions := serve(t, guard.Chain(named("alice"), p.In(org), p.RequireAll(postsRead)), inOrg(tenant))
		return [2]uint64{decisions[len(decisions)-1].Generation, p.From(inner).Generation()}
	}
	want := func(a, plain, policy uint64) {
		t.Helper()
		if in("a") != [2]uint64{a, a} || in("plain-") != [2]uint64{plain, plain} || p.Generation() != policy {
			t.Errorf("generations %d in a, %d elsewhere, policy %d; want %d, %d and %d", in("a"), in("plain-"), p.Generation(), a, plain, policy)
		}
	}
	want(2, 1, 1)
	if err := p.Swap(t.Context(), spec()); err != nil {
		t.Fatal(err)
	}
	want(3, 3, 3)
	var decisions []guard.Decision
	swapping := func(spec rbac.Spec[perm]) error {
		var err error
		_, _, decisions = serve(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { err = p.SwapIn(r.Context(), "a", spec) })
		}, request())
		return err
	}
	err := swapping(rbac.Spec[perm]{Roles: roles{"lead": {}}})
	if d := decisions[0]; err != nil || d.Package != "rbac" || d.Action != "swap" || d.Outcome != guard.Allowed || d.Generation != 4 || d.Reason != `tenant "a"` {
		t.Errorf("SwapIn = %v, decision %+v", err, d)
	}
	want(4, 3, 3)
	err = swapping(rbac.Spec[perm]{Roles: roles{"lead": {Grants: []perm{"x"}}}})
	if d := decisions[0]; err == nil || d.Outcome != guard.Refused || d.Err != err || d.Reason != err.Error() {
		t.Errorf("SwapIn = %v, decision %+v", err, d)
	}
	want(4, 3, 3)
}

// A request that entered a tenant sees its next roles, and fails where the tenant was
// removed: a deny must not vanish, nor a grant stay. It kept the roles it had, also after
// the tenant had others.
func TestSwapInWithinARequest(t *testing.T) {
	p := withRoles(t, roles{"lead": {Denies: []perm{postsWrite}}})
	ctx, err := p.Enter(guard.WithPrincipal(t.Context(), user{name: "alice"}), "a")
	if err != nil || has(p, postsWrite, ctx) {
		t.Fatalf("Enter = %v", err)
	}
	from := p.From(ctx)
	if err := p.SwapIn(t.Context(), "a", rbac.Spec[perm]{}); err != nil || has(p, postsWrite, ctx) {
		t.Errorf("removed: %v, granted %t", err, has(p, postsWrite, ctx))
	}
	for _, again := range []bool{false, true} {
		if again {
			if err := p.SwapIn(t.Context(), "a", rbac.Spec[perm]{Roles: roles{"lead": {Denies: []perm{"*"}}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Check(ctx, postsRead); err == nil || codeOf(err) != "" || !strings.Contains(err.Error(), "removed") {
			t.Errorf("removed, and back %t: Check = %v, want a failure", again, err)
		}
	}
	p = withRoles(t, roles{"lead": {Denies: []perm{postsWrite}}})
	ctx, err = p.Enter(guard.WithPrincipal(t.Context(), user{name: "alice"}), "a")
	if err != nil || has(p, postsWrite, ctx) {
		t.Fatalf("Enter = %v", err)
	}
	if err := p.SwapIn(t.Context(), "a", rbac.Spec[perm]{Roles: roles{"lead": {}}}); err != nil || !has(p, postsWrite, ctx) {
		t.Errorf("swapped: %v, granted %t", err, has(p, postsWrite, ctx))
	}
	if from.Has(postsWrite) {
		t.Error("a Granted changed with a SwapIn")
	}
}

// heap returns the bytes in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// customRoles is a spec of 5 roles, which depends on the i-th tenant if several.
func customRoles(i int) rbac.Spec[perm] {
	s := rbac.Spec[perm]{Roles: roles{}}
	for j := range 5 {
		s.Roles[fmt.Sprintf("role %d of %d", j, i)] = rbac.Role[perm]{Grants: []perm{"posts:*"}, Denies: []perm{usersDelete}}
	}
	return s
}

// TestTenantsShareRoles: 10,000 tenants with equal roles cost at most 200 bytes
// each; and the roles that no tenant has any more cost nothing.
func TestTenantsShareRoles(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := withRoles(t, roles{})
	fill := func(n int, specOf func(i int) rbac.Spec[perm]) {
		for i := range n {
			if err := p.SwapIn(t.Context(), fmt.Sprint("tenant-", i), specOf(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const n = 10_000
	none := func(int) rbac.Spec[perm] { return rbac.Spec[perm]{} }
	before := heap()
	fill(n, func(int) rbac.Spec[perm] { return customRoles(0) })
	equal := heap()
	if t.Logf("%d bytes a tenant", (equal-before)/n); (equal-before)/n > 200 {
		t.Errorf("%d bytes a tenant, want at most 200", (equal-before)/n)
	}
	fill(n/10, customRoles) // which replaces some
	t.Logf("%d bytes a tenant with 5 roles of its own", (heap()-equal)/(n/10))
	fill(n, func(int) rbac.Spec[perm] { return customRoles(0) })
	if after := heap(); after > equal+equal/4 {
		t.Errorf("%d bytes after roles were replaced, %d before", after, equal)
	}
	fill(n, none)
	if after := heap(); after > before+100*n/10 {
		t.Errorf("%d bytes after all were removed, %d before", after, before)
	}
	runtime.KeepAlive(p)
}

// TestOnlyEqualRolesAreShared: tenants whose roles differ in anything have their own.
func TestOnlyEqualRolesAreShared(t *testing.T) {
	variants := []struct {
		roles roles
		want  string // what alice may do, as "user" and "lead"
	}{
		{roles{"lead": {}}, "[posts:read posts:write]"},
		{roles{"lead": {Denies: []perm{postsWrite}}}, "[posts:read]"},
		{roles{"lead": {Denies: []perm{postsRead}}}, "[posts:write]"},
		{roles{"lead": {Grants: []perm{usersRead}}}, "[users:read posts:read posts:write]"},
		{roles{"lead": {Grants: []perm{usersRead}, Denies: []perm{postsWrite}}}, "[users:read posts:read]"},
		{roles{"lead": {Grants: []perm{usersRead}, Denies: []perm{usersDelete}}}, "[users:read posts:read posts:write]"},
		{roles{"lea": {}, "lead": {Grants: []perm{usersRead}}}, "[users:read posts:read posts:write]"},
		{roles{"leader": {Grants: []perm{usersRead}}}, "[posts:read posts:write]"},
		{roles{"user": {Denies: []perm{postsWrite}}}, "[]"},
		{roles{}, "[posts:read posts:write]"},
	}
	all := members{}
	for i := range variants {
		all[[2]string{"alice", fmt.Sprint("t", i)}] = []string{"user", "lead"}
	}
	p := perTenantOf(t, all.rolesIn, nil)
	for range 2 { // the second time, each is equal to one there was
		for i, v := range variants {
			if err := p.SwapIn(t.Context(), fmt.Sprint("t", i), rbac.Spec[perm]{Roles: v.roles}); err != nil {
				t.Fatal(err)
			}
		}
		for i, v := range variants {
			if got := grantedIn(t, p, "alice", fmt.Sprint("t", i)); got != v.want {
				t.Errorf("%v: alice may %s, want %s", v.roles, got, v.want)
			}
		}
	}
}

// TestSwapInDoesNotStall: what a SwapIn does is independent of the number of
// tenants.
func TestSwapInDoesNotStall(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := withRoles(t, roles{})
	cost := func() uint64 {
		return bytesOf(func() {
			for range 50 {
				_ = p.SwapIn(t.Context(), "a", customRoles(1))
			}
		})
	}
	cost()
	few := cost()
	for i := range 10_000 {
		_ = p.SwapIn(t.Context(), fmt.Sprint("tenant-", i), customRoles(i%3))
	}
	if many := cost(); many > few+few/4 {
		t.Errorf("%d bytes with 10,000 tenants, %d with one", many, few)
	}
}

// Under load, a gate sees one version of a tenant's roles: each grants one of two
// permissions, and none both.
func TestSwapInUnderLoad(t *testing.T) {
	p := perTenantOf(t, members{{"alice", "a"}: {"lead"}}.rolesIn, nil)
	versions := []rbac.Spec[perm]{{Roles: roles{"lead": {Grants: []perm{postsRead}}}}, {Roles: roles{"lead": {Grants: []perm{"*"}, Denies: []perm{"users:*", postsRead}}}}}
	if err := p.SwapIn(t.Context(), "a", versions[0]); err != nil {
		t.Fatal(err)
	}
	gates := map[int]http.Handler{}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	gates[200] = guard.Chain(named("alice"), p.In(org), p.RequireAny(postsRead, postsWrite))(ok)
	gates[403] = guard.Chain(named("alice"), p.In(org), p.RequireAll(postsRead, postsWrite))(ok)
	underLoad(t, gates, func() *http.Request { return inOrg("a") }, func(k, i int) {
		_ = p.SwapIn(t.Context(), "a", versions[i%2])
		_ = p.SwapIn(t.Context(), fmt.Sprint("b", k), versions[i%2])
		_ = p.SwapIn(t.Context(), fmt.Sprint("b", k), rbac.Spec[perm]{})
		_ = p.Swap(t.Context(), spec())
	})
}
