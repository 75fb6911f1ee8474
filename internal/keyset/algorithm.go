package keyset

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard/internal/hmacstate"
)

// A KeyType is the kty of a key (RFC 7518, section 6.1).
type KeyType string

// The key types that sign.
const (
	Symmetric KeyType = "oct"
	RSA       KeyType = "RSA"
	EC        KeyType = "EC"
	OKP       KeyType = "OKP" // Ed25519
	AKP       KeyType = "AKP" // ML-DSA, since Go 1.27 (RFC 9964, section 3)
)

// An Algorithm is a signature algorithm of RFC 7518, section 3.1, or RFC 9864.
type Algorithm struct {
	Name string
	Type KeyType // of its keys

	method jwt.SigningMethod // verifies; nil if Type is Symmetric
	hash   crypto.Hash
	curve  elliptic.Curve // if Type is EC
}

// algorithms lists every supported algorithm. "none" is not among them. Ed25519
// has two names: EdDSA, and Ed25519 since RFC 9864.
var algorithms = slices.Concat([]Algorithm{
	{"HS256", Symmetric, nil, crypto.SHA256, nil},
	{"HS384", Symmetric, nil, crypto.SHA384, nil},
	{"HS512", Symmetric, nil, crypto.SHA512, nil},
	{"RS256", RSA, jwt.SigningMethodRS256, crypto.SHA256, nil},
	{"RS384", RSA, jwt.SigningMethodRS384, crypto.SHA384, nil},
	{"RS512", RSA, jwt.SigningMethodRS512, crypto.SHA512, nil},
	{"PS256", RSA, strictPSS(jwt.SigningMethodPS256), crypto.SHA256, nil},
	{"PS384", RSA, strictPSS(jwt.SigningMethodPS384), crypto.SHA384, nil},
	{"PS512", RSA, strictPSS(jwt.SigningMethodPS512), crypto.SHA512, nil},
	{"ES256", EC, jwt.SigningMethodES256, crypto.SHA256, elliptic.P256()},
	{"ES384", EC, jwt.SigningMethodES384, crypto.SHA384, elliptic.P384()},
	{"ES512", EC, jwt.SigningMethodES512, crypto.SHA512, elliptic.P521()},
	{"EdDSA", OKP, jwt.SigningMethodEdDSA, 0, nil},
	{"Ed25519", OKP, jwt.SigningMethodEdDSA, 0, nil},
}, postQuantum)

// strictPSS returns m with the salt length of the hash (RFC 7518, section 3.5). The methods of golang-jwt accept a salt of
// any length.
func strictPSS(m *jwt.SigningMethodRSAPSS) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: m.SigningMethodRSA,
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// AlgorithmByName returns the algorithm of that name, or nil if there is none.
// Names are case-sensitive.
func AlgorithmByName[S string | []byte](name S) *Algorithm {
	for i := range algorithms {
		if algorithms[i].Name == string(name) {
			return &algorithms[i]
		}
	}
	return nil
}

// Names returns the names that a signature of a may be labelled with.
func (a *Algorithm) Names() []string {
	if a.Type == OKP {
		return []string{"EdDSA", "Ed25519"}
	}
	return []string{a.Name}
}

// Sign signs text with a private key of a, see [Pair].
func (a *Algorithm) Sign(text string, private crypto.PrivateKey) ([]byte, error) {
	switch s := private.(type) {
	case *Secret:
		if s.alg == a {
			return hmacstate.Append(s.mac, nil, text), nil
		}
	case *Signer:
		if s.alg == a {
			return s.sign(text)
		}
	}
	return nil, fmt.Errorf("the key is not one of %s", a.Name)
}

// Verify verifies the signature of text with a public key of a, see [Pair].
func (a *Algorithm) Verify(text string, signature []byte, public crypto.PublicKey) error {
	if a.Type == Symmetric {
		if s, ok := public.(*Secret); !ok || s.alg != a || !hmacstate.Equal(s.mac, text, signature) {
			return ErrSignature
		}
		return nil
	}
	if a.Type == EC {
		return a.verifyECDSA(text, signature, public)
	}
	return a.method.Verify(text, signature, public)
}
