// Package issue lets packages under jwtauth issue the tokens of a
// jwtauth.Issuer, which has no exported method for it.
package issue

import (
	"context"
	"time"
)

// An Issuer is what a jwtauth.Issuer with the private claims C provides.
type Issuer[C any] struct {
	// Sign returns an access token of a session, its Tokens.Type and the lifetime of the
	// token, which ends with the session at the latest. jkt is that of its cnf, or empty.
	Sign func(subject string, claims C, sessionID, jkt string, sessionEnd time.Time) (token, kind string, lifetime time.Duration, err error)
	// Deny is that of the issuer's denylist. The subject is the sub claim of the
	// tokens, which were issued before now, or empty.
	Deny func(ctx context.Context, until time.Time, subject string, ids ...string) error
	// Sub returns the sub claim of a *jwtauth.Token[C] of the issuer, without the
	// Prefix of the Verifier that accepted it.
	Sub func(token any) string
	// Secrets returns the secrets of the issuer's private keys, which must not be
	// modified. The first one is that of the key that signs. It returns nil if that
	// key reveals none, but not after it has returned a list. After a change of keys
	// it returns another pointer.
	Secrets func() *[][]byte

	Name     string        // the iss claim
	Audience []string      // the aud claim; must not be modified
	Type     string        // the type claim
	Lifetime time.Duration // of access tokens
	Now      func() time.Time
}

// Hook returns the *Issuer[C] of a *jwtauth.Issuer[C]. Package jwtauth sets it
// at program start, and nothing changes it afterwards: the standard library's
// log sets log/internal.DefaultOutput in the same way.
var Hook func(issuer any) any

// From returns the Issuer of a *jwtauth.Issuer[C].
func From[C any](issuer any) *Issuer[C] { return Hook(issuer).(*Issuer[C]) }
