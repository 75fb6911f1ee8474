package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"slices"
)

// Bounds of keys and their IDs.
const (
	minRSABits = 2048 // RFC 7518, section 3.3
	maxRSABits = 8192 // verification time grows with the square

	// MaxKeyID is the maximum length of a key ID in bytes.
	MaxKeyID = 256
)

// A Pair is the two halves of a key. Both halves of a shared secret are the
// secret itself, as a []byte.
type Pair struct {
	Public  crypto.PublicKey  // verifies
	Private crypto.PrivateKey // signs; nil if only the public half is known
}

// NewSecret returns a copy of a shared secret for a symmetric algorithm. A
// secret that is shorter than the hash is an error (RFC 7518, section 3.2).
func NewSecret(a *Algorithm, secret []byte) (*Pair, error) {
	if len(secret) < a.hash.Size() {
		return nil, fmt.Errorf("the secret of %s has %d bytes, and needs %d", a.Name, len(secret), a.hash.Size())
	}
	secret = slices.Clone(secret)
	return &Pair{Public: secret, Private: secret}, nil
}

// NewPair returns the pair of a private key, or of a public key alone, for an
// asymmetric algorithm. A []byte is PEM. A key that is unsound or of another
// algorithm is an error, whose text does not contain the key.
func NewPair(a *Algorithm, key any) (*Pair, error) {
	if text, ok := key.([]byte); ok {
		var err error
		if key, err = parsePEM(text); err != nil {
			return nil, err
		}
	}
	p := split(key)
	if err := checkPublic(a, p.Public); err != nil {
		return nil, err
	}
	return p, nil
}

// split returns the halves of a key. The public half of an unsound private key
// is nil.
func split(key any) *Pair {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k != nil && k.Validate() == nil {
			return &Pair{&k.PublicKey, k}
		}
		return &Pair{}
	case *ecdsa.PrivateKey:
		//lint:ignore SA1019 Bytes panics if the key was built by hand without D
		if k == nil || k.Curve == nil || k.D == nil {
			return &Pair{}
		}
		if _, err := k.Bytes(); err != nil {
			return &Pair{}
		}
		return &Pair{&k.PublicKey, k}
	case ed25519.PrivateKey:
		if len(k) == ed25519.PrivateKeySize {
			return &Pair{k.Public(), slices.Clone(k)}
		}
		return &Pair{}
	}
	return &Pair{Public: key}
}

// checkPublic returns an error unless public is a sound public key for a.
func checkPublic(a *Algorithm, public crypto.PublicKey) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k == nil || k.N == nil || a.Type != RSA {
			break
		}
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("an RSA key has %d to %d bits, not %d", minRSABits, maxRSABits, bits)
		}
		if k.E < 3 || k.E&1 == 0 || k.E > 1<<31-1 || k.N.Bit(0) == 0 {
			break
		}
		return nil
	case *ecdsa.PublicKey:
		if k == nil || k.Curve == nil || a.Type != EC {
			break
		}
		if k.Curve != a.curve {
			return fmt.Errorf("%s needs a key on %s", a.Name, a.curve.Params().Name)
		}
		if _, err := k.ECDH(); err != nil { // not on the curve
			break
		}
		return nil
	case ed25519.PublicKey:
		if a.Type == OKP && len(k) == ed25519.PublicKeySize {
			return nil
		}
	}
	return fmt.Errorf("not a sound key for %s: %T", a.Name, public)
}
