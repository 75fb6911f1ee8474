package owner_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

// Users edit their own posts.
func Example() {
	type User struct{ ID string }
	type Post struct{ ID, AuthorID, Title string }
	posts := map[string]Post{"1": {"1", "alice", "Post 1"}, "2": {"2", "bob", "Post 2"}}

	load := func(r *http.Request, _ User) (Post, bool, error) {
		p, found := posts[r.PathValue("id")]
		return p, found, nil // an error here is an outage: 5xx, never 404
	}
	byAuthor := func(u User, p Post) bool { return owner.Same(u.ID, p.AuthorID) }

	post := guard.Must(owner.New(load, nil)).WithMessage("You can only edit your own posts")
	edit := func(w http.ResponseWriter, r *http.Request) {
		p := post.From(r.Context()) // loaded and checked
		fmt.Fprintf(w, "edited %q", p.Title)
	}
	mux := http.NewServeMux()
	mux.Handle("PUT /posts/{id}", post.Require(byAuthor)(http.HandlerFunc(edit)))

	for _, id := range []string{"1", "2", "3"} {
		r := httptest.NewRequest("PUT", "/posts/"+id, nil)
		r = r.WithContext(guard.WithPrincipal(r.Context(), User{"alice"})) // in a real chain: guard.Require
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 edited "Post 1"
	// 403 {"error":"Forbidden","message":"You can only edit your own posts"}
	// 404 {"error":"Not Found","message":"Not found"}
}

// A loader that queries a database lists the errors that mean absence. HideAll
// makes another owner's resource look like a missing one. A query for the
// principal's own resources alone hides the difference in duration, too.
func ExampleOptions() {
	type User struct{ ID string }
	type Note struct{ AuthorID string }
	notes := guard.Must(owner.New(func(r *http.Request, u User) (n Note, found bool, err error) {
		// err = db.QueryRowContext(r.Context(), "SELECT … WHERE id = $1 AND author_id = $2", r.PathValue("id"), u.ID).Scan(…)
		err = fmt.Errorf("note: %w", sql.ErrNoRows)
		return n, err == nil, err
	}, &owner.Options{NotFound: []error{sql.ErrNoRows}, HideAll: true}))

	h := notes.Require(func(u User, n Note) bool { return owner.Same(u.ID, n.AuthorID) })(http.NotFoundHandler())
	r := httptest.NewRequest("GET", "/notes/1", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{"alice"})))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 404 {"error":"Not Found","message":"Not found"}
}
