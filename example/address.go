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

// changeState binds a link that confirms an address to the account as it is.
func (a accounts) changeState(ctx context.Context, subject string) (boundTo string, found bool, err error) {
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
func (a accounts) undoState(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	id, email := cutSubject(subject)
	u, found, err := a.users.ByID(ctx, id)
	if u.Email == email {
		boundTo = "undone"
	}
	return boundTo, found, err
}

// setEmail replaces the address of u, and mails the old one how to undo it.
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

// undoAddress gives an account its old address back, ends its sessions, and removes the
// password, which a thief may know.
func (a accounts) undoAddress(ctx context.Context, id, email string) error {
	account, _, err := a.users.Account(ctx, id)
	swapped := true
	if err == nil && account.Hash != "" {
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
