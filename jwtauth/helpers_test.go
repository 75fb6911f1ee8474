package jwtauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// profile is the private claims of the tests.
type profile struct {
	Email string `json:"email,omitempty"`
	Role  string `json:"role,omitempty"`
}

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	noon   = time.Unix(1_800_000_000, 0)
)

func atNoon() time.Time { return noon }

var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return guard.Must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey() })
	edKey  = sync.OnceValue(func() ed25519.PrivateKey {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return guard.Must(k, err)
	})
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// A signer signs anything.
type signer func(signed string) []byte

func hs256(key []byte) signer {
	return func(signed string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(signed))
		return m.Sum(nil)
	}
}

func digest(s string) []byte { d := sha256.Sum256([]byte(s)); return d[:] }

func rs256(s string) []byte {
	return guard.Must(rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA256, digest(s)))
}

func ps256(salt int) signer {
	return func(s string) []byte {
		return guard.Must(rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest(s), &rsa.PSSOptions{SaltLength: salt}))
	}
}

func es256(s string) []byte { return es256By(ecKey())(s) }

func es256By(key *ecdsa.PrivateKey) signer {
	return func(s string) []byte {
		r, t, err := ecdsa.Sign(rand.Reader, key, digest(s))
		if err != nil {
			panic(err)
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		t.FillBytes(out[32:])
		return out
	}
}

// newECKey returns a key that is used nowhere else.
func newECKey() *ecdsa.PrivateKey { return guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func eddsa(s string) []byte { return ed25519.Sign(edKey(), []byte(s)) }

// forge returns a token of any header and payload, signed.
func forge(header, payload string, sign signer) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(string(sign(signed)))
}

// payload returns the claims of a good token with edits: "name=JSON" replaces or
// adds a claim, "name=" removes one.
func payload(edits ...string) string {
	type member struct{ name, value string }
	list := []member{
		{"iss", `"me"`}, {"sub", `"1"`}, {"aud", `"api"`}, {"exp", "1800000060"}, {"iat", "1800000000"},
		{"jti", `"j"`}, {"type", `"access"`}, {"role", `"user"`},
	}
edits:
	for _, e := range edits {
		name, value, _ := strings.Cut(e, "=")
		for i := range list {
			if list[i].name == name {
				list[i].value = value
				continue edits
			}
		}
		list = append(list, member{name, value})
	}
	var b strings.Builder
	for _, m := range list {
		if m.value != "" {
			b.WriteString("," + string(guard.Must(json.Marshal(m.name))) + ":" + m.value)
		}
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// got is the response to a request, and what the handler and Observe received.
type got struct {
	status    int
	message   string
	challenge string
	reason    string // for Observe
	token     *jwtauth.Token[profile]
	header    http.Header
}

func send(t testing.TB, a guard.Authenticator[*jwtauth.Token[profile]], r *http.Request) (g got) {
	t.Helper()
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { g.reason = d.Reason })
	h := guard.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, tok *jwtauth.Token[profile]) { g.token = tok })
	w := httptest.NewRecorder()
	guard.Chain(observe, guard.Require(a))(h).ServeHTTP(w, r)
	g.status, g.header, g.challenge = w.Code, w.Header(), w.Header().Get("WWW-Authenticate")
	if w.Body.Len() > 0 {
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("body %q: %v", w.Body, err)
		}
		g.message = body.Message
	}
	if (g.token != nil) != (g.status == http.StatusOK) {
		t.Fatalf("status %d, and the handler got %v", g.status, g.token)
	}
	return g
}

func sendToken(t testing.TB, a guard.Authenticator[*jwtauth.Token[profile]], token string) got {
	t.Helper()
	return send(t, a, bearer(token))
}

// bearer returns a request with the token, without the checks of http.Header.
func bearer(token string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		r.Header["Authorization"] = []string{"Bearer " + token}
	}
	return r
}

func rawURL(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

// verifyAs verifies a token with private claims C.
func verifyAs[C any](ctx context.Context, edits ...string) (*jwtauth.Token[C], error) {
	v := guard.Must(jwtauth.NewVerifier[C](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon,
	}))
	return v.Verify(ctx, forge(jwtHeader, payload(append([]string{"role="}, edits...)...), hs256(secret)))
}

// reasonOf returns the cause of a refusal, "" without an error.
func reasonOf(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return ""
}
