package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	"github.com/cedar-policy/cedar-go"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// Everyone answers whether the one role of a user has a permission. A rule is
// one permission of one role. gorbac could not be had from the module proxy.
type member struct{ ID, Role string }

// someone authenticates everybody, at no cost of its own.
type someone struct{ m member }

func (s someone) Authenticate(*http.Request) (member, error) { return s.m, nil }
func (someone) Scheme() guard.Scheme                         { return guard.Scheme{Challenge: "Bearer"} }

func roleName(i int) string { return fmt.Sprintf("role%d", i) }
func permName(i int) string { return fmt.Sprintf("perm:%d", i) }

// rules is a policy of so many roles with so many permissions each. One more
// permission is granted to nobody.
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

// many is the number of roles and of permissions that each of them has.
const many = 100

// gates are measured apart from the peers, whose heaps would burden the
// collector in their stead.
func gates(settings) (rows, error) {
	small, large := rules(2, 5), rules(many, many)
	auth := guard.Require(someone{me})
	r := request("/")
	gate := func(p *rbac.Policy[member, string], gates int) func(int) {
		h := http.Handler(ok)
		for range gates {
			h = p.RequireAll(granted)(h)
		}
		return serving(auth(h), r, 200)
	}
	// What a gate that hands something on does otherwise: it copies the request
	// and adds a node to its context. Ours keeps it at the authentication step.
	type key struct{}
	placing := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, large)))
		})
	}
	return rows{
		work: []work{
			{"guard: chain and gate, 10,000 rules", ours, gate(large, 1)},
			{"guard: chain and gate, 10 rules", ours, gate(small, 1)},
			{"guard: chain and two gates, 10,000 rules", ours, gate(large, 2)},
			{"guard: chain alone", limit, gate(large, 0)},
			{"guard: chain and a context value", limit, serving(auth(placing(ok)), r, 200)},
		},
		bars: []bar{
			over("guard: chain and gate, 10,000 rules", "guard: chain and a context value", 60),
			over("guard: chain and two gates, 10,000 rules", "guard: chain and gate, 10,000 rules", 60),
			allocsOver("guard: chain and gate, 10,000 rules", "guard: chain alone", 0),
			allocsOver("guard: chain and two gates, 10,000 rules", "guard: chain and gate, 10,000 rules", 0),
			flat("guard: chain and gate, 10,000 rules", "guard: chain and gate, 10 rules", 0.10),
		},
	}, nil
}

func decisions(settings) (rows, error) {
	policy := rules(many, many)
	var inside context.Context
	guard.Require(someone{me})(policy.RequireAll(granted)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = r.Context() }))).
		ServeHTTP(&discard{header: http.Header{}}, request("/"))
	has := policy.Has(granted)
	enforcer := casbinRules(many, many, me.ID, me.Role)
	set, entities, user := cedarRules(many, many, me.ID, me.Role)
	table := map[string]map[string]bool{me.Role: {granted: true}}

	answer := func(who, perm string, want bool, decide func(perm string) (bool, error)) func(int) {
		return func(n int) {
			for range n {
				allowed, err := decide(perm)
				check(err == nil && allowed == want, who)
			}
		}
	}
	ourCheck := func(perm string) (bool, error) { return policy.Check(inside, perm) == nil, nil }
	enforce := func(perm string) (bool, error) { return enforcer.Enforce(me.ID, perm) }
	authorize := func(perm string) (bool, error) {
		decision, why := cedar.Authorize(set, entities, cedar.Request{Principal: user, Action: cedar.NewEntityUID("Action", cedar.String(perm)), Resource: user})
		check(len(why.Errors) == 0, "cedar's policies")
		return bool(decision), nil
	}
	return rows{
		work: []work{
			{"guard: Check, granted, 10,000 rules", ours, answer("Check", granted, true, ourCheck)},
			{"guard: Check, denied, 10,000 rules", ours, answer("Check", denied, false, ourCheck)},
			{"guard: Has, 10,000 rules", ours, answer("Has", granted, true, func(string) (bool, error) { return has(inside), nil })},
			{"casbin: Enforce, granted, 10,000 rules", peer, answer("casbin", granted, true, enforce)},
			{"casbin: Enforce, denied, 10,000 rules", peer, answer("casbin", denied, false, enforce)},
			{"cedar-go: Authorize, granted, 10,000 rules", peer, answer("cedar", granted, true, authorize)},
			{"cedar-go: Authorize, denied, 10,000 rules", peer, answer("cedar", denied, false, authorize)},
			{"bare map of maps", limit, answer("map", granted, true, func(perm string) (bool, error) { return table[me.Role][perm], nil })},
		},
		bars: []bar{
			allocs("guard: Check, granted, 10,000 rules", 0),
			allocs("guard: Check, denied, 10,000 rules", 1),
			allocs("guard: Has, 10,000 rules", 0),
			ratio("guard: Check, granted, 10,000 rules", "casbin: Enforce, granted, 10,000 rules", 1.0/1000),
			ratio("guard: Check, denied, 10,000 rules", "casbin: Enforce, denied, 10,000 rules", 1.0/1000),
		},
	}, nil
}

var (
	me      = member{"1", "role1"}
	granted = permName(3)
)

const denied = "none:0"
