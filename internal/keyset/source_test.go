package keyset_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
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

// The key of a known ID may have been replaced, so a bad signature fetches, too: at
// most 6 times a minute, whether fetches succeed, take long or fail. Valid tokens are
// not delayed.
func TestFloodOfBadSignatures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server func(*idp.Server)
		want   string // of bad signatures, once the server is so
	}{
		{"up", func(*idp.Server) {}, badSignature},
		{"slow", func(s *idp.Server) { s.Delay = 4 * time.Second }, badSignature},
		{"hangs", func(s *idp.Server) { s.Delay = time.Hour }, unavailable},
		{"down", func(s *idp.Server) { s.Down = errDown }, unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, key := &idp.Server{}, newSigner("a")
				s.Serve(jwks(key))
				r := remote(t, s)
				good := key.sign()
				check := func() string { return verify(t, r, good) }
				check()
				time.Sleep(time.Minute)
				s.Set(func() { tt.server(s) })
				start, before := time.Now(), s.Count()
				var flood sync.WaitGroup
				for i := range 6000 { // a minute
					bad := []keyset.Signature{garbage("ES256", "a"), garbage("ES256", ""), garbage("ES384", "a"), garbage("EdDSA", "")}[i%4]
					bad.Signed = fmt.Sprint("token ", i)
					flood.Go(func() {
						if got := verify(t, r, bad); got != tt.want && got != badSignature && got != badAlgorithm {
							t.Errorf("a bad signature: %s, want %s", got, tt.want)
						}
					})
					if i%100 == 0 {
						if got := after(t, 0, check); got != valid {
							t.Fatalf("a valid token: %s", got)
						}
					}
					time.Sleep(10 * time.Millisecond)
				}
				if got, d := s.Count()-before, time.Since(start); got > 6 || got == 0 && tt.name != "hangs" || d != time.Minute {
					t.Errorf("%d fetches in %v", got, d)
				}
				flood.Wait()
			})
		})
	}
}

// A replaced key was refused until its predecessor expired: the first verification
// after the change costs one fetch.
func TestReplacedKey(t *testing.T) {
	ed := guard.Must(keyset.NewPair(keyset.AlgorithmByName("EdDSA"), edKey()))
	edSigner := signer{"a", keyset.AlgorithmByName("EdDSA"), ed}
	for _, tt := range []struct {
		name string
		old  []signer
		next signer
	}{
		{name: "under the same ID", old: []signer{newSigner("a")}, next: newSigner("a")},
		{name: "without an ID", old: []signer{newSigner("")}, next: newSigner("")},
		{name: "by one with an ID", old: []signer{newSigner("")}, next: newSigner("a")},
		{name: "by one without an ID", old: []signer{newSigner("a")}, next: newSigner("")},
		{name: "by one of another algorithm", old: []signer{newSigner("a")}, next: edSigner},
		{name: "without an ID, by one of another algorithm", old: []signer{newSigner("")}, next: edSigner.named("")},
		{name: "of too many", old: []signer{newSigner(""), newSigner(""), newSigner(""), newSigner(""), newSigner("")}, next: newSigner("")},
		{name: "after the set was empty", next: newSigner("a")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, tokenID := range []string{tt.next.id, ""} {
				synctest.Test(t, func(t *testing.T) {
					s := &idp.Server{}
					s.Serve(jwks(tt.old...))
					r := remote(t, s)
					token := tt.next.named(tokenID).sign()
					if _, final, err := keyset.Verify(t.Context(), r, token); err == nil || outcome(err) == unavailable || final {
						t.Fatalf("before: final %t, %v", final, err)
					}
					s.Serve(jwks(tt.next))
					time.Sleep(10 * time.Second)
					before := s.Count()
					for range 10 {
						if got := verify(t, r, token); got != valid {
							t.Errorf("after: %s", got)
						}
					}
					if n := s.Count() - before; n != 1 {
						t.Errorf("%d fetches", n)
					}
				})
			}
		})
	}
}

// A refusal is final if newer keys were fetched for it, or if there are none.
func TestFinalRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{}, newSigner("a")
		s.Serve(jwks(key))
		r, bad := remote(t, s), garbage("ES256", "a")
		check := func(name string, src keyset.Source, sig keyset.Signature, want string, wantFinal bool) {
			t.Helper()
			if _, final, err := keyset.Verify(t.Context(), src, sig); outcome(err) != want || final != wantFinal {
				t.Errorf("%s: %s, final %t; want %s, %t", name, outcome(err), final, want, wantFinal)
			}
		}
		check("no secrets", r, garbage("HS256", "a"), badAlgorithm, true)
		check("the first fetch", r, bad, badSignature, false)
		check("within Refetch", r, garbage("ES256", "b"), unknownKey, false)
		time.Sleep(10 * time.Second)
		check("fetched", r, bad, badSignature, true)
		check("within Refetch again", r, bad, badSignature, false)
		time.Sleep(10 * time.Second)
		s.Set(func() { s.Down = errDown })
		check("down", r, bad, unavailable, false)
		check("of this program", keyset.NewSet(nil), bad, unknownKey, true)
	})
}

// A token that arrives during a fetch may be of a key that the fetch does not get: its
// refusal was final.
func TestFetchBeforeTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, old, next := &idp.Server{}, newSigner("old"), newSigner("next")
		s.Serve(jwks(old))
		r := remote(t, s)
		verify(t, r, old.sign())
		time.Sleep(10 * time.Second)
		s.Set(func() { s.Delay = 2 * time.Second })
		var flood sync.WaitGroup
		flood.Go(func() { verify(t, r, garbage("ES256", "x")) })
		time.Sleep(time.Second)
		_, final, err := keyset.Verify(t.Context(), r, next.sign())
		if got := outcome(err); got != unknownKey || final {
			t.Errorf("during a fetch: %s, final %t", got, final)
		}
		flood.Wait()
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
