package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

const (
	leeway      = 5 * time.Second // how far the provider's clock may differ
	maxTokenAge = time.Hour       // by iat: the token was made for this sign-in
	maxIDToken  = 64 << 10
)

// idClaims are the claims of an ID token (OpenID Connect Core, section 2) that package
// jwtauth does not read itself.
type idClaims struct {
	Nonce    string          `json:"nonce"`
	AZP      *string         `json:"azp"`
	AtHash   *string         `json:"at_hash"`
	AuthTime *float64        `json:"auth_time"`
	ACR      string          `json:"acr"`
	AMR      json.RawMessage `json:"amr"`
	Email    string          `json:"email"`
	Verified json.RawMessage `json:"email_verified"`
}

// newVerifier returns the verifier of an issuer's ID tokens for a client. The algorithms are
// checked afterwards, as the metadata is not known yet; no key of a key set is symmetric.
func newVerifier(issuer string, keys jwtauth.KeySource, clientID string, o *Options) (*jwtauth.Verifier[idClaims], error) {
	if clientID == "" { // newClient reports it
		clientID = "missing"
	}
	return jwtauth.NewVerifier[idClaims](keys, &jwtauth.VerifierOptions{
		Issuer: issuer, Audience: []string{clientID}, Types: []string{"JWT", ""},
		Leeway: leeway, MaxAge: maxTokenAge, MaxTokenBytes: maxIDToken, Now: o.Now,
	})
}

// verifyIDToken returns the claims of an ID token that satisfies OpenID Connect Core,
// section 3.1.3.7, and its payload.
func (l *Login[C]) verifyIDToken(ctx context.Context, m *metadata, p *pending, g *grant) (*jwtauth.Token[idClaims], []byte, error) {
	if g.IDToken == "" {
		return nil, nil, failed(errNoIDToken)
	}
	v, err := l.verifierOf(g.IDToken)
	if err != nil {
		return nil, nil, err
	}
	t, err := v.Verify(ctx, g.IDToken)
	if err != nil {
		return nil, nil, ofIDToken(err)
	}
	header, payload := segments(g.IDToken)
	alg := algorithmOf(header)
	if !slices.Contains(m.algorithms, alg) {
		return nil, nil, failed(errAlgorithm)
	}
	if err := checkIDToken(t, p, l.client.id, l.opts.Now()); err != nil {
		return nil, nil, failed(err)
	}
	if h := t.Claims.AtHash; h != nil && !isHashOf(*h, alg, g.AccessToken) {
		return nil, nil, failed(errAtHash)
	}
	return t, payload, nil
}

// verifierOf returns the verifier of a token. That of a provider with many tenants is made
// for the tenant that the token names, and accepts no other.
func (l *Login[C]) verifierOf(token string) (*jwtauth.Verifier[idClaims], error) {
	if l.server.tenantOf == nil {
		return l.verifier, nil
	}
	issuer, keys, err := l.server.tenantOf(token)
	if err != nil {
		return nil, failed(err)
	}
	return newVerifier(issuer, keys, l.client.id, &l.opts)
}

// ofIDToken returns the refusal for an error of the Verifier, which may be an outage.
func ofIDToken(err error) error {
	if e, ok := err.(*guard.Error); ok && e.Status == http.StatusUnauthorized {
		return failed(e.Err)
	}
	return err
}

// checkIDToken checks the claims that depend on the sign-in. iss, aud, exp, iat, sub and
// the signature were checked.
func checkIDToken(t *jwtauth.Token[idClaims], p *pending, clientID string, now time.Time) error {
	c := &t.Claims
	switch {
	case p.Nonce == "" || subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(p.Nonce)) != 1:
		return errNonce
	case !isSubject(t.Sub()):
		return errSubject
	}
	if err := checkParty(c.AZP, t.Audience, clientID); err != nil {
		return err
	}
	if p.MaxAge != nil {
		if c.AuthTime == nil {
			return errNoAuthTime
		}
		// A sign-in at the provider may take long: its age counts when this one began.
		oldest := p.started().Add(-time.Duration(*p.MaxAge)*time.Second - leeway)
		if at := unix(*c.AuthTime); at.Before(oldest) || at.After(now.Add(leeway)) {
			return errAuthTime
		}
	}
	if len(p.ACR) > 0 && !slices.Contains(p.ACR, c.ACR) {
		return errACR
	}
	return nil
}

// checkParty checks azp: a token of several audiences is for the one that it names
// (OpenID Connect Core, section 3.1.3.7).
func checkParty(azp *string, audience []string, clientID string) error {
	switch {
	case azp != nil && *azp != clientID:
		return errAZP
	case azp == nil && len(audience) > 1:
		return errAZPMissing
	}
	return nil
}

// algorithmOf returns the alg of a header, empty if there is none.
func algorithmOf(header []byte) string {
	var head struct {
		Alg string `json:"alg"`
	}
	if json.Unmarshal(header, &head) != nil {
		return ""
	}
	return head.Alg
}

// isSubject reports whether s can be a subject (OpenID Connect Core, section 2).
func isSubject(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// unix is a NumericDate, or the zero time beyond the year 9999.
func unix(seconds float64) time.Time {
	if seconds < 0 || seconds > 253402300799 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// isHashOf reports whether a hash is that of an access token: the left half of the hash
// of alg (OpenID Connect Core, section 3.1.3.6). EdDSA hashes by SHA-512.
func isHashOf(hash, alg, accessToken string) bool {
	var sum []byte
	switch {
	case strings.HasSuffix(alg, "S256"):
		h := sha256.Sum256([]byte(accessToken))
		sum = h[:]
	case strings.HasSuffix(alg, "S384"):
		h := sha512.Sum384([]byte(accessToken))
		sum = h[:]
	case strings.HasSuffix(alg, "S512"), alg == "EdDSA", alg == "Ed25519":
		h := sha512.Sum512([]byte(accessToken))
		sum = h[:]
	default: // no hash is defined
		return false
	}
	return subtle.ConstantTimeCompare([]byte(hash), []byte(base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]))) == 1
}

// segments returns the decoded header and payload of a token.
func segments(token string) (header, payload []byte) {
	first, rest, _ := strings.Cut(token, ".")
	second, _, _ := strings.Cut(rest, ".")
	header, _ = base64.RawURLEncoding.DecodeString(first)
	payload, _ = base64.RawURLEncoding.DecodeString(second)
	return header, payload
}

// decode reads the members of an object into the application's claims.
func (l *Login[C]) decode(text []byte, claims *C) error {
	if l.shape.Unmarshal(text, claims) != nil {
		return failed(errClaims)
	}
	return nil
}
