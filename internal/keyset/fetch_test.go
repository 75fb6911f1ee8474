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

func TestCacheControl(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"none", nil, 15 * time.Minute},
		{"short", http.Header{"Cache-Control": {"max-age=5"}}, time.Minute},
		{"long", http.Header{"Cache-Control": {"max-age=86400"}}, time.Hour},
		{"plain", http.Header{"Cache-Control": {"public, MAX-AGE=1200, must-revalidate"}}, 20 * time.Minute},
		{"quoted", http.Header{"Cache-Control": {`max-age="1200"`}}, 20 * time.Minute},
		{"aged", http.Header{"Cache-Control": {"max-age=1200"}, "Age": {"600"}}, 10 * time.Minute},
		{"two lines", http.Header{"Cache-Control": {"public", "max-age=1200"}}, 20 * time.Minute},
		{"no-store", http.Header{"Cache-Control": {"max-age=1200, no-store"}}, time.Minute},
		{"no-cache", http.Header{"Cache-Control": {"no-cache"}}, time.Minute},
		{"negative", http.Header{"Cache-Control": {"max-age=-1"}}, time.Minute},
		{"huge", http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, key := &idp.Server{Header: tt.header}, newSigner("a")
				s.Serve(jwks(key))
				r := remote(t, s)
				verify(t, r, key.sign())
				time.Sleep(tt.want*4/5 - time.Second)
				verify(t, r, key.sign())
				synctest.Wait()
				before := s.Count()
				time.Sleep(time.Second)
				verify(t, r, key.sign())
				synctest.Wait()
				if before != 1 || s.Count() != 2 {
					t.Errorf("%d fetches before %v, %d at it", before, tt.want*4/5, s.Count())
				}
			})
		})
	}
}

func TestFailedFetches(t *testing.T) {
	large := `{"keys":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, tt := range []struct {
		name   string
		server *idp.Server
	}{
		{"404", &idp.Server{}},
		{"500", &idp.Server{Status: 500, Answers: map[string]string{"/jwks": `{"keys":[]}`}}},
		{"redirect", &idp.Server{Redirect: true}},
		{"not JSON", &idp.Server{Answers: map[string]string{"/jwks": `<html>`}}},
		{"no keys", &idp.Server{Answers: map[string]string{"/jwks": `{}`}}},
		{"keys null", &idp.Server{Answers: map[string]string{"/jwks": `{"keys":null}`}}},
		{"keys no list", &idp.Server{Answers: map[string]string{"/jwks": `{"keys":{}}`}}},
		{"a list", &idp.Server{Answers: map[string]string{"/jwks": `[]`}}},
		{"more than 1 MiB", &idp.Server{Answers: map[string]string{"/jwks": large}}},
		{"hangs", &idp.Server{Delay: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := verify(t, remote(t, tt.server), garbage("ES256", "a")); got != unavailable {
					t.Error(got)
				}
			})
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
			if _, _, err := keyset.Verify(t.Context(), r, key.sign()); !errors.Is(err, errDown) {
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
					_, _, err := keyset.Verify(t.Context(), r, key.sign())
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
