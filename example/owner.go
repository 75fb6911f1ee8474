package main

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

// ownerSection shows ownership: only the author of a post, or an admin, may change
// it. The post is loaded and checked in one step, so that no handler gets a post
// that was not checked.
func ownerSection(mux *http.ServeMux, tokens guard.Authenticator[User]) {
	posts := samplePosts()
	post := guard.Must(owner.New(posts.ByPath, nil)).WithMessage("You can only edit your own posts")
	authorOrAdmin := post.Require(mayEdit)

	mux.Handle("PUT /owner/posts/{id}", guard.Chain(guard.Require(tokens), authorOrAdmin)(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var in struct { // the fields that may be changed; others in the body are ignored
				Title     *string `json:"title"`
				Published *bool   `json:"published"`
			}
			if err := readObject(r, &in); err != nil {
				guard.Refuse(w, r, err)
				return
			}
			updated, found := posts.Update(post.From(r.Context()).ID, func(p *Post) {
				if in.Title != nil {
					p.Title = *in.Title
				}
				if in.Published != nil {
					p.Published = *in.Published
				}
			})
			if !found { // deleted since it was loaded
				guard.Refuse(w, r, guard.NotFound("Post not found"))
				return
			}
			reply(w, http.StatusOK, updated)
		})))
}

// mayEdit reports whether u may edit p: authors may edit their own posts, admins
// any post.
func mayEdit(u User, p Post) bool {
	return u.Role == "admin" || owner.Same(u.ID, p.AuthorID)
}
