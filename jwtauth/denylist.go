package jwtauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-guard/guard"
)

// A Denylist refuses tokens before they expire: a single one by its jti claim, or
// by its sid claim all tokens of a session. It receives them as [DeniedToken] and
// [DeniedSession] write them, so that several issuers and verifiers may share
// one. It must be safe for use by several goroutines.
type Denylist interface {
	// Deny denies the IDs until the given time, or longer, in one round trip
	// for some hundred of them. Denying an ID again never shortens its time.
	// An error means that the store failed, and that some may not be denied.
	Deny(ctx context.Context, until time.Time, ids ...string) error

	// Denied reports whether any of the IDs is denied now, in one round trip.
	// An error means that the store failed; it is answered 503.
	Denied(ctx context.Context, ids ...string) (bool, error)
}

// DeniedToken returns the ID by which a [Denylist] denies one token, from the
// token's iss, or "", and jti.
func DeniedToken(iss, jti string) string { return denialPrefix(tokenID, iss) + jti }

// DeniedSession returns the ID by which a [Denylist] denies all tokens of a
// session, from their iss, or "", and sid. Use it for sessions that package
// refresh does not end, as for the back-channel logout of an authorization server.
func DeniedSession(iss, sid string) string { return denialPrefix(sessionID, iss) + sid }

// The kinds of IDs.
const (
	tokenID   = "t"
	sessionID = "s"
)

// denialPrefix precedes an issuer's IDs of one kind. So an ID denies neither the
// tokens of another issuer in the same denylist, nor as a jti what has it as sid.
// All prefixes have one length.
func denialPrefix(kind, issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return kind + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// deniableBy makes the token deniable by an ID unless it is empty, and returns the
// ID. Both share memory.
func (t *Token[C]) deniableBy(prefix string, id []byte) string {
	if len(id) == 0 {
		return ""
	}
	prefixed := prefix + string(id)
	t.deniable = append(t.deniable, prefixed)
	return prefixed[len(prefix):]
}

// Revoke denies one token until it has expired. An error means that the token is
// not denied: there is no denylist, the token has no jti, or the denylist failed.
// The outcome is reported to guard.Observe with the action "revoke"; guard.Refuse
// does not report the error again.
func (v *Verifier[C]) Revoke(ctx context.Context, t *Token[C]) error {
	d := guard.Decision{Package: "jwtauth", Action: "revoke", Subject: t.subject, Outcome: guard.Allowed}
	if err := v.revoke(ctx, t); err != nil {
		return d.Deny(ctx, err)
	}
	d.ReportTo(ctx)
	return nil
}

func (v *Verifier[C]) revoke(ctx context.Context, t *Token[C]) error {
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
