package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
)

// undoFor is how long a change of the address can be undone.
const undoFor = 7 * 24 * time.Hour

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

// changeState binds a link that confirms an address to the account as it is.
func (a *app) changeState(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	id, _ := cutSubject(subject)
	u, found, err := a.users.ByID(ctx, id)
	if err != nil || !found {
		return "", found, err
	}
	epoch, err := a.sessions.Epoch(ctx, id)
	return fmt.Sprint(epoch, " ", u.Email), true, err
}

// undoState binds the undoing of a change to the address alone: a thief who changes the
// password, or ends all sessions, does not end it.
func (a *app) undoState(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	id, email := cutSubject(subject)
	u, found, err := a.users.ByID(ctx, id)
	if u.Email == email {
		boundTo = "undone"
	}
	return boundTo, found, err
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

func (a *app) setEmail(ctx context.Context, u User, email string) error {
	swapped, err := a.users.SetEmail(ctx, u, email)
	if err == nil && !swapped {
		err = errLink // taken meanwhile, or changed
	}
	if err != nil {
		return err
	}
	changed := User{ID: u.ID, Email: email}
	to, err := a.undo.Issue(ctx, addressSubject(u.ID, u.Email))
	if err == nil {
		text := "The address of your account is " + email + " now. If that was not you, undo it within seven days. That ends all sessions:"
		err = a.mails.later(func(context.Context) (message, bool, error) {
			return message{to: u.Email, subject: "Your e-mail address was changed", text: text, url: to}, true, nil
		})
	}
	if err != nil { // never without a way to undo it
		_, back := a.users.SetEmail(ctx, changed, u.Email)
		return errors.Join(unavailable(err), back)
	}
	a.mails.notify(changed, "Your account has this address now.")
	keep := ""
	if s, ok := a.session(ctx); ok && s.Sub() == u.ID {
		keep = s.ID()
	}
	_, err = a.sessions.DestroyAll(ctx, u.ID, keep)
	return err
}

// undoEmail also removes the password, which a thief may know.
func (a *app) undoEmail(w http.ResponseWriter, r *http.Request, in linked) error {
	err := a.undo.Redeem(r.Context(), in.Token, func(ctx context.Context, subject string) error {
		id, email := cutSubject(subject)
		account, _, err := a.users.Account(ctx, id)
		swapped := false
		if err == nil {
			swapped, err = a.users.SetHash(ctx, userOf(account), account.Hash, "")
		}
		if err == nil && swapped {
			swapped, err = a.users.SetEmail(ctx, userOf(account), email)
		}
		if err == nil && !swapped {
			err = errChanged
		}
		if err == nil {
			_, err = a.sessions.DestroyAll(ctx, id)
		}
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

// addressChanges lets an account change its address once in the time in which that can be
// undone. Otherwise a thief would change it twice, and undo the second change after the
// owner has undone the first.
type addressChanges struct{ store once.Store }

func newAddressChanges(store once.Store) (addressChanges, error) {
	if store != nil {
		return addressChanges{store}, nil
	}
	memory, err := once.NewMemory(nil)
	return addressChanges{memory}, err
}

var errOften = &guard.Error{Status: http.StatusConflict, Message: "The address was changed in the last seven days. Wait until they are over"}

// try calls change, unless the address was changed in that time. A nil change only asks.
func (c addressChanges) try(ctx context.Context, id string, change func() error) error {
	lease, state, err := c.store.Acquire(ctx, once.Key("example address", id), time.Minute)
	switch {
	case err != nil:
		return guard.Unavailable(err)
	case state != once.First:
		return errOften
	case change == nil:
		return unavailable(c.store.Release(ctx, lease))
	}
	if err := change(); err != nil {
		return errors.Join(err, c.store.Release(ctx, lease))
	}
	return unavailable(c.store.Commit(ctx, lease, time.Now().Add(undoFor)))
}
