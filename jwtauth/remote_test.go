package jwtauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// idp is an authorization server in memory, as a RoundTripper: its answers take
// the time they are told to, and none where the test stands still.
type idp struct {
	mu       sync.Mutex
	fetches  int
	last     []string // paths asked for
	delay    time.Duration
	down     error
	header   http.Header
	answers  map[string]string // by path; "" is 404
	status   int
	redirect bool
}

const (
	idpIssuer = "https://idp.example"
	idpKeys   = "https://idp.example/jwks"
)

func (s *idp) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	delay := s.delay
	s.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	s.last = append(s.last, r.URL.Path)
	if s.down != nil {
		return nil, s.down
	}
	body, ok := s.answers[r.URL.Path]
	status := http.StatusOK
	h := s.header.Clone()
	switch {
	case s.redirect:
		status, h = http.StatusFound, http.Header{"Location": {idpKeys + "2"}}
	case s.status != 0:
		status = s.status
	case !ok:
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (s *idp) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *idp) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

// serve makes the keys those of an issuer.
func (s *idp) serve(i *jwtauth.Issuer[profile]) {
	s.set(func() { s.answers = map[string]string{"/jwks": jwksOf(i)} })
}

func jwksOf(i *jwtauth.Issuer[profile]) string {
	w := httptest.NewRecorder()
	i.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

// idpIssuing is the server's own side, with a key of that id.
func idpIssuing(id string) *jwtauth.Issuer[profile] {
	return guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", ecKey()).WithID(id), &jwtauth.IssuerOptions{
		Issuer: idpIssuer, Audience: []string{"api"}, Lifetime: 300 * 24 * time.Hour,
	}))
}

func tokenOf(t testing.TB, i *jwtauth.Issuer[profile]) string {
	t.Helper()
	tokens, err := i.Issue("1", profile{Role: "user"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken
}

func remoteVerifier(t testing.TB, s *idp, edit ...func(*jwtauth.RemoteOptions, *jwtauth.VerifierOptions)) *jwtauth.Verifier[profile] {
	t.Helper()
	ro := &jwtauth.RemoteOptions{Client: &http.Client{Transport: s}}
	o := &jwtauth.VerifierOptions{Issuer: idpIssuer, Audience: []string{"api"}}
	for _, f := range edit {
		f(ro, o)
	}
	v, err := jwtauth.NewVerifier[profile](jwtauth.RemoteKeys(idpKeys, ro), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// unknownKey is a token of a key that the server does not have.
func unknownKey(id string) string {
	return forge(`{"alg":"ES256","kid":"`+id+`"}`, payload(`iss="`+idpIssuer+`"`), es256)
}

func TestRemoteFloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{}
		old, next := idpIssuing("old"), idpIssuing("next")
		s.serve(old)
		v := remoteVerifier(t, s)
		oldToken, nextToken := tokenOf(t, old), tokenOf(t, next)
		var rotated, accepted time.Time
		for i := range 600 { // a minute
			if g := sendToken(t, v, unknownKey(fmt.Sprint("k", i))); g.status != 401 || g.reason != keyReason {
				t.Fatalf("an unknown key: %d %s", g.status, g.reason)
			}
			if g := sendToken(t, v, oldToken); g.status != 200 && rotated.IsZero() {
				t.Fatalf("a known key: %d %s", g.status, g.reason)
			}
			if i == 255 {
				s.serve(next)
				rotated = time.Now()
			}
			if accepted.IsZero() && sendToken(t, v, nextToken).status == 200 {
				accepted = time.Now()
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.count(); n > 7 { // the first, and 6 a minute
			t.Errorf("%d fetches in a minute", n)
		}
		if rotated.IsZero() || accepted.IsZero() || accepted.Sub(rotated) > 10*time.Second {
			t.Errorf("rotated at %v, accepted at %v", rotated, accepted)
		}
		if g := sendToken(t, v, oldToken); g.status != 401 {
			t.Errorf("a removed key: %d", g.status)
		}
	})
}

func TestRemoteBadSignaturesFetchNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{}
		s.serve(idpIssuing("a"))
		v := remoteVerifier(t, s)
		for range 50 {
			token := forge(`{"alg":"ES256","kid":"a"}`, payload(), func(string) []byte { return make([]byte, 64) })
			if g := sendToken(t, v, token); g.reason != sigReason {
				t.Fatal(g.reason)
			}
			if g := sendToken(t, v, forge(`{"alg":"ES384","kid":"a"}`, payload(), es256)); g.reason != algReason {
				t.Fatal(g.reason)
			}
			if g := sendToken(t, v, forge(`{"alg":"HS256","kid":"z"}`, payload(), hs256(secret))); g.reason != algReason {
				t.Fatal(g.reason)
			}
			time.Sleep(time.Second)
		}
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// A set without ids is replaced by one with them: for a token of the new key
// the old one stood in, and nothing was fetched.
func TestRemoteRotationFromAKeyWithoutID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))), nil))
		s, next := &idp{}, idpIssuing("new")
		s.serve(old)
		s.set(func() { // an Issuer gives every key an id
			s.answers["/jwks"] = kidMember.ReplaceAllString(s.answers["/jwks"], "")
		})
		v := remoteVerifier(t, s)
		named, unnamed := tokenOf(t, next), forge(`{"alg":"ES256"}`, payload(`iss="`+idpIssuer+`"`, "exp=1900000000", "iat="), es256)
		for range 3 {
			if g := sendToken(t, v, named); g.reason != keyReason {
				t.Fatalf("before: %d %s", g.status, g.reason)
			}
		}
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches before Refetch", n)
		}
		s.serve(next)
		time.Sleep(10 * time.Second)
		if g := sendToken(t, v, unnamed); g.reason != sigReason || s.count() != 1 {
			t.Errorf("a token without a kid: %d %s, %d fetches", g.status, g.reason, s.count())
		}
		if g := sendToken(t, v, named); g.status != 200 || s.count() != 2 {
			t.Errorf("after: %d %s, %d fetches", g.status, g.reason, s.count())
		}
	})
}

var kidMember = regexp.MustCompile(`"kid":"[^"]*",`)

func TestRemoteOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{down: errors.New("no route to host"), header: http.Header{"Cache-Control": {"max-age=600"}}}
		i := idpIssuing("a")
		s.serve(i)
		var mu sync.Mutex
		var failures []string
		v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, _ *jwtauth.VerifierOptions) {
			r.OnError = func(err error) {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err.Error())
			}
		})
		token := tokenOf(t, i)
		for range 100 { // nothing cached
			g := sendToken(t, v, token)
			if g.status != http.StatusServiceUnavailable || g.challenge != "" || strings.Contains(g.message, "host") || !strings.Contains(g.reason, "no route to host") {
				t.Fatalf("down: %d %q %q", g.status, g.message, g.reason)
			}
			time.Sleep(time.Second)
		}
		mu.Lock()
		if n := s.count(); n > 5 { // after 0, 10, 30, 70 seconds, then each minute
			t.Errorf("%d fetches while down", n)
		} else if len(failures) != n || !strings.Contains(failures[0], idpKeys) || !strings.Contains(failures[0], "no route to host") {
			t.Errorf("OnError was told %q", failures)
		}
		mu.Unlock()
		s.set(func() { s.down = nil })
		time.Sleep(time.Minute)
		if g := sendToken(t, v, token); g.status != 200 {
			t.Fatalf("up: %d %s", g.status, g.reason)
		}

		s.set(func() { s.down = errors.New("no route to host") })
		start := time.Now()
		for time.Since(start) < 69*time.Minute { // 10 minutes, and an hour
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatalf("after %v: %d %s", time.Since(start), g.status, g.reason)
			}
			if g := sendToken(t, v, unknownKey("new")); g.status != 401 && g.status != 503 {
				t.Fatalf("after %v: an unknown key: %d", time.Since(start), g.status)
			}
			time.Sleep(15 * time.Second)
		}
		if g := sendToken(t, v, unknownKey("new")); g.status != 503 {
			t.Errorf("an unknown key that may be a new one: %d", g.status)
		}
		time.Sleep(2 * time.Minute)
		if g := sendToken(t, v, token); g.status != 503 {
			t.Errorf("after an hour of expired keys: %d", g.status)
		}
		s.set(func() { s.down = nil })
		time.Sleep(time.Minute)
		if g := sendToken(t, v, token); g.status != 200 {
			t.Errorf("up again: %d %s", g.status, g.reason)
		}
	})
}

// OnError was called before the fetch had ended: requests waited for it, and its
// panic ended the process.
func TestRemoteOnErrorHoldsNobodyUp(t *testing.T) {
	for name, onError := range map[string]func(context.Context){
		"blocks": func(ctx context.Context) { <-ctx.Done() },
		"panics": func(context.Context) { panic("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, release := context.WithCancel(t.Context())
				defer release()
				s, i := &idp{down: errors.New("down")}, idpIssuing("a")
				s.serve(i)
				v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, _ *jwtauth.VerifierOptions) { r.OnError = func(error) { onError(ctx) } })
				token, start := tokenOf(t, i), time.Now()
				if g := sendToken(t, v, token); g.status != 503 || !strings.HasSuffix(g.reason, "down") || time.Since(start) > 0 {
					t.Errorf("%d %s, after %v", g.status, g.reason, time.Since(start))
				}
				s.set(func() { s.down = nil })
				time.Sleep(10 * time.Second)
				if g := sendToken(t, v, token); g.status != 200 {
					t.Errorf("the next fetch: %d %s", g.status, g.reason)
				}
			})
		})
	}
}

// An empty set takes every key away: it is no failed fetch.
func TestRemoteEmptySetReplacesTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i := &idp{}, idpIssuing("a")
		s.serve(i)
		v := remoteVerifier(t, s)
		token := tokenOf(t, i)
		if g := sendToken(t, v, token); g.status != 200 {
			t.Fatal(g.status)
		}
		s.set(func() { s.answers["/jwks"] = `{"keys":[]}` })
		time.Sleep(15 * time.Minute)
		if g := sendToken(t, v, token); g.status != 401 || g.reason != keyReason {
			t.Errorf("%d %s", g.status, g.reason)
		}
	})
}

func TestRemoteWithoutStaleKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{header: http.Header{"Cache-Control": {"max-age=60"}}}
		i := idpIssuing("a")
		s.serve(i)
		v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, _ *jwtauth.VerifierOptions) { r.Stale = -1 })
		token := tokenOf(t, i)
		if g := sendToken(t, v, token); g.status != 200 {
			t.Fatal(g.status)
		}
		s.set(func() { s.down = errors.New("down") })
		time.Sleep(time.Minute)
		if g := sendToken(t, v, token); g.status != 503 {
			t.Error(g.status)
		}
	})
}

// Refetch is about unknown keys: keys that become old are fetched again.
func TestRemoteLongRefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{header: http.Header{"Cache-Control": {"max-age=60"}}}
		i := idpIssuing("a")
		s.serve(i)
		v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, _ *jwtauth.VerifierOptions) { r.Refetch = time.Hour })
		token := tokenOf(t, i)
		for range 100 {
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatalf("status %d: %s", g.status, g.reason)
			}
			if g := sendToken(t, v, unknownKey("b")); g.status != 401 {
				t.Fatalf("an unknown key: status %d: %s", g.status, g.reason)
			}
			time.Sleep(10 * time.Second)
		}
		if n := s.count(); n < 15 || n > 21 {
			t.Errorf("%d fetches in 1000 s", n)
		}
	})
}

func TestRemoteOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{delay: time.Second}
		i := idpIssuing("a")
		s.serve(i)
		v := remoteVerifier(t, s)
		token := tokenOf(t, i)

		// The first caller leaves; the fetch it caused goes on.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if g := send(t, v, bearer(token).WithContext(ctx)); g.status != 503 {
			t.Errorf("the caller that left: %d", g.status)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if g := sendToken(t, v, token); g.status != 200 {
					t.Errorf("a caller that waits: %d", g.status)
				}
			})
		}
		wg.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestRemoteRefreshesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{header: http.Header{"Cache-Control": {"public, max-age=100"}}}
		i := idpIssuing("a")
		s.serve(i)
		v := remoteVerifier(t, s)
		token := tokenOf(t, i)
		sendToken(t, v, token)
		s.set(func() { s.delay = time.Second })
		for range 1000 {
			start := time.Now()
			if g := sendToken(t, v, token); g.status != 200 || time.Since(start) > 0 {
				t.Fatalf("%d after %v", g.status, time.Since(start))
			}
			time.Sleep(time.Second)
		}
		if n := s.count(); n < 10 || n > 14 {
			t.Errorf("%d fetches in 1000 s", n)
		}
		s.set(func() { s.delay = time.Minute })
		time.Sleep(200 * time.Second) // no request, so no refresh: the first has to wait
		start := time.Now()
		if g := sendToken(t, v, token); g.status != 200 || time.Since(start) != 5*time.Second {
			t.Errorf("%d after %v", g.status, time.Since(start))
		}
	})
}

func TestRemoteCacheControl(t *testing.T) {
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
				s := &idp{header: tt.header}
				i := idpIssuing("a")
				s.serve(i)
				v := remoteVerifier(t, s)
				token := tokenOf(t, i)
				sendToken(t, v, token)
				time.Sleep(tt.want*4/5 - time.Second)
				sendToken(t, v, token)
				synctest.Wait()
				before := s.count()
				time.Sleep(time.Second)
				sendToken(t, v, token)
				synctest.Wait()
				if before != 1 || s.count() != 2 {
					t.Errorf("%d fetches before %v, %d at it", before, tt.want*4/5, s.count())
				}
			})
		})
	}
}

func TestRemoteRemovedKeyLeavesTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{header: http.Header{"Cache-Control": {"max-age=60"}}}
		old, next := idpIssuing("old"), idpIssuing("next")
		s.serve(old)
		v := remoteVerifier(t, s, func(_ *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { o.CacheSize, o.CacheTTL = 10, time.Hour })
		token := tokenOf(t, old)
		first := sendToken(t, v, token)
		time.Sleep(50 * time.Second)
		if g := sendToken(t, v, token); g.token != first.token {
			t.Error("the refresh of an unchanged set emptied the cache")
		}
		s.serve(next)
		time.Sleep(time.Minute)
		if g := sendToken(t, v, token); g.status != 401 {
			t.Errorf("a removed key: %d", g.status)
		}
	})
}

func TestRemoteFailures(t *testing.T) {
	big := `{"keys":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, tt := range []struct {
		name string
		idp  *idp
	}{
		{"404", &idp{}},
		{"500", &idp{status: 500, answers: map[string]string{"/jwks": `{"keys":[]}`}}},
		{"redirect", &idp{redirect: true}},
		{"not JSON", &idp{answers: map[string]string{"/jwks": `<html>`}}},
		{"no keys", &idp{answers: map[string]string{"/jwks": `{}`}}},
		{"keys null", &idp{answers: map[string]string{"/jwks": `{"keys":null}`}}},
		{"keys no list", &idp{answers: map[string]string{"/jwks": `{"keys":{}}`}}},
		{"a list", &idp{answers: map[string]string{"/jwks": `[]`}}},
		{"more than 1 MiB", &idp{answers: map[string]string{"/jwks": big}}},
		{"hangs", &idp{delay: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := remoteVerifier(t, tt.idp)
				if g := sendToken(t, v, unknownKey("a")); g.status != 503 {
					t.Errorf("status %d: %s", g.status, g.reason)
				}
			})
		})
	}
}

// Keys rotate while requests run: a token is good or refused, never a failure.
func TestRemoteInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp{header: http.Header{"Cache-Control": {"max-age=60"}}, delay: 50 * time.Millisecond}
		a, b := idpIssuing("a"), idpIssuing("b")
		s.serve(a)
		v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { r.Refetch, o.CacheSize = time.Second, 4 })
		tokens := []string{tokenOf(t, a), tokenOf(t, b)}
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for range 300 {
					if g := sendToken(t, v, tokens[n%2]); g.status != 200 && g.reason != keyReason {
						t.Errorf("status %d: %s", g.status, g.reason)
					}
					time.Sleep(time.Duration(90+n) * time.Millisecond)
				}
			})
		}
		for n := range 10 {
			time.Sleep(3 * time.Second)
			s.serve([]*jwtauth.Issuer[profile]{b, a}[n%2])
		}
		wg.Wait()
		s.set(func() { s.answers["/jwks"] = jwksOf(a) })
		time.Sleep(time.Minute)
		if x, y := sendToken(t, v, tokens[0]).status, sendToken(t, v, tokens[1]).status; x != 200 || y != 401 {
			t.Errorf("in the end %d and %d", x, y)
		}
	})
}

func TestRemoteOverTCP(t *testing.T) {
	i := idpIssuing("a")
	mux := http.NewServeMux()
	mux.Handle("GET /jwks", i.JWKS())
	server := httptest.NewServer(mux)
	defer server.Close()
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.RemoteKeys(server.URL+"/jwks", nil),
		&jwtauth.VerifierOptions{Issuer: idpIssuer, Audience: []string{"api"}}))
	if g := sendToken(t, v, tokenOf(t, i)); g.status != 200 {
		t.Errorf("status %d: %s", g.status, g.reason)
	}
}

// jwkJSON is one key of a set.
func keysJSON(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestRemoteSkipsOtherKeys(t *testing.T) {
	good := strings.TrimSuffix(strings.TrimPrefix(jwksOf(idpIssuing("a")), `{"keys":[`), `]}`)
	if !strings.HasPrefix(good, `{"crv":"P-256"`) {
		t.Fatal(good)
	}
	edit := func(pairs ...string) string {
		s := strings.NewReplacer(pairs...).Replace(good)
		if s == good {
			t.Fatalf("%q changes nothing", pairs)
		}
		return s
	}
	x := good[strings.Index(good, `"x":"`)+5:][:43]
	for _, tt := range []struct {
		name, key string
		ok        bool
	}{
		{"good", good, true},
		{"without alg and use", edit(`,"alg":"ES256"`, "", `,"use":"sig"`, ""), true},
		{"key_ops verify", edit(`"use":"sig"`, `"key_ops":["verify"]`), true},
		{"unknown members", edit(`"use":"sig"`, `"use":"sig","x5t":"abc","exp":1,"x5c":["x"]`), true},
		{"use enc", edit(`"sig"`, `"enc"`), false},
		{"use unknown", edit(`"sig"`, `"tls"`), false},
		{"key_ops sign", edit(`"use":"sig"`, `"key_ops":["sign"]`), false},
		{"key_ops none", edit(`"use":"sig"`, `"key_ops":[]`), false},
		{"alg of another curve", edit(`"ES256"`, `"ES384"`), false},
		{"alg of encryption", edit(`"ES256"`, `"ECDH-ES"`), false},
		{"alg of another kind", edit(`"ES256"`, `"RS256"`), false},
		{"private", edit(`"use":"sig"`, `"d":"`+x+`"`), false},
		{"symmetric", `{"kty":"oct","kid":"a","alg":"HS256","k":"` + b64(string(secret)) + `"}`, false},
		{"symmetric member", edit(`"use":"sig"`, `"k":"AA"`), false},
		{"unknown kty", edit(`"EC"`, `"AKP"`), false},
		{"unknown curve", edit(`"P-256"`, `"secp256k1"`), false},
		{"another curve", edit(`"P-256"`, `"P-384"`), false},
		{"not on the curve", edit(x, x[1:]+"A"), false},
		{"x cut", edit(x, x[:42]), false},
		{"x padded", edit(x, x+"="), false},
		{"x empty", edit(x, ""), false},
		{"x a number", edit(`"`+x+`"`, "1"), false},
		{"kid a number", edit(`"kid":"a"`, `"kid":1`), false},
		{"kid too long", edit(`"kid":"a"`, `"kid":"`+strings.Repeat("a", 257)+`"`), false},
		{"RSA with broken numbers", `{"kty":"RSA","kid":"a","n":"!","e":"AQAB"}`, false},
		{"RSA of 8 bits", `{"kty":"RSA","kid":"a","n":"_w","e":"AQAB"}`, false},
		{"RSA with e of 33 bits", `{"kty":"RSA","kid":"a","n":"_w","e":"AQAAAAE"}`, false},
		{"Ed448", `{"kty":"OKP","kid":"a","crv":"Ed448","x":"` + x + `"}`, false},
		{"X25519", `{"kty":"OKP","kid":"a","crv":"X25519","x":"` + x + `"}`, false},
		{"a string", `"a"`, false},
		{"null", `null`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &idp{answers: map[string]string{"/jwks": keysJSON(tt.key)}}
			g := sendToken(t, remoteVerifier(t, s), tokenOf(t, idpIssuing("a")))
			if (g.status == 200) != tt.ok || g.status != 200 && g.status != 401 {
				t.Errorf("status %d: %s", g.status, g.reason)
			}
			// It spoils no other key of the set.
			s = &idp{answers: map[string]string{"/jwks": keysJSON(tt.key, edit(`"kid":"a"`, `"kid":"b"`))}}
			if g := sendToken(t, remoteVerifier(t, s), tokenOf(t, idpIssuing("b"))); g.status != 200 {
				t.Errorf("beside it: status %d: %s", g.status, g.reason)
			}
		})
	}
}

func TestRemoteAlgorithms(t *testing.T) {
	for _, key := range []jwtauth.Key{
		jwtauth.RSA("RS256", rsaKey()), jwtauth.RSA("RS512", rsaKey()), jwtauth.RSA("PS384", rsaKey()),
		jwtauth.ECDSA("ES256", ecKey()), jwtauth.Ed25519("EdDSA", edKey()), jwtauth.Ed25519("Ed25519", edKey()),
	} {
		i := guard.Must(jwtauth.NewIssuer[profile](key, &jwtauth.IssuerOptions{Issuer: idpIssuer, Audience: []string{"api"}, Types: []string{"at+jwt"}}))
		s := &idp{}
		s.serve(i)
		v := remoteVerifier(t, s, func(_ *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { o.Types = []string{"at+jwt"} })
		if g := sendToken(t, v, tokenOf(t, i)); g.status != 200 {
			t.Errorf("%v: status %d: %s", key, g.status, g.reason)
		}
		if bytes.Contains([]byte(jwksOf(i)), []byte(`"d"`)) {
			t.Errorf("%v: the set holds a private key", key)
		}
	}
}

func TestRemoteManyKeysWithoutID(t *testing.T) {
	one := strings.Replace(jwksOf(idpIssuing("a")), `"kid":"a",`, "", 1)
	one = strings.TrimSuffix(strings.TrimPrefix(one, `{"keys":[`), `]}`)
	s := &idp{answers: map[string]string{"/jwks": keysJSON(one, one, one, one, one)}}
	g := sendToken(t, remoteVerifier(t, s), tokenOf(t, idpIssuing("a")))
	if g.status != 401 || g.reason != "jwtauth: the token names none of several keys" {
		t.Errorf("status %d: %s", g.status, g.reason)
	}
}
