package keyset_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

func TestFloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, old, next := &idp.Server{}, newSigner("old"), newSigner("next")
		s.Serve(jwks(old))
		r := remote(t, s)
		var rotated, accepted time.Time
		for i := range 600 { // a minute
			if got := verify(t, r, garbage("ES256", fmt.Sprint("k", i))); got != unknownKey {
				t.Fatalf("an unknown key: %s", got)
			}
			if got := verify(t, r, old.sign()); got != valid && rotated.IsZero() {
				t.Fatalf("a known key: %s", got)
			}
			if i == 255 {
				s.Serve(jwks(next))
				rotated = time.Now()
			}
			if accepted.IsZero() && verify(t, r, next.sign()) == valid {
				accepted = time.Now()
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.Count(); n > 7 { // the first, and 6 a minute
			t.Errorf("%d fetches in a minute", n)
		}
		if rotated.IsZero() || accepted.IsZero() || accepted.Sub(rotated) > 10*time.Second {
			t.Errorf("rotated at %v, accepted at %v", rotated, accepted)
		}
		if got := verify(t, r, old.sign()); got != unknownKey {
			t.Errorf("a removed key: %s", got)
		}
	})
}

func TestBadSignaturesFetchNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp.Server{}
		s.Serve(jwks(newSigner("a")))
		r := remote(t, s)
		for range 50 {
			for _, tt := range []struct{ alg, id, want string }{
				{"ES256", "a", badSignature},
				{"ES384", "a", badAlgorithm},
				{"HS256", "z", badAlgorithm},
			} {
				if got := verify(t, r, garbage(tt.alg, tt.id)); got != tt.want {
					t.Fatalf("%s with key %s: %s, want %s", tt.alg, tt.id, got, tt.want)
				}
			}
			time.Sleep(time.Second)
		}
		if n := s.Count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// A symmetric algorithm does not even cause the first fetch.
func TestSymmetricAlgorithmFetchesNothing(t *testing.T) {
	s := &idp.Server{Down: errDown}
	if got := verify(t, remote(t, s), garbage("HS256", "")); got != badAlgorithm || s.Count() != 0 {
		t.Errorf("%s, %d fetches", got, s.Count())
	}
}

// A set of one key without an ID is replaced by one with IDs: for a token of the
// new key the old key was tried, and nothing was fetched.
func TestRotationFromAKeyWithoutID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, next := &idp.Server{}, newSigner("new")
		s.Serve(jwks(newSigner("")))
		r := remote(t, s)
		for range 3 {
			if got := verify(t, r, next.sign()); got != unknownKey {
				t.Fatalf("before: %s", got)
			}
		}
		if n := s.Count(); n != 1 {
			t.Errorf("%d fetches before Refetch", n)
		}
		s.Serve(jwks(next))
		time.Sleep(10 * time.Second)
		if got := verify(t, r, next.named("").sign()); got != badSignature || s.Count() != 1 {
			t.Errorf("a token without a key ID: %s, %d fetches", got, s.Count())
		}
		if got := verify(t, r, next.sign()); got != valid || s.Count() != 2 {
			t.Errorf("after: %s, %d fetches", got, s.Count())
		}
	})
}

// Keys without an ID are tried for a token that names another key. That must not
// prevent the fetch of the named key.
func TestUnknownKeyBesideKeysWithoutID(t *testing.T) {
	for _, n := range []int{1, 5} { // 5 is more than are tried
		synctest.Test(t, func(t *testing.T) {
			var unnamed []signer
			for range n {
				unnamed = append(unnamed, newSigner(""))
			}
			s, next := &idp.Server{}, newSigner("next")
			s.Serve(jwks(unnamed...))
			r := remote(t, s)
			for range 30 {
				if got := verify(t, r, next.sign()); got == valid || got == unavailable {
					t.Fatalf("%d keys: %s", n, got)
				}
			}
			if got := s.Count(); got != 1 {
				t.Errorf("%d keys: %d fetches at once", n, got)
			}
			s.Serve(jwks(next))
			time.Sleep(10 * time.Second)
			if got := verify(t, r, next.sign()); got != valid {
				t.Errorf("%d keys: after a rotation: %s", n, got)
			}

			// Bad signatures of tokens without a key ID fetch nothing.
			s.Serve(jwks(newSigner("")))
			fetched := s.Count()
			for range 30 {
				time.Sleep(time.Second)
				if got := verify(t, r, garbage("ES256", "")); got != badSignature {
					t.Fatalf("%d keys: without a key ID: %s", n, got)
				}
			}
			if got := s.Count(); got != fetched {
				t.Errorf("%d keys: bad signatures without a key ID fetched %d times", n, got-fetched)
			}
		})
	}
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp.Server{Down: errDown, Header: http.Header{"Cache-Control": {"max-age=600"}}}
		key := newSigner("a")
		s.Serve(jwks(key))
		var mu sync.Mutex
		var failures []string
		r := remote(t, s, func(o *keyset.RemoteOptions) {
			o.OnError = func(err error) {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err.Error())
			}
		})
		for range 100 { // no keys yet
			if _, err := keyset.Verify(t.Context(), r, key.sign()); !errors.Is(err, errDown) {
				t.Fatalf("down: error %v", err)
			}
			time.Sleep(time.Second)
		}
		mu.Lock()
		if n := s.Count(); n > 5 { // after 0, 10, 30 and 70 seconds, then every minute
			t.Errorf("%d fetches while down", n)
		} else if len(failures) != n || !strings.Contains(failures[0], idp.JWKSURL) || !strings.Contains(failures[0], errDown.Error()) {
			t.Errorf("OnError received %q", failures)
		}
		mu.Unlock()
		s.Set(func() { s.Down = nil })
		time.Sleep(time.Minute)
		if got := verify(t, r, key.sign()); got != valid {
			t.Fatalf("up: %s", got)
		}

		s.Set(func() { s.Down = errDown })
		start := time.Now()
		for time.Since(start) < 69*time.Minute { // 10 minutes, and an hour
			if got := verify(t, r, key.sign()); got != valid {
				t.Fatalf("after %v: %s", time.Since(start), got)
			}
			if got := verify(t, r, garbage("ES256", "new")); got != unknownKey && got != unavailable {
				t.Fatalf("after %v: an unknown key: %s", time.Since(start), got)
			}
			time.Sleep(15 * time.Second)
		}
		if got := verify(t, r, garbage("ES256", "new")); got != unavailable {
			t.Errorf("an unknown key that may be a new one: %s", got)
		}
		time.Sleep(2 * time.Minute)
		if got := verify(t, r, key.sign()); got != unavailable {
			t.Errorf("after an hour of expired keys: %s", got)
		}
		s.Set(func() { s.Down = nil })
		time.Sleep(time.Minute)
		if got := verify(t, r, key.sign()); got != valid {
			t.Errorf("up again: %s", got)
		}
	})
}

// OnError was called before the fetch had ended: requests waited for it, and its
// panic ended the process.
func TestOnErrorDelaysNoRequest(t *testing.T) {
	for name, onError := range map[string]func(context.Context){
		"blocks": func(ctx context.Context) { <-ctx.Done() },
		"panics": func(context.Context) { panic("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, release := context.WithCancel(t.Context())
				defer release()
				s, key := &idp.Server{Down: errDown}, newSigner("a")
				s.Serve(jwks(key))
				r := remote(t, s, func(o *keyset.RemoteOptions) { o.OnError = func(error) { onError(ctx) } })
				got := after(t, 0, func() string {
					_, err := keyset.Verify(t.Context(), r, key.sign())
					return fmt.Sprint(err)
				})
				if !strings.HasSuffix(got, errDown.Error()) {
					t.Errorf("error %s", got)
				}
				s.Set(func() { s.Down = nil })
				time.Sleep(10 * time.Second)
				if got := verify(t, r, key.sign()); got != valid {
					t.Errorf("the next fetch: %s", got)
				}
			})
		})
	}
}

// An empty set withdraws every key. It is not a failed fetch.
func TestEmptySetReplacesTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{}, newSigner("a")
		s.Serve(jwks(key))
		r := remote(t, s)
		if got := verify(t, r, key.sign()); got != valid {
			t.Fatal(got)
		}
		s.Serve(jwks())
		time.Sleep(15 * time.Minute)
		if got := verify(t, r, key.sign()); got != unknownKey {
			t.Error(got)
		}
	})
}

func TestWithoutStaleKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{Header: http.Header{"Cache-Control": {"max-age=60"}}}, newSigner("a")
		s.Serve(jwks(key))
		r := remote(t, s, func(o *keyset.RemoteOptions) { o.Stale = -1 })
		if got := verify(t, r, key.sign()); got != valid {
			t.Fatal(got)
		}
		s.Set(func() { s.Down = errDown })
		time.Sleep(time.Minute)
		if got := verify(t, r, key.sign()); got != unavailable {
			t.Error(got)
		}
	})
}

// Refetch limits fetches for unknown keys. Old keys are fetched again without it.
func TestLongRefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{Header: http.Header{"Cache-Control": {"max-age=60"}}}, newSigner("a")
		s.Serve(jwks(key))
		r := remote(t, s, func(o *keyset.RemoteOptions) { o.Refetch = time.Hour })
		for range 100 {
			if got := verify(t, r, key.sign()); got != valid {
				t.Fatal(got)
			}
			if got := verify(t, r, garbage("ES256", "b")); got != unknownKey {
				t.Fatalf("an unknown key: %s", got)
			}
			time.Sleep(10 * time.Second)
		}
		if n := s.Count(); n < 15 || n > 21 {
			t.Errorf("%d fetches in 1000 s", n)
		}
	})
}

func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{Delay: time.Second}, newSigner("a")
		s.Serve(jwks(key))
		r := remote(t, s)

		// The first caller leaves; the fetch that it caused continues.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if got := verifyIn(t, ctx, r, key.sign()); got != unavailable {
			t.Errorf("the caller that left: %s", got)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := verify(t, r, key.sign()); got != valid {
					t.Errorf("a caller that waits: %s", got)
				}
			})
		}
		wg.Wait()
		if n := s.Count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestRefreshesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{Header: http.Header{"Cache-Control": {"public, max-age=100"}}}, newSigner("a")
		s.Serve(jwks(key))
		r := remote(t, s)
		check := func() string { return verify(t, r, key.sign()) }
		check()
		s.Set(func() { s.Delay = time.Second })
		for range 1000 {
			if got := after(t, 0, check); got != valid {
				t.Fatal(got)
			}
			time.Sleep(time.Second)
		}
		if n := s.Count(); n < 10 || n > 14 {
			t.Errorf("%d fetches in 1000 s", n)
		}
		s.Set(func() { s.Delay = time.Minute })
		time.Sleep(200 * time.Second) // no request, so no refresh: the first has to wait
		if got := after(t, 5*time.Second, check); got != valid {
			t.Error(got)
		}
	})
}

// Keys rotate while requests run: a token is valid or its key unknown. The keys
// are never unavailable.
func TestRotationInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp.Server{Header: http.Header{"Cache-Control": {"max-age=60"}}, Delay: 50 * time.Millisecond}
		signers := []signer{newSigner("a"), newSigner("b")}
		s.Serve(jwks(signers[0]))
		r := remote(t, s, func(o *keyset.RemoteOptions) { o.Refetch = time.Second })
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for range 300 {
					if got := verify(t, r, signers[n%2].sign()); got != valid && got != unknownKey {
						t.Errorf("%s", got)
					}
					time.Sleep(time.Duration(90+n) * time.Millisecond)
				}
			})
		}
		for n := range 10 {
			time.Sleep(3 * time.Second)
			s.Serve(jwks(signers[(n+1)%2]))
		}
		wg.Wait()
		s.Serve(jwks(signers[0]))
		time.Sleep(time.Minute)
		if a, b := verify(t, r, signers[0].sign()), verify(t, r, signers[1].sign()); a != valid || b != unknownKey {
			t.Errorf("in the end %s and %s", a, b)
		}
	})
}

// Caches of verified tokens compare sets.
func TestUnchangedKeysKeepTheirSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := &idp.Server{}, newSigner("a")
		s.Serve(jwks(a))
		r := remote(t, s)
		load := func() *keyset.Set {
			set, err := r.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return set
		}
		first := load()
		time.Sleep(time.Hour)
		if load() != first || s.Count() != 2 {
			t.Errorf("another set after %d fetches", s.Count())
		}
		s.Serve(jwks(a.named("b")))
		time.Sleep(time.Hour)
		if load() == first {
			t.Error("the same set for another ID")
		}
	})
}

// LoadNewer does not depend on a previous Load.
func TestLoadNewerWithoutLoad(t *testing.T) {
	s, key := &idp.Server{}, newSigner("a")
	s.Serve(jwks(key))
	set, err := remote(t, s).LoadNewer(t.Context(), nil)
	if err != nil || set.Verify(key.sign()) != nil {
		t.Errorf("%v, %v", set, err)
	}
}

func TestRemoteURLs(t *testing.T) {
	for _, tt := range []struct {
		name, url string
		insecure  bool
		want      string // in the error; "" for none
	}{
		{"https", idp.JWKSURL, false, ""},
		{"loopback", "http://127.0.0.1:1/jwks", false, ""},
		{"loopback by name", "http://localhost/jwks", false, ""},
		{"loopback, IPv6", "http://[::1]:1/jwks", false, ""},
		{"InsecureHTTP", "http://idp.example/jwks", true, ""},
		{"http", "http://idp.example/jwks", false, `"http://idp.example/jwks" is not https`},
		{"a host named like this one", "http://127.0.0.1.example/", false, "is not https"},
		{"another scheme", "ftp://idp.example/jwks", true, "is not https"},
		{"no URL", "idp.example", false, "not an absolute https URL"},
		{"with a fragment", idp.JWKSURL + "#f", false, "fragment"},
		{"with a password, and broken", "https://u:p%zz@idp.example/", false, "not an absolute https URL"},
		{"with a password, and no scheme", "u:p@idp.example/", false, "not an absolute https URL"},
		{"with a password, and one slash", "https:/u:p@idp.example/", false, "not an absolute https URL"},
		{"empty", "", false, "not an absolute https URL"},
		{"with a password", "https://u:p@idp.example/", false, "holds credentials"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &keyset.RemoteOptions{InsecureHTTP: tt.insecure}
			_, err := keyset.NewRemote(tt.url, o)
			_, err2 := keyset.Discover(tt.url, o)
			for _, err := range []error{err, err2} {
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("error %v; want %q", err, tt.want)
				}
				if err != nil && strings.Contains(err.Error(), "u:p") {
					t.Errorf("error %v quotes a password", err)
				}
			}
		})
	}
	if _, err := keyset.Discover(idp.Issuer+"?x", nil); err == nil || !strings.Contains(err.Error(), "query") {
		t.Errorf("an issuer with a query: error %v", err)
	}
}
