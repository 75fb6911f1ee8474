package jwtauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
)

// DeniedToken is what a [Denylist] knows a token by, of the issuer that iss
// names, or "", and the jti.
func DeniedToken(iss, jti string) string { return denialPrefix(tokenID, iss) + jti }

// DeniedSession is what a [Denylist] knows all tokens of one login by, of the
// issuer that iss names, or "", and the sid. It is for what a Refresher does not
// end, such as a back-channel logout of an authorization server.
func DeniedSession(iss, sid string) string { return denialPrefix(sessionID, iss) + sid }

// The kinds of ids.
const (
	tokenID   = "t"
	sessionID = "s"
)

// denialPrefix is in front of an issuer's ids of one kind, so that in one
// denylist none can deny what another's tokens carry, nor by a jti what is a
// sid. It has one length: no id runs into it.
func denialPrefix(kind, issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return kind + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// deniableBy makes the token deniable by an id, if it has one, and returns it.
// They share their memory.
func (t *Token[C]) deniableBy(prefix string, id []byte) string {
	if len(id) == 0 {
		return ""
	}
	key := prefix + string(id)
	t.deniable = append(t.deniable, key)
	return key[len(prefix):]
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
	if err := v.opts.Denylist.Deny(ctx, t.ExpiresAt.Add(MaxLeeway), DeniedToken(t.Issuer, t.ID)); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// Scheme implements guard.Authenticator.
func (v *Verifier[C]) Scheme() guard.Scheme {
	s := guard.Scheme{Challenge: v.challenge, Unknown: v.refuse(errNobody)}
	if v.opts.Cookie != "" {
		s.Vary = []string{"Authorization", "Cookie"}
	}
	return s
}

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
