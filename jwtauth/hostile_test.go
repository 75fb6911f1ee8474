package jwtauth_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

const jwtHeader = `{"alg":"HS256","typ":"JWT"}`

// verifiers are those that the tokens below are shown to.
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
	own := guard.Must(jwtauth.NewIssuer[profile](hs, &jwtauth.IssuerOptions{Issuer: "me", Audience: []string{"api", "web"}, Now: atNoon}))
	return map[string]guard.Authenticator[*jwtauth.Token[profile]]{
		"own":    own.Verifier(),
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
			o.Trust = []jwtauth.Trust{{Issuer: "you", Keys: jwtauth.RSA("RS256", &rsaKey().PublicKey), Audience: []string{"api"}}}
		}))),
	}
}

// A hostile token is refused for one reason; a reason of "" accepts.
type hostile struct {
	name     string
	verifier string // "" for own
	token    string
	reason   string
}

const (
	algReason       = "jwtauth: alg is not the key's"
	sigReason       = "jwtauth: the signature does not verify"
	jsonReason      = "jwtauth: a segment is not one strict JSON object"
	base64Reason    = "jwtauth: a segment is not strict base64url"
	segmentsReason  = "jwtauth: the token does not have three segments"
	malformedReason = "jwtauth: the credential is not one token, or is too long"
	twiceReason     = "jwtauth: a member name occurs twice"
	caseReason      = "jwtauth: a member name differs from a known one in case only"
	kindReason      = "jwtauth: a registered member is of the wrong JSON type"
	dateReason      = "jwtauth: a date is negative or out of range"
	critReason      = "jwtauth: crit or b64 requires an extension"
	typReason       = "jwtauth: typ is not accepted"
	keyReason       = "jwtauth: no key of this kid and alg"
	kidReason       = "jwtauth: kid is empty or too long"
	membersReason   = "jwtauth: a segment has too many members"
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
	iatReason       = "jwtauth: iat is in the future"
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
				a = all["own"]
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
	case nbfReason, iatReason:
		return "Token not yet valid"
	}
	return "Invalid token"
}

func hostileHeaders() []hostile {
	own := hs256(secret)
	with := func(header string) string { return forge(header, payload(), own) }
	pub := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: guard.Must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))})
	none := func(alg string) string {
		return b64(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + b64(payload()) + "." + b64("x")
	}
	return []hostile{
		{"control: a good token", "", with(jwtHeader), ""},
		{"control: at+jwt", "", with(`{"alg":"HS256","typ":"at+jwt"}`), ""},
		{"control: application/at+jwt", "at+jwt", with(`{"alg":"HS256","typ":"application/AT+jwt"}`), ""},
		{"control: no typ", "", with(`{"alg":"HS256"}`), ""},
		{"control: escapes in the header", "", with(`{"alg":"H\u00532\u00356","t\u0079p":"JWT"}`), ""},
		{"control: whitespace in the header", "", with(" {\r\n\t\"alg\" : \"HS256\" , \"typ\":\"JWT\" } \n"), ""},
		{"control: unknown header member", "", with(`{"alg":"HS256","x":{"y":[1,{}]}}`), ""},
		{"control: 64 header members", "", with(`{"alg":"HS256"` + numbered(63) + `}`), ""},
		{"control: kid of a key without id", "", with(`{"alg":"HS256","kid":"../../etc/passwd"}`), ""},
		{"control: jku is not followed", "", with(`{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/","jwk":{"kty":"oct","k":"AA"},"x5c":["x"]}`), ""},
		{"control: kid chooses", "id", with(`{"alg":"HS256","kid":"a"}`), ""},
		{"control: no kid, all keys", "id", with(`{"alg":"HS256"}`), ""},

		{"alg none", "", none("none"), algReason},
		{"alg None", "", none("None"), algReason},
		{"alg NONE", "", none("NONE"), algReason},
		{"alg nOnE with a right signature", "", with(`{"alg":"nOnE"}`), algReason},
		{"alg none without a signature", "", b64(`{"alg":"none"}`) + "." + b64(payload()) + ".", segmentsReason},
		{"alg missing", "", with(`{"typ":"JWT"}`), algReason},
		{"alg null", "", with(`{"alg":null}`), kindReason},
		{"alg a number", "", with(`{"alg":256}`), kindReason},
		{"alg a list", "", with(`{"alg":["HS256"]}`), kindReason},
		{"alg lower case", "", with(`{"alg":"hs256"}`), algReason},
		{"alg with a space", "", with(`{"alg":"HS256 "}`), algReason},
		{"alg with a NUL", "", with(`{"alg":"HS256\u0000"}`), algReason},
		{"alg HS512 for a key of HS256", "", forge(`{"alg":"HS512"}`, payload(), func(s string) []byte {
			m := hmac.New(sha512.New, secret)
			m.Write([]byte(s))
			return m.Sum(nil)
		}), algReason},
		{"alg HS256 with the RSA key as secret", "rs", forge(jwtHeader, payload(), hs256(pub)), algReason},
		{"alg RS256 for a key of PS256", "ps", forge(`{"alg":"RS256"}`, payload(), rs256), algReason},
		{"alg PS256 for a key of RS256", "rs", forge(`{"alg":"PS256"}`, payload(), ps256(32)), algReason},
		{"alg twice", "", with(`{"alg":"HS256","alg":"none"}`), twiceReason},
		{"alg twice, once escaped", "", with(`{"alg":"HS256","\u0061lg":"HS256"}`), twiceReason},
		{"ALG beside alg", "", with(`{"alg":"HS256","ALG":"none"}`), caseReason},
		{"Kid for kid", "", with(`{"alg":"HS256","Kid":"a"}`), caseReason},
		{"kid with the Kelvin sign", "", with(`{"alg":"HS256","` + "\u212a" + `id":"a"}`), caseReason},
		{"crit unknown", "", with(`{"alg":"HS256","crit":["exp"],"exp":1}`), critReason},
		{"crit b64", "", with(`{"alg":"HS256","crit":["b64"],"b64":true}`), critReason},
		{"crit empty", "", with(`{"alg":"HS256","crit":[]}`), critReason},
		{"crit null", "", with(`{"alg":"HS256","crit":null}`), critReason},
		{"b64 without crit", "", with(`{"alg":"HS256","b64":false}`), critReason},
		{"typ dpop+jwt", "", with(`{"alg":"HS256","typ":"dpop+jwt"}`), typReason},
		{"typ JOSE", "", with(`{"alg":"HS256","typ":"JOSE"}`), typReason},
		{"typ secevent+jwt", "", with(`{"alg":"HS256","typ":"secevent+jwt"}`), typReason},
		{"typ empty", "", with(`{"alg":"HS256","typ":""}`), typReason},
		{"typ application/ alone", "", with(`{"alg":"HS256","typ":"application/"}`), typReason},
		{"typ a list", "", with(`{"alg":"HS256","typ":["JWT"]}`), kindReason},
		{"typ JWT where at+jwt is asked for", "at+jwt", with(jwtHeader), typReason},
		{"typ absent where at+jwt is asked for", "at+jwt", with(`{"alg":"HS256"}`), typReason},
		{"kid of no key", "id", with(`{"alg":"HS256","kid":"c"}`), keyReason},
		{"kid of another key", "id", with(`{"alg":"HS256","kid":"b"}`), sigReason},
		{"kid empty", "id", with(`{"alg":"HS256","kid":""}`), kidReason},
		{"kid of 257 bytes", "", with(`{"alg":"HS256","kid":"` + strings.Repeat("k", 257) + `"}`), kidReason},
		{"kid a number", "id", with(`{"alg":"HS256","kid":1}`), kindReason},
		{"kid an object", "id", with(`{"alg":"HS256","kid":{"a":1}}`), kindReason},
		{"65 header members", "", with(`{"alg":"HS256"` + numbered(64) + `}`), membersReason},
		{"65 header members, nested", "", with(`{"alg":"HS256","x":[{"y":{"z":0` + numbered(61) + `}}]}`), membersReason},
		{"header a list", "", with(`[{"alg":"HS256"}]`), jsonReason},
		{"header null", "", with(`null`), jsonReason},
		{"header with a trailing comma", "", with(`{"alg":"HS256",}`), jsonReason},
		{"header with single quotes", "", with(`{'alg':'HS256'}`), jsonReason},
		{"header with a byte order mark", "", with("\ufeff" + jwtHeader), jsonReason},
		{"header with a second object", "", with(jwtHeader + jwtHeader), jsonReason},
		{"header cut off", "", with(`{"alg":"HS256"`), jsonReason},
		{"header of 100 nested lists", "", with(`{"alg":"HS256","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`), jsonReason},
		{"header nested without end", "", with(`{"alg":"HS256","x":` + strings.Repeat(`[`, 4000)), jsonReason},
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"x` + strconv.Itoa(i) + `":0`)
	}
	return b.String()
}

func hostileSpellings() []hostile {
	good := forge(jwtHeader, payload(), hs256(secret))
	h, rest, _ := strings.Cut(good, ".")
	p, sig, _ := strings.Cut(rest, ".")
	// The signature has 32 bytes: its last character has two bits to spare.
	spare := good[:len(good)-1] + string(flip(good[len(good)-1]))
	signAs := func(signed string) string {
		return signed + "." + b64(string(hs256(secret)(signed)))
	}
	return []hostile{
		{"empty", "", " ", malformedReason},
		{"one segment", "", h, segmentsReason},
		{"two segments", "", h + "." + p, segmentsReason},
		{"four segments", "", good + "." + sig, segmentsReason},
		{"five segments, as a JWE has", "", good + ".a.b", segmentsReason},
		{"empty header", "", "." + p + "." + sig, segmentsReason},
		{"empty payload", "", signAs(h + "."), segmentsReason},
		{"empty signature", "", h + "." + p + ".", segmentsReason},
		{"dots alone", "", "..", segmentsReason},
		{"a dot behind", "", good + ".", segmentsReason},
		{"spare bits in the signature", "", spare, base64Reason},
		{"padded signature", "", good + "=", base64Reason},
		{"padded header", "", signAs(b64pad(jwtHeader+" ") + "." + p), malformedReason},
		{"standard base64", "", signAs(h + "." + base64.RawStdEncoding.EncodeToString([]byte(payload(`x="ÿÿÿ>>>???"`)))), base64Reason},
		{"newline at the end", "", good + "\n", malformedReason},
		{"carriage return at the end", "", good + "\r\n", malformedReason},
		{"newline between segments", "", signAs(h + ".\n" + p), malformedReason},
		{"newline inside a segment", "", signAs(h[:8] + "\n" + h[8:] + "." + p), malformedReason},
		{"space inside a segment", "", signAs(h[:8] + " " + h[8:] + "." + p), malformedReason},
		{"tab before", "", "\t" + good, malformedReason},
		{"NUL at the end", "", good + "\x00", malformedReason},
		{"a second token behind a comma", "", good + ", " + good, malformedReason},
		{"quoted", "", `"` + good + `"`, malformedReason},
		{"percent sign", "", strings.Replace(good, ".", "%2E", 1), malformedReason},
		{"a letter that is none of base64", "", signAs(h + "!." + p), malformedReason},
		{"non-ASCII", "", good + "é", malformedReason},
		{"tilde", "", signAs(h + "~." + p), base64Reason},
		{"8193 bytes", "", strings.Repeat("a", 8193), malformedReason},
		{"800 KB", "", strings.Repeat("a.", 400<<10), malformedReason},
		{"8 KB of dots", "", strings.Repeat(".", 8192), segmentsReason},
	}
}

// flip changes the lowest bit that a base64 letter stands for.
func flip(c byte) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return letters[strings.IndexByte(letters, c)^1]
}

func b64pad(s string) string {
	for len(s)%3 == 0 {
		s += " "
	}
	return base64.URLEncoding.EncodeToString([]byte(s))
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
		{"two issuers, neither", "two", forge(jwtHeader, payload(`iss="us"`), hs256(secret)), issReason},
		{"two issuers, none", "two", forge(jwtHeader, payload("iss="), hs256(secret)), noIssReason},
		{"two issuers, a broken payload", "two", forge(jwtHeader, "{", hs256(secret)), jsonReason},
	}
}

// forgeOver keeps header and signature.
func forgeOver(token, payload string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + b64(payload) + "." + parts[2]
}

func hostileClaims() []hostile {
	with := func(edits ...string) string { return forge(jwtHeader, payload(edits...), hs256(secret)) }
	raw := func(payload string) string { return forge(jwtHeader, payload, hs256(secret)) }
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	return []hostile{
		{"control: a list of audiences", "", with(`aud=["other","api"]`), ""},
		{"control: a fraction in exp", "", with(`exp=1800000000.5`), ""},
		{"control: an exponent in exp", "", with(`exp=1.9e9`), ""},
		{"control: nbf now", "", with(`nbf=1800000000`), ""},
		{"control: expired within the leeway", "leeway", with(`exp=1799999881`), ""},
		{"control: nbf within the leeway", "leeway", with(`nbf=1800000120`), ""},
		{"control: whitespace in the payload", "", raw(" " + strings.ReplaceAll(payload(), ",", " ,\n") + "\t"), ""},
		{"control: any audience", "anyaud", with(`aud="x"`), ""},
		{"control: neither iss nor aud asked for", "plain", with("iss=", "aud="), ""},
		{"control: no iat", "", with("iat="), ""},
		{"control: type of a foreign token", "leeway", with(`type="x"`), ""},
		{"control: a surrogate pair", "", with(`email="\ud83d\ude00"`), ""},
		{"control: 40 more members", "", raw(payload()[:len(payload())-1] + numbered(40) + "}"), ""},

		{"no exp", "", with("exp="), noExpReason},
		{"exp now", "", with("exp=1800000000"), expReason},
		{"exp past", "", with("exp=1799999999"), expReason},
		{"exp past by a fraction", "", with("exp=1799999999.9"), expReason},
		{"exp 0", "", with("exp=0"), expReason},
		{"exp past the leeway", "leeway", with("exp=1799999880"), expReason},
		{"exp negative", "", with("exp=-1"), dateReason},
		{"exp -0", "", with("exp=-0"), dateReason},
		{"exp a string", "", with(`exp="1800000060"`), kindReason},
		{"exp null", "", with("exp=null"), kindReason},
		{"exp true", "", with("exp=true"), kindReason},
		{"exp a list", "", with("exp=[1800000060]"), kindReason},
		{"exp 1e300", "", with("exp=1e300"), dateReason},
		{"exp 1e999", "", with("exp=1e999"), jsonReason},
		{"a header number beyond float64", "", forge(`{"alg":"HS256","x":[-1E+999]}`, payload(), hs256(secret)), jsonReason},
		{"a payload number beyond float64", "", with("x={\"a\":" + strings.Repeat("9", 400) + "}"), jsonReason},
		{"exp with a fraction of 400 digits", "", with("exp=1." + strings.Repeat("9", 400)), expReason},
		{"exp beyond int64", "", with("exp=9223372036854775808"), dateReason},
		{"exp of 300 digits", "", with("exp=" + strings.Repeat("9", 300)), dateReason},
		{"exp in milliseconds", "", with("exp=1800000060000"), dateReason},
		{"exp NaN", "", with("exp=NaN"), kindReason},
		{"exp Infinity", "", with("exp=Infinity"), kindReason},
		{"exp hexadecimal", "", with("exp=0x6B49D200"), jsonReason},
		{"exp with a leading zero", "", with("exp=01800000060"), jsonReason},
		{"exp with a plus", "", with("exp=+1800000060"), kindReason},
		{"exp with a point alone", "", with("exp=1800000060."), jsonReason},
		{"exp without an exponent's digits", "", with("exp=1800000060e"), jsonReason},
		{"513 payload members", "", raw(`{"x":{"y":0` + numbered(511) + `}}`), membersReason},
		{"exp twice", "", raw(strings.Replace(payload("exp=1"), "{", `{"exp":1800000060,`, 1)), twiceReason},
		{"EXP beside exp", "", with("exp=1", "EXP=1800000060"), caseReason},
		{"Exp alone", "", with("exp=", "Exp=1800000060"), caseReason},
		{"AUD beside aud", "", with(`aud="x"`, `AUD="api"`), caseReason},
		{"iss with a long s", "", with(`iss="x"`, `iſs="me"`), caseReason},
		{"sub escaped and twice", "", raw(strings.Replace(payload(), "{", `{"s\u0075b":"2",`, 1)), twiceReason},
		{"ROLE beside role", "", with(`ROLE="admin"`), caseReason},
		{"Role alone", "", with("role=", `Role="admin"`), caseReason},
		{"TYPE beside type", "", with(`TYPE="refresh"`), caseReason},
		{"role twice", "", raw(strings.Replace(payload(), "{", `{"role":"admin",`, 1)), twiceReason},
		{"a nested member twice", "", with(`x={"a":1,"b":{"c":1,"c":2}}`), twiceReason},
		{"a member twice in a list", "", with(`x=[{"a":1,"a":2}]`), twiceReason},
		{"the 40th member twice", "", raw(payload()[:len(payload())-1] + numbered(40) + `,"x0":1}`), twiceReason},

		{"nbf in the future", "", with("nbf=1800000001"), nbfReason},
		{"nbf in the future by a fraction", "", with("nbf=1800000000.5"), nbfReason},
		{"nbf past the leeway", "leeway", with("nbf=1800000121"), nbfReason},
		{"nbf 1e300", "", with("nbf=1e300"), dateReason},
		{"nbf negative", "", with("nbf=-1"), dateReason},
		{"nbf a string", "", with(`nbf="0"`), kindReason},
		{"iat in the future", "", with("iat=1800000001"), iatReason},
		{"iat a string", "", with(`iat="now"`), kindReason},
		{"iat negative", "", with("iat=-1800000000"), dateReason},

		{"no type", "", with("type="), noTypeReason},
		{"type refresh", "", with(`type="refresh"`), typeReason},
		{"type Access", "", with(`type="Access"`), typeReason},
		{"type a list", "", with(`type=["access"]`), kindReason},
		{"type before exp", "", with("type=", "exp=", "iss="), noTypeReason},
		{"exp before iss", "", with("exp=", "iss="), noExpReason},
		{"no iss", "", with("iss="), noIssReason},
		{"iss of another", "", with(`iss="you"`), issReason},
		{"iss in another case", "", with(`iss="ME"`), issReason},
		{"iss with a slash behind", "", with(`iss="me/"`), issReason},
		{"iss empty", "", with(`iss=""`), issReason},
		{"iss null", "", with("iss=null"), kindReason},
		{"iss a list", "", with(`iss=["me"]`), kindReason},
		{"iss where none was asked for", "plain", with("aud="), issReason},
		{"no aud", "", with("aud="), noAudReason},
		{"aud of another", "", with(`aud="other"`), audReason},
		{"aud an empty list", "", with("aud=[]"), audReason},
		{"aud a longer one", "", with(`aud="api2"`), audReason},
		{"aud in another case", "", with(`aud="API"`), audReason},
		{"aud two in one string", "", with(`aud="api web"`), audReason},
		{"aud a list with a number", "", with(`aud=["api",1]`), kindReason},
		{"aud a list with null", "", with(`aud=["api",null]`), kindReason},
		{"aud nested", "", with(`aud=[["api"]]`), kindReason},
		{"aud an object", "", with(`aud={"api":1}`), kindReason},
		{"aud null", "", with("aud=null"), kindReason},
		{"aud where none was asked for", "plain", with("iss="), audReason},
		{"no sub", "", with("sub="), subReason},
		{"sub empty", "", with(`sub=""`), subReason},
		{"sub a number", "", with("sub=1"), kindReason},
		{"sub null", "", with("sub=null"), kindReason},
		{"jti a number", "", with("jti=1"), kindReason},
		{"sid a list", "", with(`sid=["s"]`), kindReason},
		{"neither jti nor sid where there is a denylist", "deny", with("jti="), noIDReason},

		{"role a number", "", with("role=1"), claimsReason},
		{"payload a list", "", raw("[" + payload() + "]"), jsonReason},
		{"payload a string", "", raw(`"` + "x" + `"`), jsonReason},
		{"payload null", "", raw("null"), jsonReason},
		{"payload a number", "", raw("1"), jsonReason},
		{"payload empty object", "", raw("{}"), noTypeReason},
		{"payload of whitespace", "", raw("  "), jsonReason},
		{"payload with more behind", "", raw(payload() + "x"), jsonReason},
		{"payload with a NUL behind", "", raw(payload() + "\x00"), jsonReason},
		{"payload with a comment", "", raw(payload() + "//"), jsonReason},
		{"payload that is no UTF-8", "", with("email=\"\xff\""), jsonReason},
		{"payload with half a surrogate pair", "", with(`email="\ud83d"`), jsonReason},
		{"payload with a surrogate pair in the wrong order", "", with(`email="\ude00\ud83d"`), jsonReason},
		{"payload with half a pair and a letter", "", with(`email="\ud83dx"`), jsonReason},
		{"payload with an unknown escape", "", with(`email="\x41"`), jsonReason},
		{"payload with a short escape", "", with(`email="\u00"`), jsonReason},
		{"payload with a line break in a string", "", with("email=\"a\nb\""), jsonReason},
		{"payload with a line break behind an escape", "", with("email=\"\\n\nb\""), jsonReason},
		{"payload with a string that does not end", "", raw(`{"sub":"1`), jsonReason},
		{"payload with an escape that does not end", "", raw(`{"sub":"1\`), jsonReason},
		{"payload without a colon", "", raw(`{"sub" "1"}`), jsonReason},
		{"payload without a comma", "", raw(`{"sub":"1" "exp":1}`), jsonReason},
		{"payload with an unquoted name", "", raw(`{sub:"1"}`), jsonReason},
		{"payload with a missing value", "", raw(`{"x":}`), jsonReason},
		{"payload with an unknown word", "", with("x=nul"), jsonReason},
		{"payload with a list without a comma", "", with("x=[1 2]"), jsonReason},
		{"payload 40 deep", "", with("x=" + deep), jsonReason},
		{"payload 40 objects deep", "", with("x=" + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)), jsonReason},
	}
}
