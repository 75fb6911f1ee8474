package jwtauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/secret"
)

// A Key is a key with the one algorithm it may be used with. The zero Key is
// not a key. A constructor of this package that gets a bad Key returns its
// error. A Key is a KeySource by itself. Printing a Key shows no secret.
type Key struct {
	alg  *keyset.Algorithm
	id   string
	pair secret.Value[*keyset.Pair] // nil if err is not
	err  error
}

// HMAC is a shared secret for HS256, HS384 or HS512. It must be at least as
// long as the hash: 32, 48 or 64 bytes (RFC 7518, section 3.2), and random.
func HMAC(alg string, secret []byte) Key {
	return newKey("HMAC", alg, keyset.Symmetric, func(a *keyset.Algorithm) (*keyset.Pair, error) {
		return keyset.NewSecret(a, secret)
	})
}

// RSA is a key for RS256, RS384, RS512, PS256, PS384 or PS512 of 2048 to 8192
// bits. Bytes are PEM: PKCS #8, PKCS #1, PKIX or a certificate.
func RSA[K *rsa.PrivateKey | *rsa.PublicKey | []byte](alg string, key K) Key {
	return newKey("RSA", alg, keyset.RSA, pairOf(key))
}

// ECDSA is a key for ES256 (on curve P-256), ES384 (P-384) or ES512 (P-521).
// Bytes are PEM: PKCS #8, SEC 1, PKIX or a certificate.
func ECDSA[K *ecdsa.PrivateKey | *ecdsa.PublicKey | []byte](alg string, key K) Key {
	return newKey("ECDSA", alg, keyset.EC, pairOf(key))
}

// Ed25519 is a key for EdDSA, which RFC 9864 calls Ed25519. An issuer writes
// alg; verifiers accept both names. Bytes other than an ed25519.PrivateKey or
// ed25519.PublicKey are PEM: PKCS #8, PKIX or a certificate.
func Ed25519[K ed25519.PrivateKey | ed25519.PublicKey | []byte](alg string, key K) Key {
	return newKey("Ed25519", alg, keyset.OKP, pairOf(key))
}

// Signer is the key of a KMS or HSM, for each algorithm but those of HMAC. s signs as
// the crypto.Signer of the standard library does: RSA with the padding that opts
// names, ECDSA in ASN.1, Ed25519 and ML-DSA the message itself. Its public key is read
// once, here.
//
// What s returns is verified. If that fails, s returns an error or panics, Issue fails
// with 503; its log shows the error of s. A crypto.Signer has no context, so s must
// bound its calls in time itself. A refresh.Refresher derives its key from no Signer, so
// that refresh.Options.Key is required. A private key of the standard library is treated
// in the same way.
func Signer(alg string, s crypto.Signer) Key {
	a := keyset.AlgorithmByName(alg)
	if a == nil || a.Type == keyset.Symmetric {
		return Key{err: fmt.Errorf("jwtauth: Signer has no algorithm %q", alg)}
	}
	return newKey("Signer", alg, a.Type, func(a *keyset.Algorithm) (*keyset.Pair, error) { return keyset.NewSigner(a, s) })
}

// WithID returns the key with an ID of 1 to 256 bytes of UTF-8. An issuer writes it as
// kid. The key does not verify tokens with another kid.
func (k Key) WithID(id string) Key {
	switch {
	case k.err != nil:
	case id == "" || len(id) > keyset.MaxKeyID:
		return Key{err: fmt.Errorf("jwtauth: a key's id has 1 to %d bytes, not %d", keyset.MaxKeyID, len(id))}
	case !utf8.ValidString(id): // JSON would have another one
		return Key{err: fmt.Errorf("jwtauth: a key's id %q is not UTF-8", id)}
	}
	k.id = id
	return k
}

// Format implements fmt.Formatter. It writes the algorithm and the ID only.
func (k Key) Format(f fmt.State, _ rune) {
	name := "none"
	if k.alg != nil {
		name = k.alg.Name
	}
	_, _ = fmt.Fprintf(f, "jwtauth.Key(%s %q)", name, k.id)
}

// newKey returns the key that build makes for the algorithm alg of type t.
func newKey(constructor, alg string, t keyset.KeyType, build func(*keyset.Algorithm) (*keyset.Pair, error)) Key {
	a := keyset.AlgorithmByName(alg)
	if a == nil || a.Type != t {
		return Key{err: fmt.Errorf("jwtauth: %s has no algorithm %q", constructor, alg)}
	}
	pair, err := build(a)
	if err != nil {
		return Key{err: fmt.Errorf("jwtauth: %w", err)}
	}
	return Key{alg: a, pair: secret.New(pair)}
}

func pairOf(key any) func(*keyset.Algorithm) (*keyset.Pair, error) {
	return func(a *keyset.Algorithm) (*keyset.Pair, error) { return keyset.NewPair(a, key) }
}

// check returns nil if the key can be used.
func (k Key) check() error {
	if k.err == nil && k.alg == nil {
		return errors.New("jwtauth: the zero Key is no key")
	}
	return k.err
}

// public returns the half that verifies, which is the secret of an HMAC.
func (k Key) public() crypto.PublicKey { return k.pair.Reveal().Public }

// private returns the half that signs, or nil if k is a public key.
func (k Key) private() crypto.PrivateKey { return k.pair.Reveal().Private }

// kid is the ID that an issuer writes. A public key without an ID has its
// thumbprint (RFC 7638), under which its JWKS lists it. A secret has none.
func (k Key) kid() string {
	if k.id != "" {
		return k.id
	}
	j, ok := keyset.NewJWK(k.public())
	if !ok {
		return ""
	}
	return j.Thumbprint()
}
