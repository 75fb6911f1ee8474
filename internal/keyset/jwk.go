package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/go-guard/guard/internal/jsontext"
)

var base64url = base64.RawURLEncoding.Strict()

// A JWK is a public key as RFC 7517 writes it. The members up to Y are in the
// order in which RFC 7638, section 3.3, hashes them.
type JWK struct {
	Crv string  `json:"crv,omitempty"`
	E   string  `json:"e,omitempty"`
	Kty KeyType `json:"kty"`
	N   string  `json:"n,omitempty"`
	X   string  `json:"x,omitempty"`
	Y   string  `json:"y,omitempty"`
	Pub string  `json:"pub,omitempty"` // of an AKP

	Alg    string   `json:"alg,omitempty"`
	Kid    string   `json:"kid,omitempty"`
	Use    string   `json:"use,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
}

// NewJWK returns the JWK of a public key, without kid and use, and without alg unless
// it is an AKP. ok is false if public is a secret.
func NewJWK(public crypto.PublicKey) (j JWK, ok bool) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		j.Kty = RSA
		j.N, j.E = base64url.EncodeToString(k.N.Bytes()), base64url.EncodeToString(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil {
			return j, false
		}
		size := (len(point) - 1) / 2
		j.Kty, j.Crv = EC, k.Curve.Params().Name
		j.X, j.Y = base64url.EncodeToString(point[1:1+size]), base64url.EncodeToString(point[1+size:])
	case ed25519.PublicKey:
		j.Kty, j.Crv, j.X = OKP, "Ed25519", base64url.EncodeToString(k)
	default:
		return newAKP(public)
	}
	return j, true
}

// Thumbprint returns the SHA-256 thumbprint of the key (RFC 7638).
func (j JWK) Thumbprint() string {
	sum := j.Digest()
	return base64url.EncodeToString(sum[:])
}

// Digest returns the octets of the thumbprint, of the members that the type of the key
// requires alone: with another one, a key would have two (RFC 7638, section 3.2).
func (j *JWK) Digest() [sha256.Size]byte {
	kty := string(j.Kty)
	members := [4][2]string{{"kty", kty}}
	switch j.Kty {
	case EC:
		members = [...][2]string{{"crv", j.Crv}, {"kty", kty}, {"x", j.X}, {"y", j.Y}}
	case RSA:
		members = [...][2]string{{"e", j.E}, {"kty", kty}, {"n", j.N}, {}}
	case OKP: // RFC 8037, section 2
		members = [...][2]string{{"crv", j.Crv}, {"kty", kty}, {"x", j.X}, {}}
	case AKP: // RFC 9964, section 6
		members = [...][2]string{{"alg", j.Alg}, {"kty", kty}, {"pub", j.Pub}, {}}
	}
	var stackBuffer [1024]byte
	b := stackBuffer[:0]
	for _, m := range members {
		if m[1] == "" {
			continue
		}
		b = append(append(append(b, ',', '"'), m[0]...), '"', ':')
		b = jsontext.AppendString(b, m[1])
	}
	if len(b) == 0 {
		b = append(b, ',')
	}
	b[0] = '{'
	return sha256.Sum256(append(b, '}'))
}

// EncodeJWKS returns the key set of RFC 7517, section 5.
func EncodeJWKS(keys []JWK) []byte {
	if keys == nil {
		keys = []JWK{} // "keys" must be an array
	}
	return encode(struct {
		Keys []JWK `json:"keys"`
	}{keys})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("keyset: %v", err)) // unreachable: strings always marshal
	}
	return b
}
