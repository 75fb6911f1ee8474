package jwtauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-guard/guard"
)

// A Denylist refuses tokens before they expire: a single one by its jti claim, or
// by its sid claim all tokens of a session. It receives them as [DeniedToken] and
// [DeniedSession] write them, and subjects likewise with their issuer, so that
// several issuers and verifiers may share one. It must be safe for use by several
// goroutines.
type Denylist interface {
	// Deny denies the IDs until the given time, or longer, in one round trip
	// for some hundred of them. Denying an ID again never shortens its time.
	// An error means that the store failed, and that some may not be denied.
	//
	// All IDs are of tokens of the subject that were issued up to now. A denylist
	// may bound the IDs of one subject: it may replace them by the second in which
	// they were denied, and deny all tokens of the subject that were issued in that
	// second or before, or without an iat claim. If subject is empty, it is unknown,
	// or its tokens may be of later than now: then each ID is denied by itself.
	Deny(ctx context.Context, until time.Time, subject string, ids ...string) error

	// Denied reports whether a token with these IDs, which was issued to the
	// subject at issuedAt, is denied now, in one round trip. issuedAt is zero if
	// the token has no iat claim: then it may have been issued at any time. An
	// error means that the store failed; it is answered 503.
	Denied(ctx context.Context, issuedAt time.Time, subject string, ids ...string) (bool, error)
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
	subjectID = "u"
)

// prefixLength is the length of a denialPrefix.
const prefixLength = 17

// denialPrefix precedes an issuer's IDs of one kind. So an ID denies neither the
// tokens of another issuer in the same denylist, nor as a jti what has it as sid.
func denialPrefix(kind, issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return kind + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// A deniable is what a Denylist knows of a token: the texts of its subject, which is
// empty if it is unknown, and of its IDs.
type deniable struct {
	subject string
	ids     []string
	storage [2]string // of ids
}

// setDeniable sets the claims sub, jti and sid, and the texts by which a Denylist
// knows them. All share one string.
func (t *Token[C]) setDeniable(i *issuerConfig, sub, jti, sid []byte) {
	var b strings.Builder
	b.Grow(3*prefixLength + len(sub) + len(jti) + len(sid))
	b.WriteString(i.subjects)
	b.Write(sub)
	b.WriteString(i.tokenIDs)
	b.Write(jti)
	b.WriteString(i.sessionIDs)
	b.Write(sid)
	all := b.String()
	next := func(length int) (text, claim string) {
		text, all = all[:prefixLength+length], all[prefixLength+length:]
		return text, text[prefixLength:]
	}
	d := &t.deniable
	d.subject, t.subject = next(len(sub))
	d.storage[0], t.ID = next(len(jti))
	d.storage[1], t.SessionID = next(len(sid))
	d.ids = d.storage[:]
	switch {
	case t.ID == "" && t.SessionID == "":
		d.ids = nil
	case t.ID == "":
		d.ids = d.storage[1:]
	case t.SessionID == "":
		d.ids = d.storage[:1]
	}
	if t.subject == "" {
		d.subject = ""
	}
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
	issuer := v.issuerNamed(t.Issuer)
	if issuer == nil && v.found != nil {
		issuer = t.by
	}
	switch {
	case issuer == nil:
		return errors.New("jwtauth: Revoke of a token of an unknown issuer")
	case issuer.Denylist == nil:
		return errors.New("jwtauth: Revoke without a Denylist")
	case t.ID == "":
		return errors.New("jwtauth: Revoke of a token without jti")
	}
	subject := t.deniable.subject
	if t.IssuedAt.Unix() > v.opts.Now().Unix() { // by a clock that is ahead
		subject = ""
	}
	if err := issuer.Denylist.Deny(ctx, t.ExpiresAt.Add(MaxLeeway), subject, DeniedToken(t.Issuer, t.ID)); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}
