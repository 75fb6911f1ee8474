package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

const (
	// providerFactor names a sign-in at the provider, which may be of last week: its session
	// there signs in without a question. It is no recent sign-in for a change of the factors.
	providerFactor = "fed"
	// freshFactor names one of which the provider says that it was in the last five minutes.
	freshFactor = "fed-fresh"
)

func factorOf(who *oauth.Identity[struct{}]) string {
	if !who.AuthTime.IsZero() && time.Since(who.AuthTime) < recent {
		return freshFactor
	}
	return providerFactor
}

// userBy returns the user of an identity, and makes the account at the first sign-in.
func (a accounts) userBy(ctx context.Context, who *oauth.Identity[struct{}]) (u User, err error) {
	identity := backend.Identity{Issuer: who.Issuer, Subject: who.Subject}
	id, found, err := a.users.Identity(ctx, identity)
	if err == nil && !found {
		id, err = a.signUpBy(ctx, who, identity)
	}
	var epoch int64
	if err == nil {
		epoch, err = a.sessions.Epoch(ctx, id)
	}
	// After the epoch: an identity that is removed from here on, or an account that is
	// suspended, raises it.
	var after string
	if err == nil {
		after, _, err = a.users.Identity(ctx, identity)
	}
	if err == nil {
		u, found, err = a.users.ByID(ctx, id)
	}
	if err == nil && (!found || after != id) {
		err = &guard.Error{Status: http.StatusUnauthorized, Code: "signin_failed", Message: "Sign-in failed"}
	}
	u.Epoch = epoch
	return u, err
}

// signUpBy makes an account, unless one has the address. That may be another person's, so
// the identity joins it only from a session of that account.
func (a accounts) signUpBy(ctx context.Context, who *oauth.Identity[struct{}], identity backend.Identity) (id string, err error) {
	email := strings.ToLower(who.Email)
	if !who.EmailVerified || len(email) > maxNewEmail || !address.MatchString(email) {
		return "", &guard.Error{Status: http.StatusForbidden, Code: "email_unverified", Message: "The provider does not say that an e-mail address is yours"}
	}
	id = strings.ToLower(rand.Text())
	created, err := a.users.Create(ctx, backend.Account{ID: id, Email: email, Role: "user", Verified: true})
	if err == nil && !created {
		err = &guard.Error{Status: http.StatusConflict, Code: "account_exists", Message: "There is an account with your e-mail address"}
	}
	if err == nil {
		_, err = a.users.AddIdentity(ctx, id, identity) // if another has it now, userBy refuses
	}
	return id, err
}

// addIdentity adds an identity if the session that asked for it has not ended, and is as
// recent as it was then required. Its cookie is not needed: form_post does not send it.
func (a accounts) addIdentity(ctx context.Context, who *oauth.Identity[struct{}]) error {
	id, sessionID, _ := strings.Cut(who.LinkTo, " ")
	list, err := a.sessions.List(ctx, id)
	alive := slices.ContainsFunc(list, func(s *session.Session[Device]) bool {
		return s.ID() == sessionID && time.Since(s.AuthTime()) < recent
	})
	u, found, lookup := a.users.ByID(ctx, id)
	switch {
	case err != nil:
		return err
	case lookup != nil:
		return lookup
	case !alive || !found:
		return &guard.Error{Status: http.StatusUnauthorized, Message: "Recent authentication required"}
	}
	added, err := a.users.AddIdentity(ctx, id, backend.Identity{Issuer: who.Issuer, Subject: who.Subject})
	if err == nil && !added {
		err = &guard.Error{Status: http.StatusConflict, Message: "Another account has this way to sign in. Remove it there first"}
	}
	if err != nil {
		return err
	}
	a.mails.notify(u, "Your account has a new way to sign in: a provider.")
	return nil
}
