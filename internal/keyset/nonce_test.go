package keyset_test

import (
	"bytes"
	"crypto/elliptic"
	"testing"
	"testing/cryptotest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

// TestNonceDependsOnTheText: with a random source that repeats itself, two ECDSA
// signatures with the same nonce would give the private key away.
func TestNonceDependsOnTheText(t *testing.T) {
	curves := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
	for name := range curves {
		alg := keyset.AlgorithmByName(name)
		key := guard.Must(keyset.NewPair(alg, ecKeyOn(curves[name])))
		r := func(text string) []byte {
			cryptotest.SetGlobalRandom(t, 1)
			signature := guard.Must(alg.Sign(text, key.Private))
			return signature[:len(signature)/2]
		}
		if !bytes.Equal(r("a"), r("a")) {
			t.Fatalf("%s: the random source is not the test's", name)
		}
		if bytes.Equal(r("a"), r("b")) {
			t.Errorf("%s: one nonce for two texts", name)
		}
	}
}
