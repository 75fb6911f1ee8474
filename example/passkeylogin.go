package main

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/passkey"
)

// passkeyLoginOptions answers everyone alike.
func (a accounts) passkeyLoginOptions(w http.ResponseWriter, r *http.Request) {
	if err := a.keys.LoginOptions(w, r); err != nil {
		guard.Refuse(w, r, err)
	}
}

// passkeyLogin signs in, or completes a half sign-in of the same account. With ?keep=1 the
// browser keeps the session, unless it is closed.
func (a accounts) passkeyLogin(w http.ResponseWriter, r *http.Request) {
	half, second := guard.PrincipalFrom[*session.Session[Device]](r.Context())
	var c *passkey.Credential
	var err error
	if second {
		c, err = a.keys.Verify(w, r, half.Sub())
	} else {
		c, err = a.keys.Login(w, r)
	}
	a.warnOfCopy(r.Context(), err)
	var u User
	if err == nil {
		u, err = a.ownerOf(r.Context(), c)
	}
	if err == nil { // wrong codes are forgiven: a passkey is no guess
		err = a.second.Unlock(r.Context(), u.ID)
	}
	if err == nil {
		var opts []session.CreateOption
		if r.URL.Query().Get("keep") == "1" {
			opts = append(opts, session.For(keepSignedIn))
		}
		_, err = a.create(w, r, u, c.Factor(), opts...) // spends the half sign-in
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	answer(w, "")
}

// ownerOf returns whose passkey has signed in. It reads the epoch before it looks whether the
// passkey is still there: a sign-in under way does not survive its removal.
func (a accounts) ownerOf(ctx context.Context, c *passkey.Credential) (User, error) {
	u, found, err := a.users.ByID(ctx, c.Subject)
	if err == nil && !found { // suspended
		err = &guard.Error{Status: http.StatusUnauthorized, Code: "passkey_invalid", Message: "Invalid passkey"}
	}
	if err == nil {
		u.Epoch, err = a.sessions.Epoch(ctx, u.ID)
	}
	var list []passkey.Credential
	if err == nil {
		list, err = a.keys.List(ctx, u.ID)
	}
	if err == nil && !slices.ContainsFunc(list, func(l passkey.Credential) bool { return l.ID == c.ID }) {
		err = &guard.Error{Status: http.StatusUnauthorized, Code: unknownPasskey, Message: "Invalid passkey"}
	}
	return u, err
}

// unknownPasskey is the code of package passkey for a passkey that is not registered.
const unknownPasskey = "passkey_unknown"

// signalUnknown also tells the page that the passkey is not registered: it has the browser
// hide it. Passkeys cannot be guessed.
func signalUnknown(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if e.Code == unknownPasskey {
		w.Header().Set("Passkey", "unknown")
	}
	guard.JSON(w, r, e)
}

// warnOfCopy mails the owner of a passkey whose counter err has refused.
func (a accounts) warnOfCopy(ctx context.Context, err error) {
	if !errors.Is(err, passkey.ErrCounter) {
		return
	}
	for _, d := range guard.Decisions(ctx) {
		if errors.Is(d.Err, passkey.ErrCounter) {
			a.mailOwner(ctx, d.Subject, "A sign-in with one of your passkeys was refused: the passkey may have been copied. If you know of no copy, remove it.")
		}
	}
}
