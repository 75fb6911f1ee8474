package main

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/password"
)

// signUpLinks are links that prove an address, for which they make an account. Nothing is
// stored until one is used: the account and its password are of someone who has the mailbox.
// So no one can prepare an account for the address of another person.
type signUpLinks struct {
	accounts
	verify *link.Links
}

func (a accounts) signUpLinks(set settings, path string) (s signUpLinks, err error) {
	s.accounts = a
	s.verify, err = set.newLinks("verify", path, s.state, time.Hour)
	return s, err
}

// state is what links of an address are bound to: they end with its account.
func (s signUpLinks) state(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	_, email := cutSubject(subject)
	_, _, exists, err := s.users.ByEmail(ctx, email)
	if exists {
		boundTo = "an account"
	}
	return boundTo, true, err
}

func (s signUpLinks) letter(ctx context.Context, email string) (message, bool, error) {
	_, _, exists, err := s.users.ByEmail(ctx, email)
	if exists && err == nil {
		const text = "Someone, perhaps you, wanted to sign up with this address. It has an account already: sign in, or choose a new password there."
		return message{to: email, subject: "You have an account", text: text, url: s.publicURL + "/app/login"}, true, nil
	}
	to := ""
	if err == nil {
		to, err = s.verify.Issue(ctx, addressSubject("", email))
	}
	return message{to: email, subject: "Confirm your address", text: "Confirm your address, and choose a password:", url: to}, to != "", err
}

// redeem makes the account, which is signed in to then.
func (s signUpLinks) redeem(ctx context.Context, in linked, pw string) (User, error) {
	u := User{ID: strings.ToLower(rand.Text()), Email: in.Address, Role: "user"}
	return u, s.verify.Redeem(ctx, in.Token, func(ctx context.Context, _ string) error {
		hash, err := password.Hash(ctx, pw)
		if err != nil {
			return err // 422, or a failure
		}
		created, err := s.users.Create(ctx, backend.Account{ID: u.ID, Email: u.Email, Role: u.Role, Hash: hash, Verified: true})
		if err == nil && !created {
			err = errLink
		}
		return err
	})
}
