package jwtauth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// A Token is what a verified token says. It is the principal, or behind
// guard.BySubject the credential, of a request. It does not hold the token
// itself. With a cache, requests share it: it must not be modified.
type Token[C any] struct {
	// Claims are the private claims. A map holds none of the registered ones.
	Claims C
	// Issuer is the iss claim, empty where none was asked for.
	Issuer string
	// Audience is the aud claim.
	Audience []string
	// ID is the jti claim, SessionID the sid claim; each may be empty.
	ID, SessionID string
	// IssuedAt is the iat claim, which may be zero. ExpiresAt never is. Both
	// are UTC.
	IssuedAt, ExpiresAt time.Time

	subject  string
	scopes   []string
	deniable []string // its ids as a denylist has them, where there is one

	ids      [2]string // the storage of deniable
	audience [1]string // the storage of Audience, where it is one
}

// Sub returns the subject; it is never empty.
func (t *Token[C]) Sub() string { return t.subject }

// Scopes returns the scopes of the scope claim (RFC 8693, section 4.2), or, in a
// token without that claim, of the scp claim that some servers send instead.
// Either may be a string, which spaces separate, or a list of strings; anything
// else gives none.
func (t *Token[C]) Scopes() []string { return t.scopes }

// Tokens is the answer to a login, as RFC 6749, section 5.1, has it. Printing
// or logging it shows no token.
type Tokens struct {
	AccessToken  string
	RefreshToken string        // empty where there is none
	ExpiresIn    time.Duration // of the access token
}

// MarshalJSON writes the members of RFC 6749, section 5.1.
func (t Tokens) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int64  `json:"expires_in"`
		RefreshToken string `json:"refresh_token,omitempty"`
	}{t.AccessToken, "bearer", int64(t.ExpiresIn / time.Second), t.RefreshToken})
}

// Respond answers a request with the tokens, uncacheably (RFC 6749, section
// 5.1).
func (t *Tokens) Respond(w http.ResponseWriter) {
	b, err := json.Marshal(t)
	if err != nil { // two strings and a number do not fail
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache") // which section 5.1 demands, too
	_, _ = w.Write(b)           // the client may have left
}

// Format keeps the tokens out of what is printed.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "jwtauth.Tokens(not printed)") }

// LogValue keeps the tokens out of logs.
func (t Tokens) LogValue() slog.Value { return slog.StringValue("jwtauth.Tokens(not printed)") }
