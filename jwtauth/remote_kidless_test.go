package jwtauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// withoutID is a key set whose keys have no ids, and none of the tests' keys.
func withoutID(n int) string {
	keys := make([]jwtauth.Key, n)
	for i := range keys {
		keys[i] = jwtauth.ECDSA("ES256", guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))).WithID(string(rune('a' + i)))
	}
	i := guard.Must(jwtauth.NewIssuer[profile](keys[0], &jwtauth.IssuerOptions{Previous: keys[1:]}))
	return regexp.MustCompile(`"kid":"[^"]*",?|,"kid":"[^"]*"`).ReplaceAllString(jwksOf(i), "")
}

// TestUnknownKeyBesideKeysWithoutID: that keys without an id are tried for a
// token that names another does not keep its own key from being fetched.
func TestUnknownKeyBesideKeysWithoutID(t *testing.T) {
	for _, n := range []int{1, 5} { // more than are tried
		synctest.Test(t, func(t *testing.T) {
			s := &idp{}
			s.set(func() { s.answers = map[string]string{"/jwks": withoutID(n)} })
			v := remoteVerifier(t, s)
			next := idpIssuing("next")
			token := tokenOf(t, next)
			for range 30 {
				if g := sendToken(t, v, token); g.status != 401 {
					t.Fatalf("%d keys: status %d", n, g.status)
				}
			}
			if got := s.count(); got != 1 {
				t.Errorf("%d keys: %d fetches at once", n, got)
			}
			s.serve(next)
			time.Sleep(10 * time.Second)
			if g := sendToken(t, v, token); g.status != 200 {
				t.Errorf("%d keys: after a rotation: %d %s", n, g.status, g.reason)
			}

			// Bad signatures of tokens without a kid fetch nothing.
			s.set(func() { s.answers = map[string]string{"/jwks": withoutID(1)} })
			fetched := s.count()
			for range 30 {
				time.Sleep(time.Second)
				if g := sendToken(t, v, forge(`{"alg":"ES256"}`, payload(`iss="`+idpIssuer+`"`), func(string) []byte { return make([]byte, 64) })); g.reason != sigReason {
					t.Fatal(g.reason)
				}
			}
			if got := s.count(); got != fetched {
				t.Errorf("%d keys: bad signatures without a kid fetched %d times", n, got-fetched)
			}
		})
	}
}
