package jwtauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/hostiletoken"
	"github.com/go-guard/guard/jwtauth"
)

const jwtHeader = `{"alg":"HS256","typ":"JWT"}`

// verifiers returns the verifiers of the hostile tokens, by name.
func verifiers(t testing.TB) map[string]guard.Authenticator[*jwtauth.Token[profile]] {
	t.Helper()
	opts := func(edit ...func(*jwtauth.VerifierOptions)) *jwtauth.VerifierOptions {
		o := &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api", "web"}, Now: atNoon}
		for _, f := range edit {
			f(o)
		}
		return o
	}
	verifier := func(keys jwtauth.KeySource, edit ...func(*jwtauth.VerifierOptions)) *jwtauth.Verifier[profile] {
		return guard.Must(jwtauth.NewVerifier[profile](keys, opts(edit...)))
	}
	hs := jwtauth.HMAC("HS256", secret)
	issuer := guard.Must(jwtauth.NewIssuer[profile](hs, &jwtauth.IssuerOptions{Issuer: "me", Audience: []string{"api", "web"}, Now: atNoon}))
	return map[string]guard.Authenticator[*jwtauth.Token[profile]]{
		"issuer": issuer.Verifier(),
		"leeway": verifier(hs, func(o *jwtauth.VerifierOptions) { o.Leeway = jwtauth.MaxLeeway }),
		"at+jwt": verifier(hs, func(o *jwtauth.VerifierOptions) { o.Types = []string{"at+jwt"} }),
		"id":     verifier(jwtauth.Keys(hs.WithID("a"), jwtauth.HMAC("HS256", []byte(strings.Repeat("x", 32))).WithID("b"))),
		"plain":  verifier(hs, func(o *jwtauth.VerifierOptions) { o.Issuer, o.Audience = "", nil }),
		"anyaud": verifier(hs, func(o *jwtauth.VerifierOptions) { o.Audience, o.InsecureAnyAudience = nil, true }),
		"deny":   verifier(hs, func(o *jwtauth.VerifierOptions) { o.Denylist = guard.Must(jwtauth.NewMemory(nil)) }),
		"rs":     verifier(jwtauth.RSA("RS256", &rsaKey().PublicKey)),
		"ps":     verifier(jwtauth.RSA("PS256", &rsaKey().PublicKey)),
		"es":     verifier(jwtauth.ECDSA("ES256", &ecKey().PublicKey)),
		"ed":     verifier(jwtauth.Ed25519("EdDSA", edKey().Public().(ed25519.PublicKey))),
		"two": guard.Must(jwtauth.NewVerifier[profile](hs, opts(func(o *jwtauth.VerifierOptions) {
			o.Trust = []jwtauth.Trust{{Issuer: "you", Keys: jwtauth.RSA("RS256", &rsaKey().PublicKey), Audience: []string{"api"}, Prefix: "you:"}}
		}))),
	}
}

// A hostile token is refused for one reason; a reason of "" accepts.
type hostile struct {
	name     string
	verifier string // "" for issuer
	token    string
	reason   string
}

const (
	algReason       = "jwtauth: alg is not the key's"
	sigReason       = "jwtauth: the signature does not verify"
	jsonReason      = "jwtauth: a segment is not one strict JSON object"
	base64Reason    = "jwtauth: a segment is not strict base64url"
	segmentsReason  = "jwtauth: the token does not have three segments"
	encryptedReason = "jwtauth: the token has the five segments of an encrypted one (JWE)"
	paddedReason    = "jwtauth: a segment has base64 padding"
	malformedReason = "jwtauth: the credential is not one token"
	tooLongReason   = "jwtauth: the token is longer than MaxTokenBytes"
	twiceReason     = "jwtauth: a member name occurs twice"
	caseReason      = "jwtauth: a member name differs from a known one in case only"
	kindReason      = "jwtauth: a registered member is of the wrong JSON type"
	dateReason      = "jwtauth: a date is negative or out of range"
	critReason      = "jwtauth: crit or b64 requires an extension"
	typReason       = "jwtauth: typ is not accepted"
	keyReason       = "jwtauth: no key of this kid and alg"
	kidReason       = "jwtauth: kid is empty or too long"
	membersReason   = "jwtauth: the payload has more members than MaxTokenBytes allows"
	headReason      = "jwtauth: the header has more than 64 members"
	numberReason    = "jwtauth: sub is a number, not a string"
	trustReason     = "jwtauth: iss is missing, or names none of several issuers"
	notAskedReason  = "jwtauth: iss is not an https URL that TrustFunc may be asked about"
	subReason       = "jwtauth: sub is missing or empty"
	noTypeReason    = "jwtauth: type is missing"
	typeReason      = "jwtauth: type has another value"
	noExpReason     = "jwtauth: exp is missing"
	expReason       = "jwtauth: exp is past"
	noIssReason     = "jwtauth: iss is missing"
	issReason       = "jwtauth: iss has another value"
	noAudReason     = "jwtauth: aud is missing"
	audReason       = "jwtauth: aud has only other values"
	nbfReason       = "jwtauth: nbf is in the future"
	claimsReason    = "jwtauth: the claims do not fit their Go type"
	boundReason     = "jwtauth: cnf binds the token to a key, which is not checked"
	noIDReason      = "jwtauth: the token has neither jti nor sid"
)

func TestHostileTokens(t *testing.T) {
	t.Parallel()
	all := verifiers(t)
	list := append(hostileHeaders(), append(hostileSpellings(), append(hostileClaims(), hostileSignatures()...)...)...)
	names := map[string]bool{}
	refused := 0
	for _, tt := range list {
		if names[tt.name] {
			t.Fatalf("%q occurs twice", tt.name)
		}
		names[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			a := all[tt.verifier]
			if tt.verifier == "" {
				a = all["issuer"]
			}
			g := sendToken(t, a, tt.token)
			if tt.reason == "" {
				if g.status != http.StatusOK {
					t.Fatalf("status %d: %s", g.status, g.reason)
				}
				return
			}
			if g.status != http.StatusUnauthorized || g.reason != tt.reason || g.message != messageOf(tt.reason) {
				t.Errorf("status %d, reason %q, message %q; want 401, %q, %q", g.status, g.reason, g.message, tt.reason, messageOf(tt.reason))
			}
			if g.challenge != `Bearer error="invalid_token"` {
				t.Errorf("challenge %q", g.challenge)
			}
		})
		if tt.reason != "" {
			refused++
		}
	}
	if refused < 80 {
		t.Errorf("only %d tokens are refused", refused)
	}
}

// messageOf is the public message of a reason.
func messageOf(reason string) string {
	switch reason {
	case noTypeReason, typeReason:
		return "Invalid token type"
	case noExpReason, expReason:
		return "Token expired"
	case noIssReason, issReason:
		return "Invalid issuer"
	case noAudReason, audReason:
		return "Invalid audience"
	case nbfReason:
		return "Token not yet valid"
	}
	return "Invalid token"
}

func hostileSignatures() []hostile {
	random := make([]byte, 32)
	_, _ = rand.Read(random)
	good := forge(jwtHeader, payload(), hs256(secret))
	es := func(edit func([]byte) []byte) string {
		return forge(`{"alg":"ES256"}`, payload(), func(s string) []byte { return edit(es256(s)) })
	}
	return []hostile{
		{"control: RS256", "rs", forge(`{"alg":"RS256"}`, payload(), rs256), ""},
		{"control: PS256", "ps", forge(`{"alg":"PS256"}`, payload(), ps256(32)), ""},
		{"control: ES256", "es", es(func(b []byte) []byte { return b }), ""},
		{"control: ES256 with n-s for s, as good a signature", "es", es(func(b []byte) []byte {
			s := new(big.Int).SetBytes(b[32:])
			s.Sub(ecKey().Params().N, s).FillBytes(b[32:])
			return b
		}), ""},
		{"control: EdDSA", "ed", forge(`{"alg":"EdDSA"}`, payload(), eddsa), ""},
		{"control: Ed25519", "ed", forge(`{"alg":"Ed25519"}`, payload(), eddsa), ""},
		{"control: two issuers, the first", "two", good, ""},
		{"control: two issuers, the second", "two", forge(`{"alg":"RS256"}`, payload(`iss="you"`), rs256), ""},

		{"another secret", "", forge(jwtHeader, payload(), hs256(random)), sigReason},
		{"an empty secret", "", forge(jwtHeader, payload(), hs256(nil)), sigReason},
		{"signature cut to 31 bytes", "", forge(jwtHeader, payload(), func(s string) []byte { return hs256(secret)(s)[:31] }), sigReason},
		{"signature of 33 bytes", "", forge(jwtHeader, payload(), func(s string) []byte { return append(hs256(secret)(s), 0) }), sigReason},
		{"signature of one byte", "", forge(jwtHeader, payload(), func(string) []byte { return []byte{0} }), sigReason},
		{"payload changed", "", forgeOver(good, payload(`sub="2"`)), sigReason},
		{"expired and badly signed says signature", "", forge(jwtHeader, payload("exp=1"), hs256(random)), sigReason},
		{"broken payload and badly signed says signature", "", forge(jwtHeader, "{", hs256(random)), sigReason},
		{"bound to a key by DPoP", "", forge(jwtHeader, payload(`cnf={"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`), hs256(secret)), boundReason},
		{"bound to a certificate", "rs", forge(`{"alg":"RS256"}`, payload(`cnf={"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`), rs256), boundReason},
		{"bound to nothing", "", forge(jwtHeader, payload("cnf=null"), hs256(secret)), boundReason},
		{"unsigned hash", "", forge(jwtHeader, payload(), func(s string) []byte { d := sha256.Sum256([]byte(s)); return d[:] }), sigReason},
		{"ES256 with r and s zero", "es", es(func(b []byte) []byte { return make([]byte, 64) }), sigReason},
		{"ES256 with r zero", "es", es(func(b []byte) []byte { clear(b[:32]); return b }), sigReason},
		{"ES256 with s zero", "es", es(func(b []byte) []byte { clear(b[32:]); return b }), sigReason},
		{"ES256 of 63 bytes", "es", es(func(b []byte) []byte { return b[:63] }), sigReason},
		{"ES256 of 65 bytes", "es", es(func(b []byte) []byte { return append(b, 0) }), sigReason},
		{"ES256 with a leading zero each", "es", es(func(b []byte) []byte {
			return append(append([]byte{0}, b[:32]...), append([]byte{0}, b[32:]...)...)
		}), sigReason},
		{"ES256 in ASN.1", "es", forge(`{"alg":"ES256"}`, payload(), func(s string) []byte {
			return guard.Must(ecKey().Sign(rand.Reader, digest(s), nil))
		}), sigReason},
		{"ES256 with r of the curve's order", "es", es(func(b []byte) []byte {
			ecKey().Params().N.FillBytes(b[:32])
			return b
		}), sigReason},
		{"PS256 with a salt of 20", "ps", forge(`{"alg":"PS256"}`, payload(), ps256(20)), sigReason},
		{"PS256 with a salt of one byte", "ps", forge(`{"alg":"PS256"}`, payload(), ps256(1)), sigReason},
		{"RS256 signed as PS256", "rs", forge(`{"alg":"RS256"}`, payload(), ps256(32)), sigReason},
		{"EdDSA of 63 bytes", "ed", forge(`{"alg":"EdDSA"}`, payload(), func(s string) []byte { return eddsa(s)[:63] }), sigReason},
		{"EdDSA lower case", "ed", forge(`{"alg":"ed25519"}`, payload(), eddsa), algReason},
		{"two issuers, the second's key for the first", "two", forge(`{"alg":"RS256"}`, payload(), rs256), algReason},
		{"two issuers, the first's key for the second", "two", forge(jwtHeader, payload(`iss="you"`), hs256(secret)), algReason},
		{"two issuers, neither", "two", forge(jwtHeader, payload(`iss="us"`), hs256(secret)), trustReason},
		{"two issuers, none", "two", forge(jwtHeader, payload("iss="), hs256(secret)), trustReason},
		{"two issuers, a broken payload", "two", forge(jwtHeader, "{", hs256(secret)), trustReason},
	}
}

// forgeOver keeps header and signature.
func forgeOver(token, payload string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + b64(payload) + "." + parts[2]
}

// TestHostileTokensOfAnIssuer: the tokens that the example is shown over TCP.
func TestHostileTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	k := guard.Must(hostiletoken.NewKeys())
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.Keys(
		jwtauth.RSA("RS256", &k.RSA.PublicKey).WithID("RS256"),
		jwtauth.ECDSA("ES256", &k.EC.PublicKey).WithID("ES256"),
		jwtauth.Ed25519("EdDSA", k.Ed.Public().(ed25519.PublicKey)).WithID("EdDSA"),
	), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	for _, tt := range guard.Must(hostiletoken.Table(k, "me", "api", noon.Unix())) {
		t.Run(tt.Name, func(t *testing.T) {
			g := sendToken(t, v, tt.Token)
			if tt.Control() {
				if g.status != http.StatusOK {
					t.Errorf("status %d: %s", g.status, g.reason)
				}
				return
			}
			if g.status != http.StatusUnauthorized || g.message != tt.Message || g.reason != tt.Reason || g.challenge != `Bearer error="invalid_token"` {
				t.Errorf("status %d, %q, %q, challenge %q; want %q, %q", g.status, g.message, g.reason, g.challenge, tt.Message, tt.Reason)
			}
		})
	}
}
