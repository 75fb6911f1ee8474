package main

import (
	"net/http"

	"github.com/go-guard/guard"
)

// optionalSection: everyone is served, and those who say who they are see more.
// The guide takes a bad token for none; under /strict it is refused, which is
// better: a client learns that its token has expired.
func optionalSection(mux *http.ServeMux, tokens guard.Authenticator[User]) {
	list := listPosts(samplePosts())
	mux.Handle("GET /optional/posts", guard.Lenient(tokens)(list))
	mux.Handle("GET /optional/strict/posts", guard.Optional(tokens)(list))
}

// A publicPost is what strangers see of a post.
type publicPost struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	Published bool   `json:"published"`
}

func listPosts(posts *Posts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private") // the guard has set Vary
		if _, known := guard.PrincipalFrom[User](r.Context()); known {
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
