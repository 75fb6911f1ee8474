package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/signin/password"
)

// signUpRoutes mounts the sign-up. It stores nothing until its link is used: the account
// and its password are of someone who has the mailbox. So no one can prepare an account
// for the address of another person.
func (a *app) signUpRoutes(set settings) (err error) {
	a.verify, err = set.newLinks("verify", "/app/signup", a.signUpState, time.Hour)
	a.link(linkPage{path: "/app/signup", ask: "signup", form: "signup-link", purpose: "verify", links: a.verify, letter: a.signUpLetter, use: a.signUp})
	return err
}

// signUpState is what links of an address are bound to: they end with its account.
func (a *app) signUpState(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	_, email := cutSubject(subject)
	_, _, exists, err := a.users.ByEmail(ctx, email)
	if exists {
		boundTo = "an account"
	}
	return boundTo, true, err
}

func (a *app) signUpLetter(ctx context.Context, email string) (message, bool, error) {
	_, _, exists, err := a.users.ByEmail(ctx, email)
	if exists && err == nil {
		const text = "Someone, perhaps you, wanted to sign up with this address. It has an account already: sign in, or choose a new password there."
		return message{to: email, subject: "You have an account", text: text, url: a.publicURL + "/app/login"}, true, nil
	}
	to := ""
	if err == nil {
		to, err = a.verify.Issue(ctx, addressSubject("", email))
	}
	return message{to: email, subject: "Confirm your address", text: "Confirm your address, and choose a password:", url: to}, to != "", err
}

func (a *app) signUp(w http.ResponseWriter, r *http.Request, in linked) error {
	u := User{ID: strings.ToLower(rand.Text()), Email: in.Address, Role: "user"}
	err := a.verify.Redeem(r.Context(), in.Token, func(ctx context.Context, _ string) error {
		hash, err := password.Hash(ctx, r.PostForm.Get("password"))
		if err != nil {
			return err // 422, or a failure
		}
		created, err := a.users.Create(ctx, backend.Account{ID: u.ID, Email: u.Email, Role: u.Role, Hash: hash, Verified: true})
		if err == nil && !created {
			err = errLink
		}
		return err
	})
	if err == nil {
		_, err = a.create(w, r, u, "pwd")
	}
	if err == nil {
		notice(w, r, "/app/", "welcome")
	}
	return err
}
