package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/password"
)

// passwordState is what links to reset a password are bound to: they end with the password,
// and when all sessions are ended.
func (a accounts) passwordState(ctx context.Context, id string) (boundTo string, found bool, err error) {
	account, found, err := a.users.Account(ctx, id)
	if err != nil || !found {
		return "", found, err
	}
	epoch, err := a.sessions.Epoch(ctx, id)
	return fmt.Sprint(epoch, " ", account.Hash), true, err
}

// linkState is what links to sign in are bound to: they end when one is used, and with the
// password.
func (a accounts) linkState(ctx context.Context, id string) (boundTo string, found bool, err error) {
	account, found, err := a.users.Account(ctx, id)
	if err != nil || !found {
		return "", found, err
	}
	epoch, err := a.sessions.Epoch(ctx, id)
	return fmt.Sprint(epoch, " ", account.Links), true, err
}

// changePassword redeems a link with a new password.
func (l linkPages) changePassword(w http.ResponseWriter, r *http.Request, in linkBody) {
	if err := l.redeemPassword(r.Context(), *in.Token, in.Password); err != nil {
		guard.Refuse(w, r, err)
		return
	}
	const sentence = "Password changed"
	if wantsPage(r) {
		step{Title: sentence, Text: "All sessions of the account have ended. Sign in with the new password."}.show(w, http.StatusOK)
		return
	}
	reply(w, http.StatusOK, object{"message": sentence})
}

func (l linkPages) redeemPassword(ctx context.Context, token, pw string) error {
	return l.links.Redeem(ctx, token, func(ctx context.Context, id string) error {
		account, found, err := l.users.Account(ctx, id)
		if err != nil {
			return err
		}
		swapped, err := l.setPassword(ctx, account, pw)
		if err == nil && !(found && swapped) {
			return errLink
		}
		if swapped { // the guesses of others do not keep the owner out
			err = errors.Join(err, l.attempts.Reset(ctx, account.Email))
		}
		return err
	})
}

// setPassword replaces the hash that was read before the slow part, and no other. Then it
// ends what a thief may have: all sessions but those to keep, half sign-ins and logins under
// way. The second factor stays; wrong codes are forgiven.
func (a accounts) setPassword(ctx context.Context, account backend.Account, pw string, keep ...string) (swapped bool, err error) {
	hash, err := password.Hash(ctx, pw)
	if err != nil {
		return false, err // 422, or a failure
	}
	swapped, err = a.users.SetHash(ctx, userOf(account), account.Hash, hash)
	if err != nil || !swapped {
		return false, err
	}
	a.mails.notify(userOf(account), "Your password was changed.")
	_, err = a.sessions.DestroyAll(ctx, account.ID, keep...)
	if a.second != nil {
		err = errors.Join(err, a.second.Unlock(ctx, account.ID))
	}
	return true, err
}

// errChanged is the refusal where another request changed the account first.
var errChanged = conflict("The account was changed meanwhile. Try again")

// errLink is the refusal of package link, for what has changed while a link was redeemed.
var errLink = &guard.Error{Status: http.StatusBadRequest, Code: "link_invalid", Message: "Invalid or expired link", Err: link.ErrInvalid}

// signIn redeems a link: its owner is signed in, or half where the account has a second
// factor.
func (l linkPages) signIn(w http.ResponseWriter, r *http.Request, in linkBody) {
	next, err := l.redeemSignIn(w, r, *in.Token)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	if wantsPage(r) {
		goOn(w, r, next, "/session/")
		return
	}
	answer(w, next)
}

// redeemSignIn reads the epoch before the link is verified, which is bound to it: when all
// sessions are ended meanwhile, this one does not begin.
func (l linkPages) redeemSignIn(w http.ResponseWriter, r *http.Request, token string) (next string, err error) {
	id, err := l.links.Open(r.Context(), token)
	var u User
	if err == nil {
		u, _, err = l.users.ByID(r.Context(), id)
	}
	if err == nil {
		u.Epoch, err = l.sessions.Epoch(r.Context(), id)
	}
	if err == nil {
		err = l.links.Redeem(r.Context(), token, func(ctx context.Context, id string) error {
			account, _, err := l.users.Account(ctx, id)
			if err != nil {
				return err
			}
			swapped, err := l.users.SpendLink(ctx, account)
			if err != nil {
				return err
			}
			if !swapped {
				return errLink
			}
			next, err = l.create(w, r.WithContext(ctx), u, "link")
			return err
		})
	}
	return next, err
}
