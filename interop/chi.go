package interop

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Chi mounts the routes on chi, which fills the path values itself. With and
// Group stand behind the router; Use on the outermost router stands in front
// of it, where there are no path values: authenticate there if you like, but
// leave owner to the route.
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
