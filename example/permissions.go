package main

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// A Permission allows one action on one kind of resource.
type Permission string

// The permissions of the application.
const (
	ReadUsers   Permission = "users:read"
	WriteUsers  Permission = "users:write"
	DeleteUsers Permission = "users:delete"
	ReadPosts   Permission = "posts:read"
	WritePosts  Permission = "posts:write"
	DeletePosts Permission = "posts:delete"
)

// policy grants permissions to roles. A role that it does not define has none.
var policy = rbac.Spec[Permission]{
	Permissions: []Permission{ReadUsers, WriteUsers, DeleteUsers, ReadPosts, WritePosts, DeletePosts},
	Roles: map[string]rbac.Role[Permission]{
		"admin":     {Grants: []Permission{"*"}},
		"moderator": {Grants: []Permission{ReadUsers, ReadPosts, WritePosts, DeletePosts}},
		"user":      {Grants: []Permission{ReadPosts, WritePosts}},
	},
}

// permissionsSection shows permissions: routes require a permission, and policy is
// the one table of the roles that have it.
func permissionsSection(mux *http.ServeMux, tokens guard.Authenticator[User], users *Users) {
	authenticated := guard.Require(tokens)
	permissions := guard.Must(rbac.New(policy, rolesOf, nil))

	mux.Handle("GET /permissions/users", guard.Chain(authenticated, permissions.RequireAll(ReadUsers))(listUsers(users)))
	mux.Handle("DELETE /permissions/users/{id}", guard.Chain(authenticated, permissions.RequireAll(DeleteUsers))(deleteUser(users)))
}

func deleteUser(users *Users) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !users.Delete(r.PathValue("id")) {
			guard.Refuse(w, r, guard.NotFound("User not found"))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
