package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	"github.com/cedar-policy/cedar-go"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// Every implementation decides whether the only role of a user has a permission. A
// rule is one permission of one role. gorbac was not available from the module proxy.
type member struct{ ID, Role string }

// fixedUser authenticates every request as the same member, at no cost.
type fixedUser struct{ m member }

func (s fixedUser) Authenticate(*http.Request) (member, error) { return s.m, nil }
func (fixedUser) Scheme() guard.Scheme                         { return guard.Scheme{Challenge: "Bearer"} }

func roleName(i int) string { return fmt.Sprintf("role%d", i) }
func permName(i int) string { return fmt.Sprintf("perm:%d", i) }

// rules returns a policy of so many roles with so many permissions each. It has one
// more permission, which no role grants.
func rules(roles, perms int) *rbac.Policy[member, string] {
	spec := rbac.Spec[string]{Permissions: []string{"none:0"}, Roles: map[string]rbac.Role[string]{}}
	for i := range perms {
		spec.Permissions = append(spec.Permissions, permName(i))
	}
	for i := range roles {
		spec.Roles[roleName(i)] = rbac.Role[string]{Grants: spec.Permissions[1:]}
	}
	return guard.Must(rbac.New(spec, func(m member) string { return m.Role }, nil))
}

const casbinModel = `
[request_definition]
r = sub, perm
[policy_definition]
p = sub, perm
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.perm == p.perm
`

func casbinRules(roles, perms int, subject, role string) *casbin.Enforcer {
	e := guard.Must(casbin.NewEnforcer(guard.Must(model.NewModelFromString(casbinModel))))
	var lines [][]string
	for i := range roles {
		for j := range perms {
			lines = append(lines, []string{roleName(i), permName(j)})
		}
	}
	guard.Must(e.AddPolicies(lines))
	guard.Must(e.AddGroupingPolicy(subject, role))
	return e
}

func cedarRules(roles, perms int, subject, role string) (*cedar.PolicySet, cedar.EntityMap, cedar.EntityUID) {
	var text strings.Builder
	for i := range roles {
		for j := range perms {
			fmt.Fprintf(&text, "permit(principal in Role::%q, action == Action::%q, resource);\n", roleName(i), permName(j))
		}
	}
	set := guard.Must(cedar.NewPolicySetFromBytes("rules.cedar", []byte(text.String())))
	user, group := cedar.NewEntityUID("User", cedar.String(subject)), cedar.NewEntityUID("Role", cedar.String(role))
	return set, cedar.EntityMap{
		user:  {UID: user, Parents: cedar.NewEntityUIDSet(group)},
		group: {UID: group},
	}, user
}

// many is the number of roles, and of the permissions of each.
const many = 100

// gates are in a separate table from the peers, whose large heaps would burden the
// garbage collector.
func gates(settings) (comparison, error) {
	small, large := rules(2, 5), rules(many, many)
	auth := guard.Require(fixedUser{caller})
	r := request("/")
	gate := func(p *rbac.Policy[member, string], gates int) func(int) {
		h := http.Handler(ok)
		for range gates {
			h = p.RequireAll(granted)(h)
		}
		return serving(auth(h), r, 200)
	}
	// A gate could also pass its result on in the context of a copy of the request.
	// guard's gates do not.
	type key struct{}
	withValue := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, large)))
		})
	}
	return comparison{
		benchmarks: []benchmark{
			{"guard: chain and gate, 10,000 rules", ours, gate(large, 1)},
			{"guard: chain and gate, 10 rules", ours, gate(small, 1)},
			{"guard: chain and two gates, 10,000 rules", ours, gate(large, 2)},
			{"guard: chain alone", lowerBound, gate(large, 0)},
			{"guard: chain and a context value", lowerBound, serving(auth(withValue(ok)), r, 200)},
		},
		bars: []bar{
			difference("guard: chain and gate, 10,000 rules", "guard: chain and a context value", 60),
			difference("guard: chain and two gates, 10,000 rules", "guard: chain and gate, 10,000 rules", 60),
			allocsDifference("guard: chain and gate, 10,000 rules", "guard: chain alone", 0),
			allocsDifference("guard: chain and two gates, 10,000 rules", "guard: chain and gate, 10,000 rules", 0),
			similar("guard: chain and gate, 10,000 rules", "guard: chain and gate, 10 rules", 0.10),
		},
	}, nil
}

// tenantsAndScopes are decisions in one of 10,000 tenants, another one each time, all with a
// role of their own; and decisions for a credential with 2,000 scopes.
func tenantsAndScopes(settings) (comparison, error) {
	const n = 10_000
	spec := rbac.Spec[string]{Permissions: []string{denied, granted}, Roles: map[string]rbac.Role[string]{"guest": {}}}
	perTenantRoles := rbac.Spec[string]{Roles: map[string]rbac.Role[string]{caller.Role: {Grants: []string{granted}}}}
	names := []string{caller.Role}
	perTenant := guard.Must(rbac.NewPerTenant(spec, func(_ context.Context, _ member, tenant string) (rbac.Membership, bool, error) {
		return rbac.Membership{Roles: names, Tenant: tenant}, true, nil
	}, nil))
	spec.Roles = perTenantRoles.Roles
	one := guard.Must(rbac.New(spec, func(m member) string { return m.Role }, nil))
	before := heap()
	for i := range n {
		if err := perTenant.SwapIn(ctx, strconv.Itoa(i), perTenantRoles); err != nil {
			return comparison{}, err
		}
	}
	size := Fact{"guard: bytes a tenant", (heap() - before) / n, "B"}
	inside, outside := make([]*http.Request, n), make([]*http.Request, n)
	for i := range n {
		tenant := strconv.Itoa(i)
		r := request("/", "Org", tenant)
		outside[i] = r.WithContext(guard.WithPrincipal(r.Context(), caller))
		inside[i] = r.WithContext(guard.Must(perTenant.Enter(outside[i].Context(), tenant)))
	}
	each := func(h http.Handler, requests []*http.Request) func(int) {
		w, at := &discard{header: http.Header{}}, 0
		return func(times int) {
			for range times {
				h.ServeHTTP(w, requests[at])
				check(w.status == 200, "a tenant")
				at = (at + 1) % n
			}
		}
	}
	scopes := make([]string, 2000)
	for i := range scopes {
		scopes[i] = permName(i)
	}
	limited := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: scopes, Roles: map[string]rbac.Role[string]{caller.Role: {Grants: scopes}},
	}, func(m member) string { return m.Role }, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return scopes, true }}))
	return comparison{
		benchmarks: []benchmark{
			{"guard: gate, 10,000 tenants", ours, each(perTenant.RequireAll(granted)(ok), inside)},
			{"guard: gate, one policy", ours, each(one.RequireAll(granted)(ok), outside)},
			{"guard: gate, 2,000 scopes", ours, each(limited.RequireAll(scopes[1999])(ok), outside)},
		},
		facts: []Fact{size},
		bars: []bar{
			ratio("guard: gate, 10,000 tenants", "guard: gate, one policy", 2),
			difference("guard: gate, 2,000 scopes", "guard: gate, one policy", 50_000),
			factAtMost("guard: bytes a tenant", 200),
		},
	}, nil
}

func decisions(settings) (comparison, error) {
	policy := rules(many, many)
	var inside context.Context
	guard.Require(fixedUser{caller})(policy.RequireAll(granted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = r.Context() }))).
		ServeHTTP(&discard{header: http.Header{}}, request("/"))
	has := policy.Has(granted)
	enforcer := casbinRules(many, many, caller.ID, caller.Role)
	set, entities, user := cedarRules(many, many, caller.ID, caller.Role)
	table := map[string]map[string]bool{caller.Role: {granted: true}}

	decide := func(name, perm string, want bool, f func(perm string) (bool, error)) func(int) {
		return func(n int) {
			for range n {
				allowed, err := f(perm)
				check(err == nil && allowed == want, name)
			}
		}
	}
	ourCheck := func(perm string) (bool, error) { return policy.Check(inside, perm) == nil, nil }
	enforce := func(perm string) (bool, error) { return enforcer.Enforce(caller.ID, perm) }
	authorize := func(perm string) (bool, error) {
		decision, diagnostic := cedar.Authorize(set, entities, cedar.Request{Principal: user, Action: cedar.NewEntityUID("Action", cedar.String(perm)), Resource: user})
		check(len(diagnostic.Errors) == 0, "cedar's policies")
		return bool(decision), nil
	}
	return comparison{
		benchmarks: []benchmark{
			{"guard: Check, granted, 10,000 rules", ours, decide("Check", granted, true, ourCheck)},
			{"guard: Check, denied, 10,000 rules", ours, decide("Check", denied, false, ourCheck)},
			{"guard: Has, 10,000 rules", ours, decide("Has", granted, true, func(string) (bool, error) { return has(inside) })},
			{"casbin: Enforce, granted, 10,000 rules", peer, decide("casbin", granted, true, enforce)},
			{"casbin: Enforce, denied, 10,000 rules", peer, decide("casbin", denied, false, enforce)},
			{"cedar-go: Authorize, granted, 10,000 rules", peer, decide("cedar", granted, true, authorize)},
			{"cedar-go: Authorize, denied, 10,000 rules", peer, decide("cedar", denied, false, authorize)},
			{"bare map of maps", lowerBound, decide("map", granted, true, func(perm string) (bool, error) { return table[caller.Role][perm], nil })},
		},
		bars: []bar{
			allocs("guard: Check, granted, 10,000 rules", 0),
			allocs("guard: Check, denied, 10,000 rules", 1),
			allocs("guard: Has, 10,000 rules", 0),
			// 6 ns of it are for the scope limits of all steps.
			ratio("guard: Check, granted, 10,000 rules", "casbin: Enforce, granted, 10,000 rules", 1.0/800),
			ratio("guard: Check, denied, 10,000 rules", "casbin: Enforce, denied, 10,000 rules", 1.0/1000),
		},
	}, nil
}

var (
	caller  = member{"1", "role1"}
	granted = permName(3)
)

const denied = "none:0"
