package interop

import (
	"net/http"

	"github.com/go-guard/guard"
)

// ServeMux mounts the routes on the standard library's router, which sets the
// path values itself.
func ServeMux(g *Guards) http.Handler {
	reader := guard.Chain(g.Keys.Wrap, g.Roles.RequireAll(Read))

	mux := http.NewServeMux()
	mux.Handle("GET /posts/{id}", guard.Chain(reader, g.Posts.Load)(http.HandlerFunc(g.Show)))
	mux.Handle("PUT /posts/{id}", guard.Chain(reader, g.Posts.Require(ByAuthor))(http.HandlerFunc(g.Show)))
	mux.Handle("DELETE /posts/{id}", guard.Chain(reader, g.Roles.RequireRole("admin"), g.Posts.Load)(http.HandlerFunc(g.Delete)))
	mux.Handle("GET /stream", g.Keys.Wrap(http.HandlerFunc(g.Stream)))
	mux.Handle("GET /hijack", g.Keys.Wrap(http.HandlerFunc(g.Hijack)))
	return mux
}
