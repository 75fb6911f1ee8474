package main

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// rbacSection shows roles: routes require a role of the user. Roles are checked
// before a resource is loaded.
func rbacSection(mux *http.ServeMux, tokens guard.Authenticator[User], users *Users) {
	posts := samplePosts()
	authenticated := guard.Require(tokens)
	roles := guard.Must(rbac.New(rbac.Roles("admin", "moderator", "user"), rolesOf, nil))
	adminOnly := roles.WithMessage("Admin access required").RequireRole("admin")
	moderators := roles.WithMessage("Moderator or admin access required").RequireRole("moderator", "admin")

	mux.Handle("GET /rbac/admin/users", guard.Chain(authenticated, adminOnly)(listUsers(users)))
	mux.Handle("DELETE /rbac/posts/{id}", guard.Chain(authenticated, moderators)(deletePost(posts)))
}

func rolesOf(u User) string { return u.Role }

func listUsers(users *Users) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, object{"users": users.All()})
	})
}

func deletePost(posts *Posts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !posts.Delete(r.PathValue("id")) {
			guard.Refuse(w, r, guard.NotFound("Post not found"))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
