//go:build go1.27

package jwtauth

import (
	"crypto/mldsa"

	"github.com/go-guard/guard/internal/keyset"
)

// MLDSA is a key for ML-DSA-44, ML-DSA-65 or ML-DSA-87 (RFC 9964), which a quantum
// computer does not break. Bytes are PEM: PKCS #8, PKIX or a certificate. A signature
// makes a token 3,200 to 6,200 bytes longer: many servers accept no more than 8 KB of
// header fields. It needs Go 1.27.
func MLDSA[K *mldsa.PrivateKey | *mldsa.PublicKey | []byte](alg string, key K) Key {
	return newKey("MLDSA", alg, keyset.AKP, pairOf(key))
}
