package jwtauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
)

// A jwk is a key of RFC 7517. The order of its members up to Y is the one that
// RFC 7638, section 3.3, hashes.
type jwk struct {
	Crv string  `json:"crv,omitempty"`
	E   string  `json:"e,omitempty"`
	Kty keyType `json:"kty"`
	N   string  `json:"n,omitempty"`
	X   string  `json:"x,omitempty"`
	Y   string  `json:"y,omitempty"`

	Alg    string   `json:"alg,omitempty"`
	Kid    string   `json:"kid,omitempty"`
	Use    string   `json:"use,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
}

// jwkOf is the public key alone, without alg and kid. A secret has none.
func jwkOf(k Key) (j jwk, ok bool) {
	j.Kty = k.alg.family
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		j.N, j.E = strict.EncodeToString(p.N.Bytes()), strict.EncodeToString(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return j, false
		}
		half := (len(point) - 1) / 2
		j.Crv = p.Curve.Params().Name
		j.X, j.Y = strict.EncodeToString(point[1:1+half]), strict.EncodeToString(point[1+half:])
	case ed25519.PublicKey:
		j.Crv, j.X = "Ed25519", strict.EncodeToString(p)
	default:
		return j, false
	}
	return j, true
}

// kid is the key's id, or for a public key without one its thumbprint (RFC
// 7638), so that its tokens find it in the JWKS.
func (k Key) kid() string {
	if k.id != "" {
		return k.id
	}
	j, ok := jwkOf(k)
	if !ok {
		return ""
	}
	b, err := json.Marshal(j)
	if err != nil {
		panic(fmt.Sprintf("jwtauth: %v", err)) // strings do not fail
	}
	sum := sha256.Sum256(b)
	return strict.EncodeToString(sum[:])
}

// jwkSet is the set of RFC 7517, section 5, of the public keys.
func jwkSet(keys []Key) []byte {
	list := []jwk{}
	for _, k := range keys {
		if j, ok := jwkOf(k); ok {
			j.Alg, j.Kid, j.Use = k.alg.name, k.kid(), "sig"
			list = append(list, j)
		}
	}
	b, err := json.Marshal(struct {
		Keys []jwk `json:"keys"`
	}{list})
	if err != nil {
		panic(fmt.Sprintf("jwtauth: %v", err)) // strings do not fail
	}
	return b
}

// JWKS serves the Issuer's public keys, those of Options.Previous included
// (RFC 7517, section 5). Secrets are never among them. The path is commonly
// /.well-known/jwks.json.
func (i *Issuer[C]) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(slices.Clone(i.jwks)) // the client may have left
	})
}
