package keyset_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

// TestFor: a part of a set verifies what its keys signed, also after the set was replaced,
// and by another issuer's key nothing.
func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b, c := &idp.Server{}, newSigner("a"), newSigner("b"), newSigner("c")
		s.Serve(withIssuer(jwks(a), "one"))
		r := remote(t, s)
		one := r.For(func(issuer string) bool { return issuer == "one" })
		other := r.For(func(issuer string) bool { return issuer == "other" })
		none := r.For(func(issuer string) bool { return issuer == "" })
		check := func(step string, src keyset.Source, k signer, want string) {
			t.Helper()
			if got := verify(t, src, k.sign()); got != want {
				t.Errorf("%s: %s, want %s", step, got, want)
			}
		}
		check("its key", one, a, valid)
		check("another issuer's key", other, a, unknownKey)
		check("a key with an issuer", none, a, unknownKey)
		check("the whole set", r, a, valid)

		time.Sleep(time.Minute)
		s.Serve(withIssuer(jwks(b), "one"))
		check("a new key", one, b, valid)
		check("of an old set", one, a, unknownKey)

		time.Sleep(time.Minute)
		s.Serve(jwks(c))
		check("a new key without an issuer", none, c, valid)
		check("for another", one, c, unknownKey)

		s.Set(func() { s.Down = errDown })
		time.Sleep(time.Minute)
		check("an outage", one, a, unavailable)
	})
}

// withIssuer adds the member issuer to the keys of a set.
func withIssuer(set, issuer string) string {
	return strings.ReplaceAll(set, `"kty":`, `"issuer":"`+issuer+`","kty":`)
}

// A signature by a secret causes no fetch.
func TestForSecret(t *testing.T) {
	s := &idp.Server{}
	src := remote(t, s).For(func(string) bool { return true })
	sig := newSigner("a").sign()
	sig.Algorithm = keyset.AlgorithmByName("HS256")
	if got := verify(t, src, sig); got != badAlgorithm || s.Count() != 0 {
		t.Errorf("%s, %d fetches", got, s.Count())
	}
}
