package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/link"
)

// address is a part of what mail addresses can be (RFC 5321): no quotes, and ASCII alone,
// so that no two addresses look alike.
var address = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$`)

// maxNewEmail leaves room for an account beside an address in the subject of a link.
const maxNewEmail = 200

// sentEmail returns the address of a form in lower case, or its mistake.
func sentEmail(r *http.Request) (email, mistake string) {
	email = strings.ToLower(strings.TrimSpace(r.PostForm.Get("email")))
	switch {
	case email == "":
		return "", "Enter your e-mail address."
	case len(email) > maxNewEmail || !address.MatchString(email):
		return "", "Enter an address such as name@example.com."
	}
	return email, ""
}

// The subject of a link is an account; or an account, if any, and an address, with what
// makes the link another one than those of before.
func addressSubject(id, email string) string { return id + " " + rand.Text()[:8] + " " + email }

func cutSubject(subject string) (id, email string) {
	id, rest, _ := strings.Cut(subject, " ")
	_, email, _ = strings.Cut(rest, " ")
	return id, email
}

// undoFor is how long a change of the address can be undone.
const undoFor = 7 * 24 * time.Hour

// addressLinks are links that confirm a new address, and that undo its change.
type addressLinks struct {
	accounts
	change, undo *link.Links
	changes      addressChanges
	reset        linkPages // of the password, which an undoing removes
}

func (a accounts) addressLinks(set settings, change, undo string, reset linkPages) (l addressLinks, err error) {
	l.accounts, l.reset = a, reset
	var errs [3]error
	l.change, errs[0] = set.newLinks("email", change, a.changeState, time.Hour)
	l.undo, errs[1] = set.newLinks("undo", undo, a.undoState, undoFor)
	l.changes, errs[2] = newAddressChanges(set.stores.Once)
	return l, errors.Join(errs[:]...)
}

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

// letterTo returns the letter to the new address of u.
func (a addressLinks) letterTo(u User) func(context.Context, string) (message, bool, error) {
	return func(ctx context.Context, email string) (message, bool, error) {
		if _, _, exists, err := a.users.ByEmail(ctx, email); err != nil || exists {
			return message{to: email, subject: "You have an account", text: "Someone wanted to use this address for another account. Nothing was changed."}, err == nil, err
		}
		to, err := a.change.Issue(ctx, addressSubject(u.ID, email))
		return message{to: email, subject: "Confirm your address", text: "Confirm the new address of your account:", url: to}, to != "", err
	}
}

// redeemChange changes an address, and ends all other sessions and the links that went to
// the old address.
func (a addressLinks) redeemChange(ctx context.Context, in linked) error {
	return a.change.Redeem(ctx, in.Token, func(ctx context.Context, subject string) error {
		id, _ := cutSubject(subject)
		return a.changes.try(ctx, id, func() error { return a.setEmail(ctx, User{ID: id, Email: in.Email}, in.Address) })
	})
}

// setEmail replaces the address of u, and mails the old one how to undo it.
func (a addressLinks) setEmail(ctx context.Context, u User, email string) error {
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

// redeemUndo gives the old address back, and mails it a link to choose a password.
func (a addressLinks) redeemUndo(ctx context.Context, in linked) error {
	return a.undo.Redeem(ctx, in.Token, func(ctx context.Context, subject string) error {
		id, email := cutSubject(subject)
		err := a.undoAddress(ctx, id, email)
		if err == nil {
			err = a.sendTo(ctx, email, a.reset.purpose, a.reset.letter)
		}
		return err
	})
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

var errOften = conflict("The address was changed in the last seven days. Wait until they are over")

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
