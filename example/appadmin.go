package main

import (
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/rbac"
)

// adminRoutes mounts the page of administrators, which others get 403 for.
func (a *app) adminRoutes(settings) error {
	roles, err := rbac.New(rbac.Roles("admin", "moderator", "user"), rolesOf, nil)
	if err != nil {
		return err
	}
	admins := func(next http.Handler) http.HandlerFunc {
		gate := roles.RequireRole("admin")(next)
		return a.mine(func(w http.ResponseWriter, r *http.Request, _ User) { gate.ServeHTTP(w, r) })
	}
	a.route("/app/admin", admins(http.HandlerFunc(a.showAdmin)), admins(a.recently()(guard.HandlerFunc(a.suspendOrRestore))))
	return nil
}

// maxListed is how many accounts the page shows: a search finds the others.
const maxListed = 100

// found are the accounts whose address has what was searched for.
type found struct {
	Search   string
	Accounts []backend.Account
	More     bool
}

func (a *app) search(r *http.Request) (l found, err error) {
	l.Search = strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q")))
	all, err := a.users.Everyone(r.Context())
	for _, account := range all {
		if !strings.Contains(account.Email, l.Search) {
			continue
		}
		if l.More = len(l.Accounts) == maxListed; l.More {
			break
		}
		account.Hash = ""
		l.Accounts = append(l.Accounts, account)
	}
	return l, err
}

func (a *app) showAdmin(w http.ResponseWriter, r *http.Request) {
	l, err := a.search(r)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	a.page(w, r, http.StatusOK, "admin", l)
}

func (a *app) suspendOrRestore(w http.ResponseWriter, r *http.Request, u User) {
	id, done := r.PostForm.Get("id"), "suspended"
	if r.PostForm.Get("do") == "restore" {
		done = "restored"
	}
	if id == u.ID {
		l, err := a.search(r)
		if err == nil {
			err = &guard.Error{Status: http.StatusConflict, Message: "You cannot suspend yourself: another administrator can"}
		}
		a.mistake(w, r, "admin", l, err)
		return
	}
	exists, err := a.suspend(r.Context(), id, done == "suspended")
	if err == nil && !exists {
		err = guard.NotFound("Account not found")
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	notice(w, r, "/app/admin", done)
}
