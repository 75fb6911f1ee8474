package interop

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/go-guard/guard"
)

// Gorilla mounts the routes on gorilla/mux. Its Use runs behind the router, so
// MuxVars, first in line, hands the variables on as path values.
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

// MuxVars hands gorilla/mux's variables on as path values.
func MuxVars(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range mux.Vars(r) {
			r.SetPathValue(name, value)
		}
		next.ServeHTTP(w, r)
	})
}
