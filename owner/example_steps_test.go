package owner_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

type User struct {
	ID    string
	Admin bool
}

type Post struct {
	ID, AuthorID string
	Draft        bool
}

// load finds the post that the path names. In a program it queries a database.
func load(r *http.Request, _ User) (p Post, found bool, err error) {
	posts := map[string]Post{"1": {"1", "alice", false}, "2": {"2", "bob", false}, "3": {"3", "bob", true}}
	p, found = posts[r.PathValue("id")]
	return p, found, nil
}

func isAuthor(u User, p Post) bool { return owner.Same(u.ID, p.AuthorID) }

// show serves a route for u, and prints the status of each post.
func show(u User, pattern string, h http.Handler) {
	mux := http.NewServeMux()
	mux.Handle(pattern, h)
	for _, id := range []string{"1", "2", "3", "4"} {
		r := httptest.NewRequest("GET", "/posts/"+id, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), u))) // in a program: guard.Require
		fmt.Println(id, w.Code, w.Body)
	}
}

// The loader returns found == false for a post that does not exist, and an error for a
// failure. A *guard.Error of its own is the answer.
func ExampleNew() {
	posts := guard.Must(owner.New(func(r *http.Request, u User) (Post, bool, error) {
		if len(r.PathValue("id")) > 20 {
			return Post{}, false, &guard.Error{Status: http.StatusBadRequest, Message: "No such id"}
		}
		return load(r, u)
	}, &owner.Options{Missing: "No such post"}))

	show(User{ID: "alice"}, "GET /posts/{id}", posts.Require(isAuthor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "yours")
	})))
	// Output:
	// 1 200 yours
	// 2 403 {"error":"Forbidden","message":"Access denied"}
	// 3 403 {"error":"Forbidden","message":"Access denied"}
	// 4 404 {"error":"Not Found","message":"No such post"}
}

// Authors alone edit a post. Require is the middleware of one route; each has its own rule.
func ExampleResource_Require() {
	posts := guard.Must(owner.New(load, nil))
	edit := posts.Require(func(u User, p Post) bool { return owner.Same(u.ID, p.AuthorID) && p.Draft })

	show(User{ID: "bob"}, "GET /posts/{id}", edit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the draft")
	})))
	// Output:
	// 1 403 {"error":"Forbidden","message":"Access denied"}
	// 2 403 {"error":"Forbidden","message":"Access denied"}
	// 3 200 the draft
	// 4 404 {"error":"Not Found","message":"Not found"}
}

// The handler does not load the post again: From returns the one that was checked.
func ExampleResource_From() {
	posts := guard.Must(owner.New(load, nil))
	show(User{ID: "alice"}, "GET /posts/{id}", posts.Load(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := posts.From(r.Context())
		fmt.Fprint(w, "by ", p.AuthorID)
	})))
	// Output:
	// 1 200 by alice
	// 2 200 by bob
	// 3 200 by bob
	// 4 404 {"error":"Not Found","message":"Not found"}
}

// Everyone who is signed in reads every post that is visible.
func ExampleResource_Load() {
	posts := guard.Must(owner.New(load, nil)).Visible(func(u User, p Post) bool { return !p.Draft || isAuthor(u, p) })
	show(User{ID: "alice"}, "GET /posts/{id}", posts.Load(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "post ", posts.From(r.Context()).ID)
	})))
	// Output:
	// 1 200 post 1
	// 2 200 post 2
	// 3 404 {"error":"Not Found","message":"Not found"}
	// 4 404 {"error":"Not Found","message":"Not found"}
}

// The draft of another author looks like a missing post: 404, and 403 for other posts.
func ExampleResource_Visible() {
	posts := guard.Must(owner.New(load, nil)).Visible(func(u User, p Post) bool { return !p.Draft || isAuthor(u, p) })
	show(User{ID: "alice"}, "GET /posts/{id}", posts.Require(isAuthor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "yours")
	})))
	// Output:
	// 1 200 yours
	// 2 403 {"error":"Forbidden","message":"Access denied"}
	// 3 404 {"error":"Not Found","message":"Not found"}
	// 4 404 {"error":"Not Found","message":"Not found"}
}

// Administrators have access to every post. With package rbac, the function is
// policy.Has(EditAnyPost).
func ExampleResource_Bypass() {
	isAdmin := func(ctx context.Context) (bool, error) {
		u, found := guard.PrincipalFrom[User](ctx)
		return found && u.Admin, nil
	}
	posts := guard.Must(owner.New(load, nil)).Bypass(isAdmin)
	show(User{ID: "root", Admin: true}, "GET /posts/{id}", posts.Require(isAuthor)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "by ", posts.From(r.Context()).AuthorID)
	})))
	// Output:
	// 1 200 by alice
	// 2 200 by bob
	// 3 200 by bob
	// 4 404 {"error":"Not Found","message":"Not found"}
}

// Two routes of one resource refuse in different words.
func ExampleResource_WithMessage() {
	posts := guard.Must(owner.New(load, nil))
	done := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "done") })
	mux := http.NewServeMux()
	mux.Handle("PUT /posts/{id}", posts.WithMessage("You can only edit your own posts").Require(isAuthor)(done))
	mux.Handle("DELETE /posts/{id}", posts.WithMessage("You can only delete your own posts").Require(isAuthor)(done))

	for _, method := range []string{"PUT", "DELETE"} {
		r := httptest.NewRequest(method, "/posts/2", nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{ID: "alice"})))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 403 {"error":"Forbidden","message":"You can only edit your own posts"}
	// 403 {"error":"Forbidden","message":"You can only delete your own posts"}
}

// A post of no author belongs to no one, also not to a user whose id is empty by mistake.
func ExampleSame() {
	fmt.Println(owner.Same("alice", "alice"), owner.Same("alice", "bob"))
	fmt.Println(owner.Same("", ""), owner.Same(0, 0))
	// Output:
	// true false
	// false false
}
