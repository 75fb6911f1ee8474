package keyset_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/idp"
)

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
	set, fresh, err := remote(t, s).LoadNewer(t.Context(), nil)
	if err != nil || !fresh || set.Verify(key.sign()) != nil {
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

// TestFetchAfterAClockJump: a clock that is set back does not delay the next fetch.
func TestFetchAfterAClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, old, next, clock := &idp.Server{}, newSigner("old"), newSigner("next"), harness.NewClock()
		r := remote(t, s, func(o *keyset.RemoteOptions) { o.Now = clock.Now })
		s.Serve(jwks(old))
		verify(t, r, old.sign())
		s.Serve(jwks(next))
		clock.Advance(-time.Hour)
		verify(t, r, old.sign()) // begins a fetch in the background, which may be faster
		synctest.Wait()
		if got := verify(t, r, old.sign()); got != unknownKey {
			t.Errorf("a key that was withdrawn: %s", got)
		}
		for range 10 {
			verify(t, r, next.sign())
		}
		synctest.Wait()
		if n := s.Count(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// TestFailureAfterAClockJump: nor one after a failure.
func TestFailureAfterAClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key, clock := &idp.Server{Down: errDown}, newSigner("a"), harness.NewClock()
		r := remote(t, s, func(o *keyset.RemoteOptions) { o.Now = clock.Now })
		s.Serve(jwks(key))
		verify(t, r, key.sign())
		s.Set(func() { s.Down = nil })
		clock.Advance(-time.Hour)
		if got := verify(t, r, key.sign()); got != valid {
			t.Error(got)
		}
	})
}
