package keyset_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

// TestECDSAAsGolangJWT: signatures, right and wrong ones, are accepted as golang-jwt
// accepts them. Of 300, some begin with zeros, and half need one more byte in ASN.1.
func TestECDSAAsGolangJWT(t *testing.T) {
	rnd := mathrand.New(mathrand.NewPCG(1, 2))
	for _, tt := range []struct {
		alg   string
		twin  *jwt.SigningMethodECDSA
		curve elliptic.Curve
	}{{"ES256", jwt.SigningMethodES256, elliptic.P256()}, {"ES384", jwt.SigningMethodES384, elliptic.P384()}, {"ES512", jwt.SigningMethodES512, elliptic.P521()}} {
		a := keyset.AlgorithmByName(tt.alg)
		key := guard.Must(ecdsa.GenerateKey(tt.curve, rand.Reader))
		other := guard.Must(ecdsa.GenerateKey(tt.curve, rand.Reader))
		accepted := 0
		for i := range 300 {
			text := strings.Repeat("t", i*7)
			signature := guard.Must(tt.twin.Sign(text, key))
			public := &key.PublicKey
			switch i % 10 {
			case 1:
				signature[rnd.IntN(len(signature))] ^= byte(1 + rnd.IntN(255))
			case 2:
				text += "x"
			case 3:
				public = &other.PublicKey
			case 4:
				clear(signature[:len(signature)/2])
			case 5:
				clear(signature[len(signature)/2:])
			case 6:
				signature = signature[:rnd.IntN(len(signature))]
			case 7:
				for j := range signature { // not below the order of the curve
					signature[j] = 0xff
				}
			}
			got, want := a.Verify(text, signature, public), tt.twin.Verify(text, signature, public)
			if (got == nil) != (want == nil) {
				t.Errorf("%s, %d: %v; golang-jwt: %v", tt.alg, i, got, want)
			}
			if got == nil {
				accepted++
			}
		}
		if accepted != 90 {
			t.Errorf("%s: %d signatures are accepted, want 90", tt.alg, accepted)
		}
		if a.Verify("", make([]byte, 64), "no key") == nil || a.Verify("", make([]byte, 64), (*ecdsa.PublicKey)(nil)) == nil {
			t.Errorf("%s: accepted without a key", tt.alg)
		}
	}
}
