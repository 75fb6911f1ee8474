package main

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
)

func (a *app) passwordRoutes(set settings) (err error) {
	a.reset, err = a.resetLinks(set, "/app/reset")
	a.link(a.reset.page("reset", "reset-link", func(_ http.ResponseWriter, r *http.Request, in linked) (string, error) {
		return "/app/login?notice=reset", a.reset.redeemPassword(r.Context(), in.Token, r.PostForm.Get("password"))
	}))
	a.route("/app/password", a.password(false), a.password(true))
	return err
}

// password is the page, or its form: it asks for the old password or, of an account without
// one, for a recent sign-in.
func (a *app) password(form bool) http.HandlerFunc {
	return guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		account, _, err := a.users.Account(r.Context(), u.ID) // before the old one is checked: for the swap
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		has := account.Hash != ""
		page := screen[bool]{a, "password", func(*http.Request, User) (bool, error) { return has, nil }}
		do, gate := page.show, a.sudo
		if form {
			do = page.try(a.changePassword(account))
		}
		if has {
			gate = a.mine
		}
		gate(do)(w, r)
	})
}

func (a *app) changePassword(account backend.Account) action {
	return func(_ http.ResponseWriter, r *http.Request, u User) (_ result, err error) {
		if account.Hash != "" {
			_, err = a.logins.Check(r, u.Email, r.PostForm.Get("old"))
		}
		swapped := false
		if err == nil {
			swapped, err = a.setPassword(r.Context(), account, r.PostForm.Get("password"), a.sessionID(r))
		}
		if err == nil && !swapped {
			err = errChanged
		}
		return result{to: "/app/password?notice=password"}, err
	}
}
