package jwtauth_test

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func cachingIssuer(size int, edit ...func(*jwtauth.IssuerOptions)) *jwtauth.Issuer[profile] {
	o := &jwtauth.IssuerOptions{CacheSize: size, Lifetime: time.Hour}
	for _, f := range edit {
		f(o)
	}
	return guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), o))
}

func TestCacheChecksExpiryAndDenylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := guard.Must(jwtauth.NewMemory(nil))
		i := cachingIssuer(10, func(o *jwtauth.IssuerOptions) { o.CacheTTL, o.Denylist = 2*time.Hour, list })
		token := tokenOf(t, i)
		first := sendToken(t, i.Verifier(), token)
		if g := sendToken(t, i.Verifier(), token); g.token != first.token {
			t.Error("not from the cache")
		}
		time.Sleep(30 * time.Minute)
		if g := sendToken(t, i.Verifier(), token); g.token != first.token {
			t.Error("not from the cache after half an hour")
		}
		_ = list.Deny(t.Context(), time.Now().Add(time.Minute), "", jwtauth.DeniedToken(first.token.Issuer, first.token.ID))
		if g := sendToken(t, i.Verifier(), token); g.message != "Token revoked" {
			t.Errorf("denied: %d %q", g.status, g.message)
		}
		time.Sleep(30 * time.Minute)
		if g := sendToken(t, i.Verifier(), token); g.message != "Token expired" {
			t.Errorf("expired: %d %q", g.status, g.message)
		}
	})
}

func TestCacheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := cachingIssuer(10)
		token := tokenOf(t, i)
		first := sendToken(t, i.Verifier(), token)
		for range 50 { // use does not prolong it
			time.Sleep(time.Second)
			if g := sendToken(t, i.Verifier(), token); g.token != first.token {
				t.Fatal("not from the cache")
			}
		}
		time.Sleep(10 * time.Second)
		if g := sendToken(t, i.Verifier(), token); g.status != 200 || g.token == first.token {
			t.Error("from the cache after a minute")
		}
	})
}

// A clock that is set back makes a token too young again.
func TestCacheClockSetBack(t *testing.T) {
	now := noon
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, CacheSize: 10, Now: func() time.Time { return now },
	}))
	token := forge(jwtHeader, payload("nbf=1800000000"), hs256(secret))
	sendToken(t, v, token)
	now = noon.Add(-6 * time.Second)
	if g := sendToken(t, v, token); g.message != "Token not yet valid" {
		t.Errorf("%d %q", g.status, g.message)
	}
}

func TestCacheNeedsTheExactText(t *testing.T) {
	i := cachingIssuer(10)
	token := tokenOf(t, i)
	sendToken(t, i.Verifier(), token)
	other := token[:len(token)-1] + string(flip(token[len(token)-1]))
	for _, s := range []string{other, token + "=", token + "\n", token + ".", strings.ToLower(token), token[:len(token)-1]} {
		if _, err := i.Verifier().Verify(t.Context(), s); err == nil {
			t.Errorf("accepted %q", s)
		}
	}
	if g := sendToken(t, i.Verifier(), other); g.reason != base64Reason {
		t.Errorf("%q", g.reason)
	}
}

func TestCacheIsBounded(t *testing.T) {
	const size = 8
	i := cachingIssuer(size)
	tokens := make([]string, 3*size)
	firsts := make([]*jwtauth.Token[profile], len(tokens))
	used := tokenOf(t, i)
	first := sendToken(t, i.Verifier(), used).token
	for n := range tokens {
		tokens[n] = tokenOf(t, i)
		firsts[n] = sendToken(t, i.Verifier(), tokens[n]).token
		if g := sendToken(t, i.Verifier(), used); g.token != first {
			t.Fatalf("a token in use was evicted by number %d", n)
		}
		// A refused one takes no place.
		sendToken(t, i.Verifier(), forge(jwtHeader, payload(), hs256([]byte(fmt.Sprint(n)))))
	}
	cached := 0
	for n := len(tokens) - 1; n >= 0; n-- {
		if sendToken(t, i.Verifier(), tokens[n]).token == firsts[n] {
			cached++
		}
	}
	if cached == 0 || cached > size {
		t.Errorf("%d tokens are cached", cached)
	}
}

func TestCacheInParallel(t *testing.T) {
	i := cachingIssuer(4)
	tokens := make([]string, 16)
	for n := range tokens {
		tokens[n] = guard.Must(i.Issue(fmt.Sprint(n), profile{})).AccessToken
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 200 {
				n %= len(tokens)
				tok, err := i.Verifier().Verify(t.Context(), tokens[n])
				if err != nil || tok.Sub() != fmt.Sprint(n) {
					t.Errorf("%v, %v; want %d", tok, err, n)
				}
			}
		})
	}
	wg.Wait()
}

// TestLargeCacheReplacesLittleAtATime: no request waits while half a cache is
// allocated.
func TestLargeCacheReplacesLittleAtATime(t *testing.T) {
	const size, most = 1 << 14, 256 << 10
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection counts what was allocated before it, too
	i := cachingIssuer(size)
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	allocated := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	for n := range size {
		token := guard.Must(i.Issue("1", profile{})).AccessToken
		before := allocated()
		guard.Must(i.Verifier().Verify(t.Context(), token))
		if got := allocated() - before; got > most {
			t.Fatalf("token %d allocated %d bytes", n, got)
		}
	}
}

// Shards do not lose a token that is in use, and bound the cache.
func TestShardedCache(t *testing.T) {
	const size = 4 << 10
	i := cachingIssuer(size)
	tokens := make([]string, 2*size)
	firsts := make([]*jwtauth.Token[profile], len(tokens))
	verify := func(text string) *jwtauth.Token[profile] { return guard.Must(i.Verifier().Verify(t.Context(), text)) }
	used := tokenOf(t, i)
	first := verify(used)
	for n := range tokens {
		tokens[n] = tokenOf(t, i)
		firsts[n] = verify(tokens[n])
		if n%50 == 0 && verify(used) != first {
			t.Fatalf("a token in use was evicted by number %d", n)
		}
	}
	cached := 0
	for n := len(tokens) - 1; n >= 0; n-- {
		if verify(tokens[n]) == firsts[n] {
			cached++
		}
	}
	if cached < size/4 || cached > size {
		t.Errorf("%d tokens are cached of %d", cached, size)
	}
}
