package main

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// adminRoutes mounts the page of administrators, which others get 403 for.
func (a *app) adminRoutes(settings) error {
	roles, err := rbac.New(rbac.Roles("admin", "moderator", "user"), rolesOf, nil)
	if err != nil {
		return err
	}
	admins, accounts := roles.RequireRole("admin"), screen[found]{a, "admin", a.search}
	a.route("/app/admin", admins(a.mine(accounts.show)).ServeHTTP, admins(a.sudo(accounts.try(a.suspendOrRestore))).ServeHTTP)
	return nil
}

func (a *app) search(r *http.Request, _ User) (found, error) {
	return a.users.Search(r.Context(), r.URL.Query().Get("q"))
}

func (a *app) suspendOrRestore(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	id, done := r.PostForm.Get("id"), "suspended"
	if r.PostForm.Get("do") == "restore" {
		done = "restored"
	}
	if id == u.ID {
		return result{}, conflict("You cannot suspend yourself: another administrator can")
	}
	exists, err := a.suspend(r.Context(), id, done == "suspended")
	if err == nil && !exists {
		err = guard.NotFound("Account not found")
	}
	return result{to: "/app/admin?notice=" + done}, err
}
