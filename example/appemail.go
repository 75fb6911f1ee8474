package main

import (
	"context"
	"errors"
	"net/http"
	"time"
)

func (a *app) emailRoutes(set settings) (err error) {
	var errs [3]error
	a.change, errs[0] = set.newLinks("email", "/app/email/link", a.changeState, time.Hour)
	a.undo, errs[1] = set.newLinks("undo", "/app/email/undo", a.undoState, undoFor)
	a.changes, errs[2] = newAddressChanges(set.stores.Once)
	a.route("/app/email", a.sudo(func(w http.ResponseWriter, r *http.Request, _ User) { a.page(w, r, http.StatusOK, "email", nil) }), a.sudo(a.askEmail))
	a.link(linkPage{path: "/app/email/link", form: "email-link", links: a.change, use: a.changeEmail})
	a.link(linkPage{path: "/app/email/undo", form: "email-undo", links: a.undo, use: a.undoEmail})
	return errors.Join(errs[:]...)
}

func (a *app) askEmail(w http.ResponseWriter, r *http.Request, u User) {
	if email, _ := sentEmail(r); email == u.Email {
		a.invalid(w, r, "email", nil, map[string]string{"email": "That is your address already."})
		return
	}
	if err := a.changes.try(r.Context(), u.ID, nil); err != nil {
		a.mistake(w, r, "email", nil, err)
		return
	}
	a.askForMail(w, r, "email", "email", func(ctx context.Context, email string) (message, bool, error) {
		if _, _, exists, err := a.users.ByEmail(ctx, email); err != nil || exists {
			return message{to: email, subject: "You have an account", text: "Someone wanted to use this address for another account. Nothing was changed."}, err == nil, err
		}
		to, err := a.change.Issue(ctx, addressSubject(u.ID, email))
		return message{to: email, subject: "Confirm your address", text: "Confirm the new address of your account:", url: to}, to != "", err
	})
}

// changeEmail changes an address, and ends all other sessions and the links that went to
// the old address.
func (a *app) changeEmail(w http.ResponseWriter, r *http.Request, in linked) error {
	err := a.change.Redeem(r.Context(), in.Token, func(ctx context.Context, subject string) error {
		id, _ := cutSubject(subject)
		return a.changes.try(ctx, id, func() error { return a.setEmail(ctx, User{ID: id, Email: in.Email}, in.Address) })
	})
	if err == nil {
		notice(w, r, "/app/", "email")
	}
	return err
}

// undoEmail also removes the password, which a thief may know.
func (a *app) undoEmail(w http.ResponseWriter, r *http.Request, in linked) error {
	err := a.undo.Redeem(r.Context(), in.Token, func(ctx context.Context, subject string) error {
		id, email := cutSubject(subject)
		err := a.undoAddress(ctx, id, email)
		if err == nil {
			err = a.sendTo(ctx, email, a.reset.purpose, a.reset.letter)
		}
		return err
	})
	if err == nil {
		notice(w, r, "/app/login", "undone")
	}
	return err
}
