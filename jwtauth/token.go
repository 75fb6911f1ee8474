package jwtauth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// A Token holds the claims of a verified token, not the token itself. It is the
// principal of a request, or with guard.BySubject the credential. With a cache,
// requests share it: it must not be modified.
type Token[C any] struct {
	// Claims are the private claims. A map has no registered ones.
	Claims C
	// Issuer is the iss claim. It is empty if the token has none.
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
	deniable []string // its IDs in the Denylist, if there is one

	ids      [2]string // the storage of deniable
	audience [1]string // the storage of a single Audience
}

// Sub returns the subject; it is never empty.
func (t *Token[C]) Sub() string { return t.subject }

// Scopes returns the scopes of the scope claim (RFC 8693, section 4.2), or, in a
// token without that claim, of the scp claim that some servers send instead.
// Either may be a string that spaces separate, or an array of strings; any other
// value grants none.
func (t *Token[C]) Scopes() []string { return t.scopes }

// Tokens is the response to a login (RFC 6749, section 5.1). Printing or logging
// it shows no token.
type Tokens struct {
	AccessToken  string
	RefreshToken string        // empty without package refresh
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

// Respond writes the tokens as an uncacheable response (RFC 6749, section 5.1).
func (t *Tokens) Respond(w http.ResponseWriter) {
	b, err := json.Marshal(t)
	if err != nil { // strings and numbers do not fail
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache") // section 5.1 requires it, too
	_, _ = w.Write(b)           // the client may be gone
}

// Format prints no token.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "jwtauth.Tokens(not printed)") }

// LogValue logs no token.
func (t Tokens) LogValue() slog.Value { return slog.StringValue("jwtauth.Tokens(not printed)") }
