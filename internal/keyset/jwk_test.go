package keyset_test

import (
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

// The example of RFC 7638, section 3.1.
func TestThumbprint(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
		"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(guard.Must(base64.RawURLEncoding.DecodeString(n))), E: 65537}
	j, ok := keyset.NewJWK(key)
	j.Alg, j.Kid, j.Use, j.KeyOps = "RS256", "2011-04-29", "sig", []string{"verify"} // are not hashed
	if got := j.Thumbprint(); !ok || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Error(got)
	}
}

// Members of other types of keys are not hashed: a key has one thumbprint (RFC 7638,
// section 3.2).
func TestThumbprintOfOneType(t *testing.T) {
	all := keyset.JWK{Crv: "P-256", E: "AQAB", N: "n", X: "x", Y: "y", Pub: "pub", Alg: "ML-DSA-44"}
	for kty, required := range map[keyset.KeyType]keyset.JWK{
		keyset.EC:  {Kty: keyset.EC, Crv: all.Crv, X: all.X, Y: all.Y},
		keyset.OKP: {Kty: keyset.OKP, Crv: all.Crv, X: all.X},
		keyset.RSA: {Kty: keyset.RSA, E: all.E, N: all.N},
		keyset.AKP: {Kty: keyset.AKP, Alg: all.Alg, Pub: all.Pub},
	} {
		j := all
		j.Kty = kty
		if got, want := j.Thumbprint(), required.Thumbprint(); got != want {
			t.Errorf("%s: %s, want %s", kty, got, want)
		}
	}
}

func TestSecretHasNoJWK(t *testing.T) {
	if j, ok := keyset.NewJWK([]byte("0123456789abcdef0123456789abcdef")); ok {
		t.Errorf("%+v", j)
	}
	if s := string(keyset.EncodeJWKS(nil)); s != `{"keys":[]}` {
		t.Error(s)
	}
}
