package rbac_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// Routes that require permissions, which roles grant.
func Example() {
	type Perm string
	const (
		ReadUsers   Perm = "users:read"
		DeleteUsers Perm = "users:delete"
	)
	type User struct{ Name, Role string }

	policy := guard.Must(rbac.New(rbac.Spec[Perm]{
		Permissions: []Perm{ReadUsers, DeleteUsers},
		Roles: map[string]rbac.Role[Perm]{
			"admin":     {Grants: []Perm{"users:*"}},
			"moderator": {Grants: []Perm{ReadUsers}},
		},
	}, func(u User) string { return u.Role }, nil))

	mux := http.NewServeMux()
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") })
	mux.Handle("GET /users", policy.RequireAll(ReadUsers)(answer))
	mux.Handle("DELETE /users/{id}", policy.RequireAll(DeleteUsers)(answer))
	mux.Handle("GET /admin", policy.WithMessage("Admin access required").RequireRole("admin")(answer))

	for _, target := range []string{"GET /users", "DELETE /users/1", "GET /admin"} {
		var method, path string
		fmt.Sscan(target, &method, &path)
		r := httptest.NewRequest(method, path, nil)
		r = r.WithContext(guard.WithPrincipal(r.Context(), User{"Carol", "moderator"})) // in a real chain: guard.Require
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 done
	// 403 {"error":"Forbidden","message":"Permission 'users:delete' required"}
	// 403 {"error":"Forbidden","message":"Admin access required"}
}

// watch swaps the policy whenever the file changes, until ctx ends. A file with a
// mistake is logged once, and changes nothing.
func watch[P any, Perm ~string](ctx context.Context, path string, every time.Duration, policy *rbac.Policy[P, Perm], permissions []Perm) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var seen string
	for {
		data, err := os.ReadFile(path)
		if err == nil && string(data) != seen {
			seen = string(data)
			var spec rbac.Spec[Perm]
			if spec, err = rbac.ParseJSON(data, permissions); err == nil {
				err = policy.Swap(ctx, spec)
			}
		}
		if err != nil {
			slog.Error("the policy is unchanged", "file", path, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Roles from a file that is read again when it changes. Permissions are declared
// in code, so that a typo in the file is an error with its line.
func ExampleParseJSON() {
	dir, err := os.MkdirTemp("", "rbac")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "roles.json")
	permissions := []string{"users:read", "users:delete"}
	file := []byte(`{"roles": {
		"admin":     {"grants": ["users:*"]},
		"moderator": {"grants": ["users:read"]}
	}}`)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		fmt.Println(err)
		return
	}

	spec := guard.Must(rbac.ParseJSON(file, permissions))
	policy := guard.Must(rbac.New(spec, func(role string) string { return role }, nil))
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { watch(ctx, path, 5*time.Second, policy, permissions) })
	defer watching.Wait()
	defer cancel()

	_, err = rbac.ParseJSON([]byte("{\"roles\": {\n\"moderator\": {\"grants\": [\"users:raed\"]}\n}}"), permissions)
	fmt.Println(err)
	fmt.Println(policy.From(guard.WithPrincipal(ctx, "moderator")).Has("users:read"))
	// Output:
	// rbac: line 2: role "moderator": unknown permission "users:raed"
	// true
}

// A role with an exception, and one that takes away what others grant.
func ExampleRole() {
	policy := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"posts:read", "posts:write", "posts:delete"},
		Roles: map[string]rbac.Role[string]{
			"editor": {Grants: []string{"posts:*"}, Denies: []string{"posts:delete"}},
			"admin":  {Grants: []string{"*"}},
			"muted":  {Denies: []string{"posts:write"}},
		},
	}, func(roles []string) []string { return roles }, nil))

	for _, roles := range [][]string{{"editor"}, {"admin"}, {"admin", "muted"}, {"admin", "editor"}} {
		ctx := guard.WithPrincipal(context.Background(), roles)
		fmt.Println(roles, slices.Collect(policy.From(ctx).All()))
	}
	// Output:
	// [editor] [posts:read posts:write]
	// [admin] [posts:read posts:write posts:delete]
	// [admin muted] [posts:read posts:delete]
	// [admin editor] [posts:read posts:write]
}

// Users have other roles in each organisation, which the path names.
func ExampleNewPerTenant() {
	type Perm string
	const (
		ReadPosts   Perm = "posts:read"
		DeletePosts Perm = "posts:delete"
	)
	type User struct{ ID string }
	type membership struct{ org, user string }
	roles := map[membership][]string{{"acme", "alice"}: {"admin"}, {"umbrella", "alice"}: {"member"}}

	policy := guard.Must(rbac.NewPerTenant(rbac.Spec[Perm]{
		Permissions: []Perm{ReadPosts, DeletePosts},
		Roles:       map[string]rbac.Role[Perm]{"admin": {Grants: []Perm{"*"}}, "member": {Grants: []Perm{ReadPosts}}},
	}, func(_ context.Context, u User, org string) (rbac.Membership, bool, error) {
		// err := db.QueryRowContext(ctx, "SELECT … WHERE org = $1 AND user_id = $2", org, u.ID).Scan(…)
		r, member := roles[membership{org, u.ID}]
		return rbac.Membership{Roles: r}, member, nil // an error here is an outage: 5xx, never 403
	}, nil))
	inOrg := policy.In(func(r *http.Request) string { return r.PathValue("org") })

	mux := http.NewServeMux()
	remove := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "deleted") })
	mux.Handle("DELETE /orgs/{org}/posts/{id}", guard.Chain(inOrg, policy.RequireAll(DeletePosts))(remove))

	for _, org := range []string{"acme", "umbrella", "initech"} {
		r := httptest.NewRequest("DELETE", "/orgs/"+org+"/posts/1", nil)
		r = r.WithContext(guard.WithPrincipal(r.Context(), User{"alice"})) // in a real chain: guard.Require
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 deleted
	// 403 {"error":"Forbidden","message":"Permission 'posts:delete' required"}
	// 403 {"error":"Forbidden","message":"Membership required"}
}

// An organisation defines roles. They grant no more than it is allowed to.
func ExamplePolicy_SwapIn() {
	permissions := []string{"posts:read", "posts:write", "billing:pay", "orgs:delete"}
	policy := guard.Must(rbac.NewPerTenant(rbac.Spec[string]{
		Permissions: permissions,
		Roles:       map[string]rbac.Role[string]{"member": {Grants: []string{"posts:read"}}},
	}, func(_ context.Context, user, org string) (rbac.Membership, bool, error) {
		return rbac.Membership{Roles: []string{"member", "Rédacteur"}, Tenant: org}, true, nil
	}, nil))

	ctx := guard.WithPrincipal(context.Background(), "alice")
	customer := []byte(`{"roles": {"Rédacteur": {"grants": ["*"], "denies": ["billing:*"]}}}`)
	spec := guard.Must(rbac.ParseJSON(customer, permissions[:3])) // not orgs:delete
	if err := policy.SwapIn(ctx, "acme", spec); err != nil {
		fmt.Println(err)
	}
	inAcme := guard.Must(policy.Enter(ctx, "acme"))
	fmt.Println(slices.Collect(policy.From(inAcme).All()))
	// Output:
	// [posts:read posts:write]
}

// The scopes of a credential limit its principal: an admin's key allows what both
// the admin and the key allow. The scopes of an *apikey.Record need no option.
func ExampleOptions() {
	type record struct{ Scopes []string }
	policy := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"posts:read", "posts:write"},
		Roles:       map[string]rbac.Role[string]{"admin": {Grants: []string{"*"}}},
	}, func(role string) string { return role }, &rbac.Options{
		ScopeLimit: func(ctx context.Context) ([]string, bool) {
			rec, limited := guard.CredentialFrom[*record](ctx)
			if !limited { // another credential, such as a session
				return nil, false
			}
			return rec.Scopes, true
		},
	}))

	ctx := guard.WithPrincipal(context.Background(), &record{Scopes: []string{"posts:read"}})
	ctx = guard.WithPrincipal(ctx, "admin")
	granted := policy.From(ctx)
	fmt.Println(granted.Has("posts:read"), granted.Has("posts:write"))
	// Output:
	// true false
}
