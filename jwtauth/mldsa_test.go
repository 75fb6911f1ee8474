//go:build go1.27

package jwtauth_test

import (
	"crypto/mldsa"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Tokens signed with ML-DSA, of one's own key and of a KMS, are verified by the key, by
// the published key set, and by no other.
func TestMLDSA(t *testing.T) {
	for _, p := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		key, alg := guard.Must(mldsa.GenerateKey(p)), p.String()
		for name, private := range map[string]jwtauth.Key{
			"key": jwtauth.MLDSA(alg, key), "PEM": jwtauth.MLDSA(alg, pkcs8(key)), "KMS": jwtauth.Signer(alg, kmsOf(key)),
		} {
			i := guard.Must(jwtauth.NewIssuer[profile](private, &jwtauth.IssuerOptions{Issuer: "me", Audience: []string{"api"}}))
			token := tokenOf(t, i)
			opts := jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}}
			for by, tt := range map[string]struct {
				keys jwtauth.KeySource
				want int
			}{
				"public key":  {jwtauth.MLDSA(alg, key.PublicKey()), 200},
				"key set":     {jwtauth.JWKS([]byte(jwksOf(i))), 200},
				"another key": {jwtauth.MLDSA(alg, guard.Must(mldsa.GenerateKey(p))), 401},
				"an old one":  {jwtauth.ECDSA("ES256", ecKey()), 401},
			} {
				v := guard.Must(jwtauth.NewVerifier[profile](tt.keys, &opts))
				if g := sendToken(t, v, token); g.status != tt.want {
					t.Errorf("%s, %s, by %s: %d %s", alg, name, by, g.status, g.reason)
				}
			}
			if g := sendToken(t, i.Verifier(), token[:len(token)-8]+"AAAAAAAA"); g.status != 401 {
				t.Errorf("%s, %s: a changed signature: %d", alg, name, g.status)
			}
			if s := jwksOf(i); strings.Contains(s, "priv") || !strings.Contains(s, `"kty":"AKP"`) || !strings.Contains(s, `"alg":"`+alg+`"`) {
				t.Errorf("%s, %s: %.100s", alg, name, s)
			}
		}
	}
	for name, key := range map[string]jwtauth.Key{
		"ML-DSA-65":     jwtauth.MLDSA("ML-DSA-65", guard.Must(mldsa.GenerateKey(mldsa.MLDSA44()))),
		"EdDSA":         jwtauth.MLDSA("EdDSA", guard.Must(mldsa.GenerateKey(mldsa.MLDSA44()))),
		"KMS of others": jwtauth.Signer("ML-DSA-65", kmsOf(guard.Must(mldsa.GenerateKey(mldsa.MLDSA44())))),
		"nil":           jwtauth.MLDSA("ML-DSA-44", (*mldsa.PrivateKey)(nil)),
	} {
		if _, err := jwtauth.NewIssuer[profile](key, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
