package interop

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Chi mounts the routes on chi, which sets the path values itself. Middleware of With
// and Group runs after routing. Middleware of Use on the outermost router runs before
// routing, when there are no path values: authentication may be there, but owner must
// be at the route.
func Chi(g *Guards) http.Handler {
	r := chi.NewRouter()
	r.Group(func(r chi.Router) {
		r.Use(g.Keys.Wrap, g.Roles.RequireAll(Read))
		r.With(g.Posts.Load).Get("/posts/{id}", g.Show)
		r.With(g.Posts.Require(ByAuthor)).Put("/posts/{id}", g.Show)
		r.With(g.Roles.RequireRole("admin"), g.Posts.Load).Delete("/posts/{id}", g.Delete)
	})
	r.With(g.Keys.Wrap).Get("/stream", g.Stream)
	r.With(g.Keys.Wrap).Get("/hijack", g.Hijack)
	return r
}
