package interop

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/go-guard/guard"
)

// HTTPRouter mounts the routes on julienschmidt/httprouter. It has no
// middleware: guard.Chain builds the chains, and RouterParams, the first in each, sets
// the path values.
func HTTPRouter(g *Guards) http.Handler {
	reader := guard.Chain(RouterParams, g.Keys.Wrap, g.Roles.RequireAll(Read))

	r := httprouter.New()
	r.Handler("GET", "/posts/:id", guard.Chain(reader, g.Posts.Load)(http.HandlerFunc(g.Show)))
	r.Handler("PUT", "/posts/:id", guard.Chain(reader, g.Posts.Require(ByAuthor))(http.HandlerFunc(g.Show)))
	r.Handler("DELETE", "/posts/:id", guard.Chain(reader, g.Roles.RequireRole("admin"), g.Posts.Load)(http.HandlerFunc(g.Delete)))
	r.Handler("GET", "/stream", g.Keys.Wrap(http.HandlerFunc(g.Stream)))
	r.Handler("GET", "/hijack", g.Keys.Wrap(http.HandlerFunc(g.Hijack)))
	return r
}

// RouterParams is middleware that sets the path values from httprouter's parameters.
func RouterParams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range httprouter.ParamsFromContext(r.Context()) {
			r.SetPathValue(p.Key, p.Value)
		}
		next.ServeHTTP(w, r)
	})
}
