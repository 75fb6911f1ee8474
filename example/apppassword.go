package main

import (
	"net/http"

	"github.com/go-guard/guard"
)

func (a *app) passwordRoutes(set settings) (err error) {
	a.reset, err = a.resetLinks(set, "/app/reset")
	a.link(linkPage{
		path: a.reset.path, ask: "reset", form: "reset-link", purpose: a.reset.purpose, links: a.reset.links, letter: a.reset.letter,
		use: func(w http.ResponseWriter, r *http.Request, in linked) error {
			err := a.reset.redeemPassword(r.Context(), in.Token, r.PostForm.Get("password"))
			if err == nil {
				notice(w, r, "/app/login", "reset")
			}
			return err
		},
	})
	a.route("/app/password", a.mine(a.password), a.mine(a.password))
	return err
}

// errChanged is the refusal where another request changed the account first.
var errChanged = &guard.Error{Status: http.StatusConflict, Message: "The account was changed meanwhile. Try again"}

// password changes the password: by the old one or, of an account without one, by a
// recent sign-in.
func (a *app) password(w http.ResponseWriter, r *http.Request, u User) {
	account, _, err := a.users.Account(r.Context(), u.ID) // before the old one is checked: for the swap
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	hasPassword := account.Hash != ""
	change := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			a.page(w, r, http.StatusOK, "password", hasPassword)
			return
		}
		var err error
		if hasPassword {
			_, err = a.attempts.Check(r, u.Email, r.PostForm.Get("old"))
		}
		swapped := false
		if err == nil {
			swapped, err = a.setPassword(r.Context(), account, r.PostForm.Get("password"), a.sessionID(r))
		}
		if err == nil && !swapped {
			err = errChanged
		}
		if err != nil {
			a.mistake(w, r, "password", hasPassword, err)
			return
		}
		notice(w, r, "/app/password", "password")
	})
	if hasPassword {
		change(w, r)
		return
	}
	a.recently()(change).ServeHTTP(w, r)
}
