package list_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/owner/list"
)

type User struct {
	ID    string
	Teams []string
	Admin bool
}

type Post struct {
	ID, AuthorID string
	TeamID       *string
	Public       bool
}

// The columns that rules use, declared once.
var (
	authorID = list.NotNull("author_id", func(p Post) string { return p.AuthorID })
	teamID   = list.Nullable("team_id", func(p Post) *string { return p.TeamID })
	isPublic = list.NotNull("public", func(p Post) bool { return p.Public })
)

// readable is the one rule of who may read which posts.
func readable(u User) list.Rule[Post] {
	if u.Admin {
		return list.Everything[Post]()
	}
	return list.Any(authorID.Is(u.ID), teamID.In(u.Teams...), isPublic.Is(true))
}

// One rule hides a post from those who may not read it, and selects the list.
func Example() {
	red := "red"
	posts := map[string]Post{"1": {"1", "bob", nil, true}, "2": {"2", "bob", &red, false}, "3": {"3", "bob", nil, false}}
	load := func(r *http.Request, _ User) (Post, bool, error) {
		p, found := posts[r.PathValue("id")]
		return p, found, nil
	}
	post := guard.Must(owner.New(load, nil)).Visible(func(u User, p Post) bool { return readable(u).Match(p) })
	mux := http.NewServeMux()
	mux.Handle("GET /posts/{id}", post.Load(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "post ", post.From(r.Context()).ID)
	})))
	mux.Handle("GET /posts", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		where, args := readable(u).Where(list.PostgreSQL)
		// rows, err := db.QueryContext(r.Context(), "SELECT id FROM posts WHERE "+where, args...)
		fmt.Fprint(w, where, "\n    ", args)
	}))

	alice := User{ID: "alice", Teams: []string{"red", "blue"}}
	for _, path := range []string{"/posts/1", "/posts/2", "/posts/3", "/posts"} {
		r := httptest.NewRequest("GET", path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), alice))) // in a real chain: guard.Require
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 post 1
	// 200 post 2
	// 404 {"error":"Not Found","message":"Not found"}
	// 200 ((author_id IN ($1)) OR (team_id IN ($2, $3)) OR (public IN ($4)))
	//     [alice red blue true]
}
