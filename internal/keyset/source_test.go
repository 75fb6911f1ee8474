package keyset_test

import (
	"fmt"
	"net/http"
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
