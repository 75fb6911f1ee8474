package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/once"
)

// A LogoutToken is what a verified logout token says (OpenID Connect Back-Channel Logout
// 1.0, section 2.4): the provider ended its session SessionID or, where that is empty,
// all sessions of Subject. One of the two may be empty. With both, the session is one of
// the Subject.
type LogoutToken struct {
	Issuer, Subject, SessionID string
}

// Ref names the provider's session as [Identity.Ref] does: it is the same text for the
// identities of that session. It is empty without a SessionID.
func (t LogoutToken) Ref() string { return refOf(t.Issuer, t.SessionID) }

// refOf names a provider's session. The ids of several issuers may be equal, and may have
// any length.
func refOf(issuer, sessionID string) string {
	if sessionID == "" {
		return ""
	}
	digest := once.Key("guard signin/oauth: session", issuer, sessionID)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

const (
	maxLogoutAge   = 5 * time.Minute // by iat
	maxLogoutToken = 16 << 10
	logoutEvent    = "http://schemas.openid.net/event/backchannel-logout"
)

// logoutClaims are the claims of a logout token.
type logoutClaims struct {
	Issuer    string                     `json:"iss"`
	Audience  json.RawMessage            `json:"aud"`
	AZP       *string                    `json:"azp"`
	ID        string                     `json:"jti"`
	IssuedAt  *float64                   `json:"iat"`
	ExpiresAt *float64                   `json:"exp"`
	Subject   *string                    `json:"sub"`
	SessionID *string                    `json:"sid"`
	Events    map[string]json.RawMessage `json:"events"`
	Nonce     json.RawMessage            `json:"nonce"`
}

// newLogoutVerifier returns the verifier of an issuer's logout tokens for a client.
func newLogoutVerifier(issuer string, keys jwtauth.KeySource, clientID string, o *Options) (*jwtauth.Verifier[struct{}], error) {
	if clientID == "" { // newClient reports it
		clientID = "missing"
	}
	return jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{
		// ASVS 10.5.5 wants logout+jwt alone. Many providers write JWT or nothing, and the
		// event is what no other token has.
		Issuer: issuer, Audience: []string{clientID}, Types: []string{"logout+jwt", "JWT", ""},
		Leeway: leeway, MaxAge: maxLogoutAge, MaxTokenBytes: maxLogoutToken, Now: o.Now,
		// A logout token may have sid and no sub, which checkLogout knows.
		Subject: func(map[string]any) string { return "logout:without a sub" },
	})
}

// verifyLogoutToken returns the claims of a token that satisfies OpenID Connect
// Back-Channel Logout 1.0, section 2.6. The claims are checked first, before anything is
// fetched: a stranger's token causes no request to the provider unless it could be one
// of this time for this client.
func (l *Login[C]) verifyLogoutToken(ctx context.Context, token string) (*logoutClaims, error) {
	header, payload, ok := unverified(token)
	if !ok {
		return nil, badLogout(errLogoutSegments)
	}
	c := new(logoutClaims)
	if strictjson.Unmarshal(payload, c) != nil {
		return nil, badLogout(errLogoutClaims)
	}
	issuer, verifier, err := l.logoutVerifierOf(token)
	if err != nil {
		return nil, err
	}
	if err := l.checkLogout(c, issuer); err != nil {
		return nil, badLogout(err)
	}
	// The same bytes are verified, with iss, aud, exp, iat, nbf and sub again.
	if _, err := verifier.Verify(ctx, token); err != nil {
		if e, ok := err.(*guard.Error); ok && e.Status == http.StatusUnauthorized {
			return nil, badLogout(e.Err)
		}
		return nil, err
	}
	m, err := l.server.metadata(ctx)
	if err != nil {
		return nil, guard.Unavailable(err)
	}
	if !slices.Contains(m.algorithms, algorithmOf(header)) {
		return nil, badLogout(errAlgorithm)
	}
	return c, nil
}

// logoutVerifierOf returns the issuer that a token must have, and its verifier: see
// verifierOf.
func (l *Login[C]) logoutVerifierOf(token string) (issuer string, v *jwtauth.Verifier[struct{}], err error) {
	if l.server.tenantOf == nil {
		return l.server.issuer, l.logouts, nil
	}
	issuer, keys, err := l.server.tenantOf(token)
	if err != nil {
		return "", nil, badLogout(err)
	}
	v, err = newLogoutVerifier(issuer, keys, l.client.id, &l.opts)
	return issuer, v, err
}

// unverified returns the decoded header and payload of a token that was not verified.
func unverified(token string) (header, payload []byte, ok bool) {
	parts := strings.Split(token, ".")
	if len(token) > maxLogoutToken || len(parts) != 3 {
		return nil, nil, false
	}
	strict := base64.RawURLEncoding.Strict()
	header, err := strict.DecodeString(parts[0])
	if err != nil {
		return nil, nil, false
	}
	payload, err = strict.DecodeString(parts[1])
	return header, payload, err == nil
}

// audienceOf returns an aud, which is one string or an array of strings.
func audienceOf(aud json.RawMessage) []string {
	if text := ""; json.Unmarshal(aud, &text) == nil && text != "" { // null is none
		return []string{text}
	}
	return texts(aud)
}

// checkLogout checks the claims of a logout token of an issuer.
func (l *Login[C]) checkLogout(c *logoutClaims, issuer string) error {
	audience, now, event := audienceOf(c.Audience), l.opts.Now(), c.Events[logoutEvent]
	switch {
	case c.Issuer != issuer:
		return errLogoutIssuer
	case !slices.Contains(audience, l.client.id):
		return errLogoutAudience
	case c.IssuedAt == nil || unix(*c.IssuedAt).Before(now.Add(-maxLogoutAge)):
		return errLogoutAge
	case unix(*c.IssuedAt).After(now.Add(leeway)):
		return errLogoutFuture
	case c.ExpiresAt == nil || !now.Before(unix(*c.ExpiresAt).Add(leeway)):
		return errLogoutExpired
	case c.ID == "":
		return errLogoutID
	case c.Nonce != nil: // also null: an ID token has one
		return errLogoutNonce
	case len(event) == 0 || event[0] != '{':
		return errLogoutEvent
	case c.Subject == nil && c.SessionID == nil, c.SessionID != nil && *c.SessionID == "":
		return errLogoutNothing
	case c.Subject != nil && !isSubject(*c.Subject):
		return errSubject
	}
	return checkParty(c.AZP, audience, l.client.id) // aud is checked as in ID tokens (section 2.6)
}
