// Package interop shows guard in the common routers, with the same guards, handlers
// and responses. Each router has one file to copy from. The tests send the same
// requests to all of them.
//
// A guard is a func(http.Handler) http.Handler, which most routers accept as it is.
// Each file shows how its router does two things:
//
//   - set the path values, which owner's loader reads by r.PathValue;
//   - run guards after routing, since before it there are no path values.
package interop

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/rbac"
)

// User is the principal.
type User struct{ ID, Name, Role string }

// Post is the resource. Its author owns it.
type Post struct{ ID, Title, Author string }

// Perm is a permission.
type Perm string

// The permissions.
const (
	Read  Perm = "posts:read"
	Write Perm = "posts:write"
)

// Guards holds the guards and the handlers of the routes.
type Guards struct {
	Keys  *apikey.Keys[User]
	Roles *rbac.Policy[User, Perm]
	Posts *owner.Resource[User, Post]
	Lines chan string // sent by Stream
}

// NewGuards returns guards for a few users and posts.
func NewGuards() *Guards {
	users := map[string]User{
		"key_alice": {"1", "Alice", "admin"},
		"key_bob":   {"2", "Bob", "user"},
		"key_carol": {"3", "Carol", "guest"},
	}
	posts := map[string]Post{
		"1": {"1", "Post 1", "1"},
		"2": {"2", "Post 2", "2"},
		"é": {"é", "Post é", "2"},
	}
	return &Guards{
		Keys: guard.Must(apikey.New(func(_ context.Context, key string) (User, bool, error) {
			u, found := users[key]
			return u, found, nil
		}, nil)),
		Roles: guard.Must(rbac.New(rbac.Spec[Perm]{
			Permissions: []Perm{Read, Write},
			Roles: map[string]rbac.Role[Perm]{
				"admin": {Grants: []Perm{"posts:*"}},
				"user":  {Grants: []Perm{Read, Write}},
			},
		}, func(u User) string { return u.Role }, nil)),
		Posts: guard.Must(owner.New(func(r *http.Request, _ User) (Post, bool, error) {
			p, found := posts[r.PathValue("id")]
			return p, found, nil
		}, nil)),
		Lines: make(chan string),
	}
}

// ByAuthor allows access to the author of a post.
func ByAuthor(u User, p Post) bool { return owner.Same(u.ID, p.Author) }

// Show responds with the values that the guards have put into the context.
func (g *Guards) Show(w http.ResponseWriter, r *http.Request) {
	user, _ := guard.PrincipalFrom[User](r.Context())
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(g.view(r.Context(), user))
}

// A View is the response of Show.
type View struct {
	User  string `json:"user"`
	Write bool   `json:"may_write"`
	Post  string `json:"post"`
}

func (g *Guards) view(ctx context.Context, u User) View {
	return View{User: u.Name, Write: g.Roles.From(ctx).Has(Write), Post: g.Posts.From(ctx).Title}
}

// Delete responds as if it had deleted the post.
func (g *Guards) Delete(w http.ResponseWriter, r *http.Request) {
	_ = g.Posts.From(r.Context())
	w.WriteHeader(http.StatusNoContent)
}

// Stream sends each line immediately: guards do not buffer responses.
func (g *Guards) Stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for line := range g.Lines {
		io.WriteString(w, line+"\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
	}
}

// Hijack takes over the connection, as a WebSocket does.
func (g *Guards) Hijack(w http.ResponseWriter, r *http.Request) {
	user, _ := guard.PrincipalFrom[User](r.Context())
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	defer conn.Close()
	buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello " + user.Name + "\n")
	buf.Flush()
}
