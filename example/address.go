package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
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

// The subject of a link is an account; or an account, if any, and an address, with when the
// link was made, and what makes it another one than those of before.
func addressSubject(id, email string) string {
	return id + " " + strconv.FormatInt(time.Now().Unix(), 36) + "-" + rand.Text()[:8] + " " + email
}

func cutSubject(subject string) (id, email string) {
	id, rest, _ := strings.Cut(subject, " ")
	_, email, _ = strings.Cut(rest, " ")
	return id, email
}

// madeAt is when the link of a subject was made.
func madeAt(subject string) time.Time {
	_, rest, _ := strings.Cut(subject, " ")
	text, _, _ := strings.Cut(rest, "-")
	seconds, err := strconv.ParseInt(text, 36, 64)
	if err != nil {
		return time.Time{} // never: the links are signed
	}
	return time.Unix(seconds, 0)
}

// undoFor is how long a change of the address can be undone.
const undoFor = 7 * 24 * time.Hour

// addressLinks are links that confirm a new address, and that undo its change.
type addressLinks struct {
	accounts
	change, undo *link.Links
	changes      addressChanges
	reset        linkPages // of the password, which an undoing removes
	ring         *apikey.Ring
}

func (a accounts) addressLinks(set settings, change, undo string, reset linkPages, ring *apikey.Ring) (l addressLinks, err error) {
	l.accounts, l.reset, l.ring = a, reset, ring
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

// setEmail replaces the address of u, ends the other sessions, and mails the old address how
// to undo it: never a change without that.
func (a addressLinks) setEmail(ctx context.Context, u User, email string) error {
	keep := ""
	if s, ok := a.session(ctx); ok && s.Sub() == u.ID {
		keep = s.ID()
	}
	err := a.swapEmail(ctx, u, email, errLink, func() error { // taken meanwhile, or changed
		to, err := a.undo.Issue(ctx, addressSubject(u.ID, u.Email))
		if err == nil {
			_, err = a.sessions.DestroyAll(ctx, u.ID, keep)
		}
		if err != nil {
			return err
		}
		text := "The address of your account is " + email + " now. If that was not you, undo it within seven days. That ends all sessions:"
		return unavailable(a.mails.later(func(context.Context) (message, bool, error) {
			return message{to: u.Email, subject: "Your e-mail address was changed", text: text, url: to}, true, nil
		}))
	})
	if err == nil {
		a.mails.notify(User{ID: u.ID, Email: email}, "Your account has this address now.")
	}
	return err
}

// swapEmail replaces the address of u, and calls then. If then fails, u has the old address
// again, and the link works again: its state is that of the address. A swap that comes too
// late returns refusal.
func (a accounts) swapEmail(ctx context.Context, u User, email string, refusal error, then func() error) error {
	swapped, err := a.users.SetEmail(ctx, u, email)
	if err == nil && !swapped {
		err = refusal
	}
	if err != nil {
		return err
	}
	if err = then(); err != nil {
		_, back := a.users.SetEmail(ctx, User{ID: u.ID, Email: email}, u.Email)
		return errors.Join(err, back)
	}
	return nil
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
