package oauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/signin/oauth"
)

// TestAtHash: at_hash is the left half of the hash that belongs to alg, and EdDSA has
// that of SHA-512.
func TestAtHash(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	edKey := object{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": encode(public)}
	ec := func(curve elliptic.Curve) (*ecdsa.PrivateKey, object) {
		k := guard.Must(ecdsa.GenerateKey(curve, rand.Reader))
		b := guard.Must(k.PublicKey.Bytes())
		return k, object{"kty": "EC", "crv": curve.Params().Name, "kid": "1", "x": encode(b[1 : 1+len(b)/2]), "y": encode(b[1+len(b)/2:])}
	}
	k384, jwk384 := ec(elliptic.P384())
	k521, jwk521 := ec(elliptic.P521())
	for _, tt := range []struct {
		alg    string
		key    object
		method jwt.SigningMethod
		signer any
		hash   crypto.Hash
	}{
		{"ES384", jwk384, jwt.SigningMethodES384, k384, crypto.SHA384},
		{"ES512", jwk521, jwt.SigningMethodES512, k521, crypto.SHA512},
		{"EdDSA", edKey, jwt.SigningMethodEdDSA, private, crypto.SHA512},
		{"Ed25519", edKey, jwt.SigningMethodEdDSA, private, crypto.SHA512},
	} {
		for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			p := newProvider()
			p.metadata = func(m object) { m["id_token_signing_alg_values_supported"] = []string{tt.alg} }
			p.jwks = func() []object { return []object{tt.key} }
			p.header = object{"alg": tt.alg, "kid": "1"}
			p.sign = func(s string) []byte { return guard.Must(tt.method.Sign(s, tt.signer)) }
			h := hash.New()
			h.Write([]byte("the-access-token"))
			p.claims = func(c object) { c["at_hash"] = encode(h.Sum(nil)[:hash.Size()/2]) }
			a := newApp(t, p, oauth.Options{})
			want := 401
			if hash == tt.hash {
				want = 303
			}
			if w := a.signIn(""); w.Code != want {
				t.Errorf("%s with %v: %d %s", tt.alg, hash, w.Code, a.reason())
			}
		}
	}
}

// TestKeptTokens reads the answers of token endpoints as they are.
func TestKeptTokens(t *testing.T) {
	requested := []string{"openid", "email"}
	for _, tt := range []struct {
		scope, expires any
		scopes         []string
		seconds        int
	}{
		{nil, 300, requested, 300},
		{"", "300", requested, 300},
		{"openid admin", 0, []string{"openid", "admin"}, 0},
		{[]string{"openid"}, -1, []string{"openid"}, -1},
		{[]int{1}, 1e300, []string{}, -1},
		{7, nil, requested, -1},
		{"openid", "soon", []string{"openid"}, -1},
		{"openid", "NaN", []string{"openid"}, -1},
		{"openid", "-Inf", []string{"openid"}, -1},
		{"openid", 300.9, []string{"openid"}, 300},
		{"openid", json.RawMessage("300.0"), []string{"openid"}, 300},
		{"openid", json.RawMessage("3e2"), []string{"openid"}, 300},
	} {
		now := time.Now()
		p := newProvider()
		p.answer = func(a object) {
			a["scope"], a["expires_in"] = tt.scope, tt.expires
			delete(a, "refresh_token")
		}
		a := newApp(t, p, oauth.Options{KeepTokens: true, Now: func() time.Time { return now }})
		if w := a.signIn(""); w.Code != 303 {
			t.Fatalf("%+v: %s", tt, a.reason())
		}
		got, expires := a.who.Tokens, now.Add(time.Duration(tt.seconds)*time.Second)
		if tt.seconds < 0 {
			expires = time.Time{}
		}
		if len(got.Scopes)+len(tt.scopes) > 0 && !reflect.DeepEqual(got.Scopes, tt.scopes) || !got.ExpiresAt.Equal(expires) || got.RefreshToken != nil {
			t.Errorf("%v %v: %q %v", tt.scope, tt.expires, got.Scopes, got.ExpiresAt)
		}
	}
}

// kms is a signer that is down.
type kms struct{ crypto.Signer }

func (kms) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the KMS is down")
}

// A KMS that is down is an outage before the token endpoint's answer.
func TestAssertionFails(t *testing.T) {
	p := newProvider()
	a := appOf(t, p, oauth.Discover(issuer), oauth.Client{ID: clientID, Key: jwtauth.Signer("ES256", kms{otherKey})}, oauth.Options{})
	if w := a.signIn(""); w.Code != 503 || a.pending() != 1 || p.count("/token") != 0 {
		t.Errorf("%d, %d pending, %s", w.Code, a.pending(), a.reason())
	}
}
