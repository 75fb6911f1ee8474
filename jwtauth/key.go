package jwtauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// A Key is a key with the one algorithm it may be used with. The zero Key is
// none. A bad key is reported by the constructor that it is given to. A Key is
// a KeySource by itself. Printing one shows no secret.
type Key struct {
	alg       *algorithm
	id        string
	*material // nil where err is not
	err       error
}

// material is behind two pointers, where fmt does not look: it asks no method of
// a Key in somebody's unexported field, and follows one pointer for %s.
type material struct{ *halves }

type halves struct {
	public  crypto.PublicKey  // what verifies; the secret of an HMAC
	private crypto.PrivateKey // what signs; nil where there is only a public key
}

// Bounds of keys and their ids.
const (
	minRSABits = 2048 // RFC 7518, section 3.3
	maxRSABits = 8192 // verification time grows with the square
	maxKeyID   = 256
)

// HMAC is a shared secret for HS256, HS384 or HS512. It must be at least as
// long as the hash: 32, 48 or 64 bytes (RFC 7518, section 3.2), and random.
func HMAC(alg string, secret []byte) Key {
	k, a := newKey("HMAC", alg, symmetric)
	if a == nil {
		return k
	}
	if len(secret) < a.hash.Size() {
		return badKey("jwtauth: the secret of %s has %d bytes, and needs %d", alg, len(secret), a.hash.Size())
	}
	k.public = slices.Clone(secret)
	k.private = k.public
	return k
}

// RSA is a key for RS256, RS384, RS512, PS256, PS384 or PS512 of 2048 to 8192
// bits. Bytes are PEM: PKCS #8, PKCS #1, PKIX or a certificate.
func RSA[K *rsa.PrivateKey | *rsa.PublicKey | []byte](alg string, key K) Key {
	k, a := newKey("RSA", alg, rsaKeys)
	if a == nil {
		return k
	}
	return k.with(key)
}

// ECDSA is a key for ES256 (on curve P-256), ES384 (P-384) or ES512 (P-521).
// Bytes are PEM: PKCS #8, SEC 1, PKIX or a certificate.
func ECDSA[K *ecdsa.PrivateKey | *ecdsa.PublicKey | []byte](alg string, key K) Key {
	k, a := newKey("ECDSA", alg, ecKeys)
	if a == nil {
		return k
	}
	return k.with(key)
}

// Ed25519 is a key for EdDSA, or Ed25519 as RFC 9864 calls the same algorithm:
// alg is what an issuer writes; both are accepted. An ed25519 key is meant as
// such, other bytes are PEM: PKCS #8, PKIX or a certificate.
func Ed25519[K ed25519.PrivateKey | ed25519.PublicKey | []byte](alg string, key K) Key {
	k, a := newKey("Ed25519", alg, edKeys)
	if a == nil {
		return k
	}
	return k.with(key)
}

// WithID returns the key with an id: an issuer writes it as kid, and a token
// that names another kid is not for this key. Ids have at most 256 bytes.
func (k Key) WithID(id string) Key {
	if k.err == nil && (id == "" || len(id) > maxKeyID) {
		return badKey("jwtauth: a key's id has 1 to %d bytes, not %d", maxKeyID, len(id))
	}
	k.id = id
	return k
}

// Format keeps keys out of what is printed.
func (k Key) Format(f fmt.State, _ rune) {
	name := "none"
	if k.alg != nil {
		name = k.alg.name
	}
	_, _ = fmt.Fprintf(f, "jwtauth.Key(%s %q)", name, k.id)
}

func newKey(constructor, alg string, f keyType) (Key, *algorithm) {
	a := algorithmOf(alg)
	if a == nil || a.family != f {
		return badKey("jwtauth: %s has no algorithm %q", constructor, alg), nil
	}
	return Key{alg: a, material: &material{new(halves)}}, a
}

func badKey(format string, args ...any) Key { return Key{err: fmt.Errorf(format, args...)} }

// check is nil for a key that can be used.
func (k Key) check() error {
	if k.err == nil && k.alg == nil {
		return errors.New("jwtauth: the zero Key is no key")
	}
	return k.err
}

// with is k with key material of its family.
func (k Key) with(key any) Key {
	if text, ok := key.([]byte); ok {
		var err error
		if key, err = parsePEM(text); err != nil {
			return Key{err: err}
		}
	}
	k.private, k.public = nil, nil
	switch p := key.(type) {
	case *rsa.PrivateKey:
		if p != nil && p.Validate() == nil {
			k.private, k.public = p, &p.PublicKey
		}
	case *ecdsa.PrivateKey:
		//lint:ignore SA1019 Bytes panics on a key that was built by hand without D
		if p == nil || p.Curve == nil || p.D == nil {
			break
		}
		if _, err := p.Bytes(); err == nil {
			k.private, k.public = p, &p.PublicKey
		}
	case ed25519.PrivateKey:
		if len(p) == ed25519.PrivateKeySize {
			k.private, k.public = slices.Clone(p), p.Public()
		}
	default:
		k.public = key
	}
	if err := usable(k.alg, k.public); err != nil {
		return Key{err: err}
	}
	return k
}

// usable checks that a public key is sound and the algorithm's.
func usable(a *algorithm, public crypto.PublicKey) error {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if p == nil || p.N == nil || a.family != rsaKeys {
			break
		}
		if bits := p.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("jwtauth: an RSA key has %d to %d bits, not %d", minRSABits, maxRSABits, bits)
		}
		if p.E < 3 || p.E&1 == 0 || p.E > 1<<31-1 || p.N.Bit(0) == 0 {
			break
		}
		return nil
	case *ecdsa.PublicKey:
		if p == nil || p.Curve == nil || a.family != ecKeys {
			break
		}
		if p.Curve != a.curve {
			return fmt.Errorf("jwtauth: %s needs a key on %s", a.name, a.curve.Params().Name)
		}
		if _, err := p.ECDH(); err != nil { // not on the curve
			break
		}
		return nil
	case ed25519.PublicKey:
		if a.family == edKeys && len(p) == ed25519.PublicKeySize {
			return nil
		}
	}
	return fmt.Errorf("jwtauth: not a sound key for %s: %T", a.name, public)
}

// parsePEM is the first key in text.
func parsePEM(text []byte) (any, error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("jwtauth: no key in PEM")
		}
		text = rest
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			key, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = c.PublicKey
			}
		default:
			continue // openssl writes EC PARAMETERS in front
		}
		if err != nil { // its text is not repeated: it may quote the key
			return nil, fmt.Errorf("jwtauth: the PEM block %q cannot be parsed", block.Type)
		}
		return key, nil
	}
}
