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
func (someone) Challenge() string                            { return "Bearer" }

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

func policies(settings) (rows, error) {
	const many = 100 // roles, and permissions of each: 10,000 rules
	small, large := rules(2, 5), rules(many, many)
	me := member{"1", "role1"}
	auth := guard.Require(someone{me})
	r := request("/")
	gate := func(p *rbac.Policy[member, string], gates int) func(int) {
		h := http.Handler(ok)
		for range gates {
			h = p.RequireAll(permName(3))(h)
		}
		return serving(auth(h), r, 200)
	}
	inside := guard.WithPrincipal(context.Background(), me)
	auth(large.RequireAll(permName(3))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = r.Context() }))).
		ServeHTTP(&discard{header: http.Header{}}, r)
	checking := func(perm string, granted bool) func(int) {
		return func(n int) {
			for range n {
				check((large.Check(inside, perm) == nil) == granted, "Check")
			}
		}
	}
	has := large.Has(permName(3))

	enforcer := casbinRules(many, many, me.ID, me.Role)
	enforce := func(perm string, granted bool) func(int) {
		return func(n int) {
			for range n {
				allowed, err := enforcer.Enforce(me.ID, perm)
				check(err == nil && allowed == granted, "casbin")
			}
		}
	}
	set, entities, user := cedarRules(many, many, me.ID, me.Role)
	authorize := func(perm string, granted bool) func(int) {
		ask := cedar.Request{Principal: user, Action: cedar.NewEntityUID("Action", cedar.String(perm)), Resource: user}
		return func(n int) {
			for range n {
				decision, _ := cedar.Authorize(set, entities, ask)
				check(bool(decision) == granted, "cedar")
			}
		}
	}
	table := map[string]map[string]bool{me.Role: {permName(3): true}}
	return rows{
		work: []work{
			{"guard: Check, granted, 10,000 rules", ours, checking(permName(3), true)},
			{"guard: Check, denied, 10,000 rules", ours, checking("none:0", false)},
			{"guard: Has, 10,000 rules", ours, func(n int) {
				for range n {
					check(has(inside), "Has")
				}
			}},
			{"guard: chain and gate, 10 rules", ours, gate(small, 1)},
			{"guard: chain and gate, 10,000 rules", ours, gate(large, 1)},
			{"guard: chain and two gates, 10,000 rules", ours, gate(large, 2)},
			{"guard: chain alone", limit, gate(large, 0)},
			{"casbin: Enforce, granted, 10,000 rules", peer, enforce(permName(3), true)},
			{"casbin: Enforce, denied, 10,000 rules", peer, enforce("none:0", false)},
			{"cedar-go: Authorize, denied, 10,000 rules", peer, authorize("none:0", false)},
			{"bare map of maps", limit, func(n int) {
				for range n {
					check(table[me.Role][permThree], "map")
				}
			}},
		},
		bars: []bar{
			over("guard: chain and gate, 10,000 rules", "guard: chain alone", 60),
			allocsOver("guard: chain and gate, 10,000 rules", "guard: chain alone", 2),
			allocsOver("guard: chain and two gates, 10,000 rules", "guard: chain and gate, 10,000 rules", 0),
			allocs("guard: Check, granted, 10,000 rules", 0),
			allocs("guard: Check, denied, 10,000 rules", 0),
			allocs("guard: Has, 10,000 rules", 0),
			flat("guard: chain and gate, 10,000 rules", "guard: chain and gate, 10 rules", 0.10),
			ratio("guard: Check, granted, 10,000 rules", "casbin: Enforce, granted, 10,000 rules", 1.0/1000),
			ratio("guard: Check, denied, 10,000 rules", "casbin: Enforce, denied, 10,000 rules", 1.0/1000),
		},
	}, nil
}

var permThree = permName(3)
