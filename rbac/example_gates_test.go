package rbac_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

type Perm string

const (
	ReadPosts   Perm = "posts:read"
	WritePosts  Perm = "posts:write"
	DeletePosts Perm = "posts:delete"
)

type User struct{ Name, Role string }

func (u User) role() string { return u.Role }

// blog is the policy of the examples.
var blog = rbac.Spec[Perm]{
	Permissions: []Perm{ReadPosts, WritePosts, DeletePosts},
	Roles: map[string]rbac.Role[Perm]{
		"admin":  {Grants: []Perm{"*"}, Inherits: []string{"editor"}},
		"editor": {Grants: []Perm{ReadPosts, WritePosts}},
		"reader": {Grants: []Perm{ReadPosts}},
	},
}

// show sends a request of each role through a gate, and prints the answers.
func show(gate guard.Middleware, roles ...string) {
	h := gate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") }))
	for _, role := range roles {
		r := httptest.NewRequest("POST", "/posts", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(asUser(User{"Alice", role}))) // in a program: guard.Require
		fmt.Println(role, w.Code, w.Body)
	}
}

// asUser returns the context of a request of u. In a program, guard.Require makes it.
func asUser(u User) context.Context { return guard.WithPrincipal(context.Background(), u) }

// The second argument returns the name of a user's role, or a []string of names. The error
// has every mistake of the policy.
func ExampleNew() {
	policy, err := rbac.New(blog, func(u User) string { return u.Role }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(policy.RequireAll(DeletePosts), "admin", "editor")

	_, err = rbac.New(rbac.Spec[Perm]{
		Permissions: []Perm{ReadPosts},
		Roles:       map[string]rbac.Role[Perm]{"reader": {Grants: []Perm{"posts:raed"}, Inherits: []string{"guest"}}},
	}, User.role, nil)
	fmt.Println(err)
	// Output:
	// admin 200 done
	// editor 403 {"error":"Forbidden","message":"Permission 'posts:delete' required"}
	// rbac: role "reader": unknown permission "posts:raed"
	// rbac: role "reader" inherits the unknown role "guest"
}

// Another policy engine decides, such as casbin or cedar.
func ExampleNewDecided() {
	policy := guard.Must(rbac.NewDecided([]Perm{ReadPosts, WritePosts}, func(ctx context.Context, u User, perm Perm) (bool, error) {
		// allowed, err := enforcer.Enforce(u.Name, string(perm))
		return perm == ReadPosts, nil // an error here is a failure of the engine: 5xx
	}, nil))

	show(policy.RequireAll(ReadPosts), "editor")
	show(policy.RequireAll(WritePosts), "editor")
	// Output:
	// editor 200 done
	// editor 403 {"error":"Forbidden","message":"Permission 'posts:write' required"}
}

// Each of the permissions is required.
func ExamplePolicy_RequireAll() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	show(policy.RequireAll(ReadPosts, WritePosts), "editor", "reader")
	// Output:
	// editor 200 done
	// reader 403 {"error":"Forbidden","message":"Permissions 'posts:read' and 'posts:write' required"}
}

// One of the permissions is enough.
func ExamplePolicy_RequireAny() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	show(policy.RequireAny(WritePosts, DeletePosts), "editor", "reader")
	// Output:
	// editor 200 done
	// reader 403 {"error":"Forbidden","message":"Permission 'posts:write' or 'posts:delete' required"}
}

// An admin is an editor by inheritance. A permission says more than a role: require one
// where you can.
func ExamplePolicy_RequireRole() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	show(policy.RequireRole("editor"), "admin", "editor", "reader")
	// Output:
	// admin 200 done
	// editor 200 done
	// reader 403 {"error":"Forbidden","message":"Role 'editor' required"}
}

// A program that needs roles alone declares no permissions.
func ExampleRoles() {
	policy := guard.Must(rbac.New(rbac.Roles("admin", "support"), User.role, nil))
	show(policy.RequireRole("admin", "support"), "support", "customer")
	// Output:
	// support 200 done
	// customer 403 {"error":"Forbidden","message":"Role 'admin' or 'support' required"}
}

// Some routes have a sentence of their own.
func ExamplePolicy_WithMessage() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	show(policy.WithMessage("Only editors publish posts").RequireAll(WritePosts), "reader")
	// Output: reader 403 {"error":"Forbidden","message":"Only editors publish posts"}
}

// A handler that learns from the body what the request is about.
func ExamplePolicy_Check() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	h := func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("action") == "delete" {
			if err := policy.Check(r.Context(), DeletePosts); err != nil {
				guard.Refuse(w, r, err) // 401, 403 or 5xx
				return
			}
		}
		fmt.Fprint(w, "done")
	}

	r := httptest.NewRequest("POST", "/posts/1?action=delete", nil)
	w := httptest.NewRecorder()
	h(w, r.WithContext(asUser(User{"Alice", "editor"})))
	fmt.Println(w.Code, w.Body)
	// Output: 403 {"error":"Forbidden","message":"Permission 'posts:delete' required"}
}

// Has is the function that Bypass of package owner takes.
func ExamplePolicy_Has() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	mayDeleteAny := policy.Has(DeletePosts) // posts.Bypass(policy.Has(DeletePosts))

	for _, role := range []string{"admin", "editor"} {
		allowed, err := mayDeleteAny(asUser(User{"Alice", role}))
		fmt.Println(role, allowed, err)
	}
	// Output:
	// admin true <nil>
	// editor false <nil>
}

// An answer lists what the client may offer its user.
func ExamplePolicy_From() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	h := func(w http.ResponseWriter, r *http.Request) {
		granted := policy.From(r.Context())
		fmt.Fprintf(w, `{"title":"Post 1","canEdit":%t}`, granted.Has(WritePosts))
	}

	r := httptest.NewRequest("GET", "/posts/1", nil)
	w := httptest.NewRecorder()
	h(w, r.WithContext(asUser(User{"Alice", "editor"})))
	fmt.Println(w.Body)
	// Output: {"title":"Post 1","canEdit":true}
}

// A template shows a button only to those who may use it.
func ExampleGranted_Has() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	page := template.Must(template.New("").Parse(`<h1>Post 1</h1>{{if .Has "posts:delete"}}<button>Delete</button>{{end}}` + "\n"))
	for _, role := range []string{"admin", "reader"} {
		if err := page.Execute(os.Stdout, policy.From(asUser(User{"Alice", role}))); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// <h1>Post 1</h1><button>Delete</button>
	// <h1>Post 1</h1>
}

// A page shows a link to its administrators. An admin is an editor, too, by inheritance.
func ExampleGranted_HasRole() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	granted := policy.From(asUser(User{"Alice", "admin"}))
	fmt.Println(granted.HasRole("admin"), granted.HasRole("editor"), granted.HasRole("reader"))
	// Output: true true false
}

// All permissions of the user, for a single-page application.
func ExampleGranted_All() {
	policy := guard.Must(rbac.New(blog, User.role, nil))
	fmt.Println(slices.Collect(policy.From(asUser(User{"Alice", "editor"})).All()))
	// Output: [posts:read posts:write]
}
