package guardtest

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/go-guard/guard/internal/testhook"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
)

// Session returns a session of subject that began just now. data is encoded as
// JSON and decoded again, as a store would. factors are those of its AMR, such as
// "pwd". The session is in no store.
func Session[D any](subject string, data D, factors ...string) *session.Session[D] {
	return SessionSince(subject, data, time.Now(), factors...)
}

// SessionSince is [Session] for a session that began at authTime and was last
// used just now, such as for routes behind package stepup.
func SessionSince[D any](subject string, data D, authTime time.Time, factors ...string) *session.Session[D] {
	s := new(session.Session[D])
	if err := testhook.Session(s, subject, encode(data), authTime, time.Now(), factors); err != nil {
		wiring.Panic("guardtest", "Session: %v", err)
	}
	return s
}

// Token returns a verified token of subject with a random ID that was issued just
// now and expires in 15 minutes, the default of a jwtauth.Issuer. claims are
// encoded as JSON and decoded again, as in a token. The other fields, such as
// Issuer, may be set before the token is used. Without scopes it has those that
// claims map, see Token.Scopes of package jwtauth.
func Token[C any](subject string, claims C, scopes ...string) *jwtauth.Token[C] {
	now := time.Now().UTC().Truncate(time.Second)
	t := &jwtauth.Token[C]{ID: rand.Text(), IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute)}
	err := json.Unmarshal(encode(claims), &t.Claims)
	if err == nil {
		err = testhook.Token(t, subject, scopes)
	}
	if err != nil {
		wiring.Panic("guardtest", "Token: %v", err)
	}
	return t
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		wiring.Panic("guardtest", "encode: %v", err)
	}
	return text
}
