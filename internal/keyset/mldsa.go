//go:build go1.27

package keyset

import (
	"crypto"
	"crypto/mldsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// postQuantum are the algorithms of RFC 9964, section 4: ML-DSA of the message
// itself, with an empty context.
var postQuantum = []Algorithm{
	{"ML-DSA-44", AKP, mldsaMethod{mldsa.MLDSA44()}, 0, nil},
	{"ML-DSA-65", AKP, mldsaMethod{mldsa.MLDSA65()}, 0, nil},
	{"ML-DSA-87", AKP, mldsaMethod{mldsa.MLDSA87()}, 0, nil},
}

// An mldsaMethod verifies. A crypto.Signer signs.
type mldsaMethod struct{ params mldsa.Parameters }

func (m mldsaMethod) Alg() string { return m.params.String() }

func (m mldsaMethod) Sign(string, any) ([]byte, error) { return nil, errors.ErrUnsupported }

func (m mldsaMethod) Verify(text string, signature []byte, key any) error {
	k, ok := key.(*mldsa.PublicKey)
	if !ok || k == nil || k.Parameters() != m.params {
		return jwt.ErrInvalidKeyType
	}
	return mldsa.Verify(k, []byte(text), signature, nil)
}

// splitPostQuantum returns the halves of an ML-DSA key, nil for another one.
func splitPostQuantum(key any) *Pair {
	if k, ok := key.(*mldsa.PrivateKey); ok {
		if k == nil {
			return &Pair{}
		}
		return &Pair{k.PublicKey(), k}
	}
	return nil
}

// isPostQuantum reports whether public is a sound ML-DSA key for a.
func isPostQuantum(a *Algorithm, public crypto.PublicKey) bool {
	k, ok := public.(*mldsa.PublicKey)
	return ok && k != nil && a.Name == k.Parameters().String()
}

// newAKP returns the JWK of an ML-DSA key (RFC 9964, section 3).
func newAKP(public crypto.PublicKey) (j JWK, ok bool) {
	k, ok := public.(*mldsa.PublicKey)
	if !ok {
		return j, false
	}
	return JWK{Kty: AKP, Alg: k.Parameters().String(), Pub: base64url.EncodeToString(k.Bytes())}, true
}

func (j *JWK) akp() (crypto.PublicKey, error) {
	for _, a := range postQuantum {
		if a.Name != j.Alg {
			continue
		}
		pub, err := octets("pub", j.Pub, 0)
		if err != nil {
			return nil, err
		}
		k, err := mldsa.NewPublicKey(a.method.(mldsaMethod).params, pub)
		if err != nil {
			return nil, fmt.Errorf("pub is not a key of %s", a.Name)
		}
		return k, nil
	}
	return nil, fmt.Errorf("alg is %s, which is no signature algorithm of an AKP key (RFC 9964, section 3)", quote(j.Alg))
}
