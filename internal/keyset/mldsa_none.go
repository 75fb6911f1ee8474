//go:build !go1.27

package keyset

import (
	"crypto"
	"errors"
)

// Before Go 1.27 the standard library has no ML-DSA.
var postQuantum []Algorithm

func splitPostQuantum(any) *Pair { return nil }

func isPostQuantum(*Algorithm, crypto.PublicKey) bool { return false }

func newAKP(crypto.PublicKey) (j JWK, ok bool) { return j, false }

func (*JWK) akp() (crypto.PublicKey, error) {
	return nil, errors.New("kty AKP is not supported before Go 1.27")
}
