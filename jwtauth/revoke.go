package jwtauth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
)

// byIDs makes the token deniable. A token without ids is not.
func (t *Token[C]) byIDs() bool {
	t.deniable = t.ids[:0]
	for _, id := range [...]string{t.ID, t.SessionID} {
		if id != "" {
			t.deniable = append(t.deniable, id)
		}
	}
	return len(t.deniable) > 0
}

// Revoke denies one token until it has expired. An error means that it was
// not: there is no denylist, it has no id, or the denylist failed.
func (v *Verifier[C]) Revoke(ctx context.Context, t *Token[C]) error {
	switch {
	case v.opts.Denylist == nil:
		return errors.New("jwtauth: Revoke without a Denylist")
	case t.ID == "":
		return errors.New("jwtauth: Revoke of a token without jti")
	}
	if err := v.opts.Denylist.Deny(ctx, t.ExpiresAt.Add(MaxLeeway), t.ID); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// Challenge implements guard.Authenticator.
func (v *Verifier[C]) Challenge() string { return v.challenge }

// Vary names the fields that may hold the token.
func (v *Verifier[C]) Vary() []string {
	if v.opts.Cookie != "" {
		return []string{"Authorization", "Cookie"}
	}
	return nil
}

// Unknown is the refusal of a token whose subject is gone.
func (v *Verifier[C]) Unknown() error { return v.refuse(errNobody) }

// Wrap is guard.Require of the Verifier.
func (v *Verifier[C]) Wrap(next http.Handler) http.Handler {
	return guard.Require[*Token[C]](v)(next)
}

// insufficient is the refusal of RFC 6750, section 3.1, for missing scopes.
func insufficient(o *Options) (error, error) {
	challenge, err := o.challenge("error", "insufficient_scope", "scope", strings.Join(o.Scopes, " "))
	return &guard.Error{
		Status: http.StatusForbidden, Code: "insufficient_scope", Message: "Insufficient scope",
		Challenges: []string{challenge}, Err: errors.New("jwtauth: the token lacks a scope"),
	}, err
}
