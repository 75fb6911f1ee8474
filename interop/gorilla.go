package interop

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/go-guard/guard"
)

// Gorilla mounts the routes on gorilla/mux. Middleware of Use runs after routing, so
// that MuxVars, the first, can set the path values.
func Gorilla(g *Guards) http.Handler {
	r := mux.NewRouter()
	posts := r.PathPrefix("/posts/{id}").Subrouter()
	posts.Use(MuxVars, g.Keys.Wrap, g.Roles.RequireAll(Read))
	posts.Methods("GET").Handler(g.Posts.Load(http.HandlerFunc(g.Show)))
	posts.Methods("PUT").Handler(g.Posts.Require(ByAuthor)(http.HandlerFunc(g.Show)))
	posts.Methods("DELETE").Handler(guard.Chain(g.Roles.RequireRole("admin"), g.Posts.Load)(http.HandlerFunc(g.Delete)))
	r.Methods("GET").Path("/stream").Handler(g.Keys.Wrap(http.HandlerFunc(g.Stream)))
	r.Methods("GET").Path("/hijack").Handler(g.Keys.Wrap(http.HandlerFunc(g.Hijack)))
	return r
}

// MuxVars is middleware that sets the path values from gorilla/mux's variables.
func MuxVars(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range mux.Vars(r) {
			r.SetPathValue(name, value)
		}
		next.ServeHTTP(w, r)
	})
}
