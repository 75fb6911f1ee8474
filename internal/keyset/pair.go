package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/wiring"
)

// Bounds of keys and their IDs.
const (
	minRSABits = 2048 // RFC 7518, section 3.3
	maxRSABits = 8192 // verification time grows with the square

	// MaxKeyID is the maximum length of a key ID in bytes.
	MaxKeyID = 256
)

// A Pair is the two halves of a key. Both halves of a shared secret are the
// same *Secret; other private halves are a *Signer.
type Pair struct {
	Public  crypto.PublicKey  // verifies
	Private crypto.PrivateKey // signs; nil if only the public half is known
}

// NewSecret returns a copy of a shared secret for a symmetric algorithm. A
// secret that is shorter than the hash is an error (RFC 7518, section 3.2), and so is
// one of zeros only, which was never filled.
func NewSecret(a *Algorithm, shared []byte) (*Pair, error) {
	if len(shared) < a.hash.Size() {
		return nil, fmt.Errorf("the secret of %s has %d bytes, and needs %d", a.Name, len(shared), a.hash.Size())
	}
	if wiring.IsZero(shared) {
		return nil, fmt.Errorf("the secret of %s has zeros only: fill it from crypto/rand", a.Name)
	}
	shared = slices.Clone(shared)
	s := &Secret{a, secret.New(shared), hmacstate.New(a.hash.New, shared)}
	return &Pair{Public: s, Private: s}, nil
}

// A Secret is a shared secret of one algorithm. No printer shows it.
type Secret struct {
	alg   *Algorithm
	bytes secret.Value[[]byte]
	mac   hmacstate.Key
}

// Reveal returns the secret, which must not be modified.
func (s *Secret) Reveal() []byte { return s.bytes.Reveal() }

// Equal reports whether x is the same secret, for any algorithm.
func (s *Secret) Equal(x crypto.PublicKey) bool {
	o, ok := x.(*Secret)
	return ok && subtle.ConstantTimeCompare(s.Reveal(), o.Reveal()) == 1
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
	return newPair(a, split(key))
}

// newPair returns p, the result of split, with a private half that signs by a.
func newPair(a *Algorithm, p *Pair) (*Pair, error) {
	if err := checkPublic(a, p.Public); err != nil {
		return nil, err
	}
	if s, ok := p.Private.(crypto.Signer); ok {
		p.Private = &Signer{alg: a, key: s, public: p.Public}
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
		if isConsistent(k) {
			return &Pair{&k.PublicKey, k}
		}
		return &Pair{}
	case ed25519.PrivateKey: // the seed and the public half
		if len(k) == ed25519.PrivateKeySize && ed25519.NewKeyFromSeed(k.Seed()).Equal(k) {
			return &Pair{k.Public(), slices.Clone(k)}
		}
		return &Pair{}
	}
	if p := splitPostQuantum(key); p != nil {
		return p
	}
	return &Pair{Public: key}
}

// isConsistent reports whether the public half of k is that of its private half.
func isConsistent(k *ecdsa.PrivateKey) bool {
	//lint:ignore SA1019 Bytes and Equal panic if the key was built by hand without D or the point
	if k == nil || k.Curve == nil || k.D == nil || k.X == nil || k.Y == nil {
		return false
	}
	private, err := k.Bytes()
	if err != nil {
		return false
	}
	derived, err := ecdsa.ParseRawPrivateKey(k.Curve, private)
	return err == nil && derived.PublicKey.Equal(&k.PublicKey)
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
		if k.E < 3 || k.E&1 == 0 || k.E > 1<<31-1 || k.N.Bit(0) == 0 || k.N.Sign() < 0 {
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
		//lint:ignore SA1019 ECDH panics if the key was built by hand without the point
		if k.X == nil || k.Y == nil {
			break
		}
		if _, err := k.ECDH(); err != nil { // not on the curve
			break
		}
		return nil
	case ed25519.PublicKey:
		if a.Type == OKP && len(k) == ed25519.PublicKeySize && !isSmallOrder(k) {
			return nil
		}
	default:
		if isPostQuantum(a, public) {
			return nil
		}
	}
	if t := typeOf(public); t != a.Type && public != nil {
		needs := map[KeyType]string{RSA: "an RSA", EC: "an ECDSA", OKP: "an Ed25519", AKP: "an ML-DSA"}
		return fmt.Errorf("%s needs %s key, and this is a %T", a.Name, needs[a.Type], public)
	}
	return fmt.Errorf("not a sound key for %s: %T", a.Name, public)
}

// typeOf returns the type of a public key: AKP unless it is another one.
func typeOf(public crypto.PublicKey) KeyType {
	switch public.(type) {
	case *rsa.PublicKey:
		return RSA
	case *ecdsa.PublicKey:
		return EC
	case ed25519.PublicKey:
		return OKP
	}
	return AKP
}
