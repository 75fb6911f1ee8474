package jwtauth_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// A new key signs at once. What has the Issuer's keys follows: its Verifier and its
// cache, its JWKS, and a Verifier of its Trust.
func TestSetKeys(t *testing.T) {
	first, second, third := jwtauth.ECDSA("ES256", newECKey()).WithID("1"), jwtauth.Ed25519("EdDSA", edKey()).WithID("2"), jwtauth.HMAC("HS256", secret)
	i := guard.Must(jwtauth.NewIssuer[profile](first, &jwtauth.IssuerOptions{Issuer: "me", CacheSize: 10}))
	trusting := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{Trust: []jwtauth.Trust{i.Trust()}}))
	var tokens []string
	check := func(step string, jwks []string, want ...int) {
		t.Helper()
		tokens = append(tokens, tokenOf(t, i))
		for _, v := range []*jwtauth.Verifier[profile]{i.Verifier(), trusting, i.Verifier()} { // the last time from the cache
			for n, status := range want {
				if g := sendToken(t, v, tokens[n]); g.status != status {
					t.Errorf("%s: token %d: %d %s; want %d", step, n+1, g.status, g.reason, status)
				}
			}
		}
		for _, kid := range []string{"1", "2"} {
			listed := strings.Contains(jwksOf(i), `"kid":"`+kid+`"`)
			if want := strings.Contains(strings.Join(jwks, " "), kid); listed != want {
				t.Errorf("%s: kid %s is listed: %t; want %t", step, kid, listed, want)
			}
		}
	}
	set := func(key jwtauth.Key, previous ...jwtauth.Key) {
		t.Helper()
		if err := i.SetKeys(key, previous...); err != nil {
			t.Fatal(err)
		}
	}
	check("before", []string{"1"}, 200)
	set(first, second)
	check("published", []string{"1", "2"}, 200, 200)
	set(second, first)
	check("signs", []string{"1", "2"}, 200, 200, 200)
	set(second)
	check("dropped", []string{"2"}, 401, 401, 200, 200)
	set(third)
	check("a secret", nil, 401, 401, 401, 401, 200)
	set(first)
	check("the first again", []string{"1"}, 200, 200, 401, 401, 401, 200)
}

func TestSetKeysMistakes(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	token := tokenOf(t, i)
	ec, ed := jwtauth.ECDSA("ES256", ecKey()), jwtauth.Ed25519("EdDSA", edKey())
	for name, try := range map[string]struct {
		err  error
		want string
	}{
		"zero":                    {i.SetKeys(jwtauth.Key{}), "the zero Key"},
		"public":                  {i.SetKeys(jwtauth.ECDSA("ES256", &ecKey().PublicKey)), "an Issuer needs a private key"},
		"short secret":            {i.SetKeys(jwtauth.HMAC("HS256", []byte("short"))), "has 5 bytes, and needs 32"},
		"two of one ID":           {i.SetKeys(ec.WithID("x"), jwtauth.ECDSA("ES256", newECKey()).WithID("x")), `jwtauth: two keys have the ID "x"`},
		"of one ID and two types": {i.SetKeys(ec.WithID("x"), ed.WithID("x"), ed.WithID("x")), `jwtauth: two keys have the ID "x"`},
		"a secret of the same ID": {i.SetKeys(jwtauth.HMAC("HS256", secret).WithID("x"), ed.WithID("x")), `jwtauth: two keys have the ID "x"`},
		"two secrets of one ID":   {i.SetKeys(jwtauth.HMAC("HS256", secret).WithID("x"), jwtauth.HMAC("HS256", otherSecret).WithID("x")), `jwtauth: two keys have the ID "x"`},
		"a bad previous":          {i.SetKeys(jwtauth.HMAC("HS256", secret), jwtauth.Key{}), "the zero Key"},
		"two mistakes":            {i.SetKeys(jwtauth.ECDSA("ES256", &ecKey().PublicKey), jwtauth.Key{}), "an Issuer needs a private key\njwtauth: the zero Key"},
		"five without an ID": {i.SetKeys(jwtauth.HMAC("HS256", secret), jwtauth.HMAC("HS256", []byte(strings.Repeat("1", 32))), jwtauth.HMAC("HS256", []byte(strings.Repeat("2", 32))),
			jwtauth.HMAC("HS256", []byte(strings.Repeat("3", 32))), jwtauth.HMAC("HS256", []byte(strings.Repeat("4", 32)))), "without an id"},
	} {
		if try.err == nil || !strings.Contains(try.err.Error(), try.want) {
			t.Errorf("%s: %v; want %q", name, try.err, try.want)
		}
	}
	if g := sendToken(t, i.Verifier(), token); g.status != 200 {
		t.Errorf("the keys are not as before: %d %s", g.status, g.reason)
	}
	if again := tokenOf(t, i); again[:20] != token[:20] {
		t.Errorf("another key signs: %s", again)
	}
}

// The same key in two places is one, in the JWKS too.
func TestSetKeysOneTwice(t *testing.T) {
	key, hs := jwtauth.ECDSA("ES256", ecKey()), jwtauth.HMAC("HS256", secret)
	i := guard.Must(jwtauth.NewIssuer[profile](key, &jwtauth.IssuerOptions{Previous: []jwtauth.Key{key, jwtauth.ECDSA("ES256", &ecKey().PublicKey)}}))
	token := tokenOf(t, i)
	if n := strings.Count(jwksOf(i), `"kid"`); n != 1 {
		t.Errorf("the JWKS has %d keys: %s", n, jwksOf(i))
	}
	if g := sendToken(t, i.Verifier(), token); g.status != 200 {
		t.Errorf("%d %s", g.status, g.reason)
	}
	if err := i.SetKeys(hs.WithID("x"), hs.WithID("x")); err != nil {
		t.Error(err)
	}
}

// No token that was issued is refused while keys are replaced, as long as its key is
// one of them.
func TestSetKeysConcurrently(t *testing.T) {
	keys := []jwtauth.Key{jwtauth.HMAC("HS256", secret).WithID("1"), jwtauth.Ed25519("EdDSA", edKey()).WithID("2")}
	i := guard.Must(jwtauth.NewIssuer[profile](keys[0], &jwtauth.IssuerOptions{CacheSize: 10, Previous: keys[1:]}))
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				token := guard.Must(i.Issue("1", profile{})).AccessToken
				if _, err := i.Verifier().Verify(t.Context(), token); err != nil {
					t.Error(err)
					return
				}
				_ = jwksOf(i)
			}
		})
	}
	for n := range 300 {
		if err := i.SetKeys(keys[n%2], keys[(n+1)%2]); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}
