package main

import (
	"net/http"

	"github.com/go-guard/guard"
)

// optionalSection shows optional authentication: anonymous clients are served, and
// users see more. In the guide a request with an invalid token is anonymous. Under
// /strict it is refused, which is better: the client learns that its token has
// expired.
func optionalSection(mux *http.ServeMux, tokens guard.Authenticator[User]) {
	list := listPosts(samplePosts())
	mux.Handle("GET /optional/posts", guard.Lenient(tokens)(list))
	mux.Handle("GET /optional/strict/posts", guard.Optional(tokens)(list))
}

// A publicPost is a post as anonymous clients see it.
type publicPost struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Published bool   `json:"published"`
}

func listPosts(posts *Posts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private") // the guard has set Vary
		if _, ok := guard.PrincipalFrom[User](r.Context()); ok {
			reply(w, http.StatusOK, object{"posts": posts.All()})
			return
		}
		public := []publicPost{}
		for _, p := range posts.All() {
			if p.Published {
				public = append(public, publicPost{p.ID, p.Title, p.Published})
			}
		}
		reply(w, http.StatusOK, object{"posts": public})
	})
}
