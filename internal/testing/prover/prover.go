// Package prover makes DPoP proofs (RFC 9449), right ones and others, for tests. It
// shares no code with package dpop.
package prover

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A Key is a client's key.
type Key struct {
	Alg     string
	Private crypto.Signer
	JWK     map[string]any // the public half
}

// NewKey returns a key for an algorithm. The bits are those of an RSA key.
func NewKey(alg string, bits int) *Key {
	k := &Key{Alg: alg}
	switch alg {
	case "ES256":
		k.setEC(elliptic.P256(), "P-256", 32)
	case "ES384":
		k.setEC(elliptic.P384(), "P-384", 48)
	case "ES512":
		k.setEC(elliptic.P521(), "P-521", 66)
	case "EdDSA", "Ed25519":
		public, private, err := ed25519.GenerateKey(rand.Reader)
		check(err)
		k.Private, k.JWK = private, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
	default:
		private, err := rsa.GenerateKey(rand.Reader, bits)
		check(err)
		k.Private = private
		k.JWK = map[string]any{"kty": "RSA", "n": encode(private.N.Bytes()), "e": encode(big.NewInt(int64(private.E)).Bytes())}
	}
	return k
}

func (k *Key) setEC(curve elliptic.Curve, name string, size int) {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	check(err)
	point, err := private.PublicKey.Bytes()
	check(err)
	k.Private = private
	k.JWK = map[string]any{"kty": "EC", "crv": name, "x": encode(point[1 : 1+size]), "y": encode(point[1+size:])}
}

// Thumbprint is that of RFC 7638.
func (k *Key) Thumbprint() string {
	members := maps.Clone(k.JWK) // encoding/json sorts them
	sum := sha256.Sum256(marshal(members))
	return encode(sum[:])
}

// A Claims is a change of what a proof says.
type Claims = map[string]any

// Header returns the header of a right proof.
func (k *Key) Header() Claims {
	return Claims{"typ": "dpop+jwt", "alg": k.Alg, "jwk": maps.Clone(k.JWK)}
}

// Payload returns the payload of a right proof. token and nonce may be empty.
func (k *Key) Payload(method, url, token, nonce string, now time.Time) Claims {
	c := Claims{"jti": rand.Text(), "htm": method, "htu": url, "iat": now.Unix()}
	if token != "" {
		c["ath"] = Hash(token)
	}
	if nonce != "" {
		c["nonce"] = nonce
	}
	return c
}

// Proof returns a right proof.
func (k *Key) Proof(method, url, token, nonce string, now time.Time) string {
	return k.Sign(marshal(k.Header()), marshal(k.Payload(method, url, token, nonce, now)))
}

// Sign returns a proof of any header and payload.
func (k *Key) Sign(header, payload []byte) string {
	text := encode(header) + "." + encode(payload)
	method := jwt.GetSigningMethod(k.Alg)
	if k.Alg == "Ed25519" {
		method = jwt.SigningMethodEdDSA
	}
	signature, err := method.Sign(text, k.Private)
	check(err)
	return text + "." + encode(signature)
}

// Request returns a request with a token and a right proof for it at the origin
// https://api.example.com.
func (k *Key) Request(method, path, token, nonce string, now time.Time) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", k.Proof(method, "https://api.example.com"+path, token, nonce, now))
	return r
}

// Hash is the ath of a token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return encode(sum[:])
}

// JSON is the text of claims.
func JSON(c any) []byte { return marshal(c) }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	check(err)
	return b
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
