package jwtauth

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/jsontext"
)

// A Token holds the claims of a verified token, not the token itself. It is the
// principal of a request, or with guard.BySubject the credential. With a cache,
// requests share it: it must not be modified. A nil Token, in a principal that embeds one
// and did not come with a token, has no subject, no scopes and no limit.
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

	by       *issuerConfig // nil only for a token of package guardtest
	subject  string
	scopes   []string
	deniable deniable     // without IDs if there is no Denylist
	context  *authContext // nil without its claims
	// confirmation is cnf as JSON text, if a Binding checks it.
	confirmation string

	audience [1]string // the storage of a single Audience
}

// Sub returns the subject, with the Prefix of its issuer. It is empty for a nil Token only.
func (t *Token[C]) Sub() string {
	if t == nil {
		return ""
	}
	return t.subject
}

// Scopes returns the scopes of the scope claim (RFC 8693, section 4.2), or, in a
// token without that claim, of the scp claim that some servers send instead.
// Either may be a string that spaces separate, or an array of strings; any other
// value grants none.
//
// If C or *C has a method Scopes() []string, it is what that method returned when the
// token was verified: it maps other claims, such as the permissions of Auth0 or the
// roles of Keycloak. scope and scp grant nothing then.
func (t *Token[C]) Scopes() []string {
	if t == nil {
		return nil
	}
	return t.scopes
}

// A granter is claims that map others to scopes.
type granter interface{ Scopes() []string }

// granterOf returns claims as a granter, if C or *C is one.
func granterOf[C any](claims *C) (granter, bool) {
	if g, ok := any(claims).(granter); ok {
		return g, true
	}
	g, ok := any(*claims).(granter)
	return g, ok
}

// ScopeLimit implements guard.ScopeLimiter: see Trust.ScopesLimit.
func (t *Token[C]) ScopeLimit() (scopes []string, limited bool) {
	return t.Scopes(), t != nil && t.by != nil && t.by.ScopesLimit
}

// An authContext is the claims about how and when the subject signed in (OpenID Connect
// Core, section 2; RFC 9470, section 6). A claim of another form counts as absent: it
// satisfies no requirement, and refuses no request that has none.
type authContext struct {
	time time.Time
	amr  []string
	acr  string
}

// AuthTime is the auth_time claim, in UTC: when the subject signed in. It is zero if the
// token has none. An Issuer writes it if the Claims have one; a refresh must copy that of
// the login, not the time of the refresh.
func (t *Token[C]) AuthTime() time.Time {
	if t == nil || t.context == nil {
		return time.Time{}
	}
	return t.context.time
}

// AMR is the amr claim, how the subject signed in (RFC 8176). It is nil if the token has
// none.
func (t *Token[C]) AMR() []string {
	if t == nil || t.context == nil {
		return nil
	}
	return t.context.amr
}

// ACR is the acr claim, the authentication context class. It is empty if the token has
// none.
func (t *Token[C]) ACR() string {
	if t == nil || t.context == nil {
		return ""
	}
	return t.context.acr
}

// Tokens is the response to a login (RFC 6749, section 5.1): see Respond. Printing
// or logging it shows no token, and encoding it as JSON is an error: loggers encode
// what they print. A response of one's own copies the fields. Keep a *Tokens, not a
// Tokens, in an unexported field: fmt prints such a field without its methods.
type Tokens struct {
	AccessToken  string
	RefreshToken string        // empty without package refresh, and with its Options.Cookie
	ExpiresIn    time.Duration // of the access token
	// Type is how the access token is sent: "DPoP" where its cnf has a jkt, and else
	// empty, for "bearer" (RFC 9449, section 5).
	Type string
	// Cookie holds the refresh token in place of RefreshToken where refresh.Options
	// has Cookie, and is else nil. [Tokens.Respond] sets it; a handler that writes a
	// response of its own calls http.SetCookie.
	Cookie *http.Cookie
}

// Respond writes the tokens as an uncacheable response (RFC 6749, section 5.1), and
// sets the Cookie if there is one.
func (t *Tokens) Respond(w http.ResponseWriter) {
	const frame = `{"access_token":"","token_type":"bearer","expires_in":9223372036,"refresh_token":""}`
	b := make([]byte, 0, len(frame)+len(t.AccessToken)+len(t.RefreshToken))
	b = append(b, `{"access_token":`...)
	b = jsontext.AppendString(b, t.AccessToken)
	b = append(b, `,"token_type":`...)
	b = jsontext.AppendString(b, cmp.Or(t.Type, "bearer"))
	b = append(b, `,"expires_in":`...)
	b = strconv.AppendInt(b, int64(t.ExpiresIn/time.Second), 10)
	if t.RefreshToken != "" && t.Cookie == nil {
		b = append(b, `,"refresh_token":`...)
		b = jsontext.AppendString(b, t.RefreshToken)
	}
	b = append(b, '}')
	h := w.Header()
	field.NoStore(h)
	fields := []string{"application/json", "no-cache", strconv.Itoa(len(b))} // in one allocation
	h["Content-Type"], h["Content-Length"] = fields[:1:1], fields[2:]
	h["Pragma"] = fields[1:2:2] // section 5.1 requires it, too
	if t.Cookie != nil {
		http.SetCookie(w, t.Cookie)
	}
	_, _ = w.Write(b) // the client may have left
}

// Format prints no token.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "jwtauth.Tokens(not printed)") }

// LogValue logs no token.
func (t Tokens) LogValue() slog.Value { return slog.StringValue("jwtauth.Tokens(not printed)") }

var errTokensJSON = errors.New("jwtauth: Tokens are written by Respond; a response of one's own copies their fields")

// MarshalJSON returns an error: see [Tokens].
func (t Tokens) MarshalJSON() ([]byte, error) { return nil, errTokensJSON }
