package rbac_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// An administrator changes what moderators may do; no process restarts.
func ExamplePolicy_Swap() {
	permissions := []string{"posts:read", "posts:delete"}
	policy := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: permissions,
		Roles:       map[string]rbac.Role[string]{"moderator": {Grants: []string{"posts:read"}}},
	}, func(role string) string { return role }, nil))

	moderator := guard.WithPrincipal(context.Background(), "moderator")
	for _, grants := range []string{"posts:*", "psts:*"} {
		roles := map[string]rbac.Role[string]{"moderator": {Grants: []string{grants}}}
		if err := policy.Swap(context.Background(), rbac.Spec[string]{Roles: roles}); err != nil {
			fmt.Println(err) // and nothing has changed
		}
		fmt.Println(slices.Collect(policy.From(moderator).All()))
	}
	// Output:
	// [posts:read posts:delete]
	// rbac: role "moderator": wildcard "psts:*" matches no permission
	// [posts:read posts:delete]
}

// Several processes report which roles they use.
func ExamplePolicy_Generation() {
	spec := rbac.Roles("admin")
	policy := guard.Must(rbac.New(spec, func(role string) string { return role }, nil))
	fmt.Println(policy.Generation())
	if err := policy.Swap(context.Background(), spec); err != nil {
		fmt.Println(err)
	}
	fmt.Println(policy.Generation())
	// Output:
	// 1
	// 2
}

// A long request, such as an export, notices that the roles changed since it began.
func ExampleGranted_Generation() {
	spec := rbac.Roles("admin")
	policy := guard.Must(rbac.New(spec, func(role string) string { return role }, nil))
	granted := policy.From(guard.WithPrincipal(context.Background(), "admin"))
	if err := policy.Swap(context.Background(), spec); err != nil {
		fmt.Println(err)
	}
	fmt.Println(granted.Generation() == policy.Generation())
	// Output: false
}

// newOrgs returns a policy for users with other roles in each organisation.
func newOrgs() *rbac.Policy[string, string] {
	roles := map[[2]string][]string{{"acme", "alice"}: {"admin"}, {"umbrella", "alice"}: {"reader"}} // of a database
	return guard.Must(rbac.NewPerTenant(rbac.Spec[string]{
		Permissions: []string{"posts:read", "posts:write"},
		Roles:       map[string]rbac.Role[string]{"admin": {Grants: []string{"*"}}, "reader": {Grants: []string{"posts:read"}}},
	}, func(_ context.Context, user, org string) (rbac.Membership, bool, error) {
		names, member := roles[[2]string{org, user}]
		return rbac.Membership{Roles: names}, member, nil
	}, nil))
}

// The path names the organisation, and the gate admits its members alone.
func ExamplePolicy_In() {
	policy := newOrgs()
	inOrg := policy.In(func(r *http.Request) string { return r.PathValue("org") })
	mux := http.NewServeMux()
	mux.Handle("POST /orgs/{org}/posts", guard.Chain(inOrg, policy.RequireAll("posts:write"))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "written") })))

	for _, org := range []string{"acme", "umbrella", "initech"} {
		r := httptest.NewRequest("POST", "/orgs/"+org+"/posts", nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), "alice"))) // in a program: guard.Require
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 written
	// 403 {"error":"Forbidden","message":"Permission 'posts:write' required"}
	// 403 {"error":"Forbidden","message":"Membership required"}
}

// The body names a second organisation, to which a post is copied.
func ExamplePolicy_Enter() {
	policy := newOrgs()
	copyTo := func(ctx context.Context, org string) error {
		target, err := policy.Enter(ctx, org)
		if err != nil {
			return err // 401, 403 or 5xx, for guard.Refuse
		}
		return policy.Check(target, "posts:write")
	}

	alice := guard.WithPrincipal(context.Background(), "alice")
	for _, org := range []string{"acme", "umbrella", "initech"} {
		fmt.Println(org, copyTo(alice, org))
	}
	// Output:
	// acme <nil>
	// umbrella guard: 403 Forbidden: Permission 'posts:write' required: rbac: not granted
	// initech guard: 403 Forbidden: Membership required: rbac: not a member of tenant "initech"
}
