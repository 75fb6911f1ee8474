package interop_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
)

const audience = "https://api.example.com"

type oidcClaims struct {
	ClientID string `json:"client_id"`
}

// verifier trusts the server's access tokens (RFC 9068) for the audience.
func verifier(t *testing.T, s *authServer, aud string) *jwtauth.Verifier[oidcClaims] {
	t.Helper()
	keys := jwtauth.Discover(s.issuer, &jwtauth.RemoteOptions{Refetch: 100 * time.Millisecond, Timeout: time.Minute})
	v, err := jwtauth.NewVerifier[oidcClaims](keys, &jwtauth.VerifierOptions{Audience: []string{aud}, Types: []string{"at+jwt"}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func status(h http.Handler, token string) int {
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	r.Header.Set("Authorization", "Bearer "+token)
	h.ServeHTTP(w, r)
	return w.Code
}

var empty = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func TestAccessTokensOfAnAuthorizationServer(t *testing.T) {
	s := startAuthServer(t)
	v := verifier(t, s, audience)
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "Ed25519"} {
		t.Run(alg, func(t *testing.T) {
			token := s.token(t, alg)
			reached := false
			h := guard.Chain(v.Wrap, bearer.Scopes("posts:read"))(guard.HandlerFunc(
				func(_ http.ResponseWriter, _ *http.Request, tok *jwtauth.Token[oidcClaims]) {
					reached = true
					if tok.Sub() != "service" || tok.Claims.ClientID != "service" || tok.Issuer != s.issuer ||
						!slices.Equal(tok.Scopes(), []string{"posts:read"}) || !slices.Equal(tok.Audience, []string{audience}) {
						t.Errorf("the token: %+v %v", tok, tok.Scopes())
					}
				}))
			if got := status(h, token); got != 200 || !reached {
				t.Errorf("a good token: %d", got)
			}
			if got := status(guard.Chain(v.Wrap, bearer.Scopes("posts:write"))(empty), token); got != 403 {
				t.Errorf("without the scope: %d, want 403", got)
			}
			if got := status(verifier(t, s, "https://other.example.com").Wrap(empty), token); got != 401 {
				t.Errorf("for another audience: %d, want 401", got)
			}
			if got := status(v.Wrap(empty), token[:len(token)-5]+"AAAAA"); got != 401 {
				t.Errorf("another signature: %d, want 401", got)
			}
		})
	}
	t.Run("opaque", func(t *testing.T) {
		if got := status(v.Wrap(empty), s.token(t, "opaque")); got != 401 {
			t.Errorf("an opaque token: %d, want 401", got)
		}
	})
	t.Run("a stranger's key under a known id", func(t *testing.T) {
		var forged struct{ Token string }
		s.do(t, map[string]any{"do": "foreign", "kid": "ES256-1"}, &forged)
		if got := status(v.Wrap(empty), forged.Token); got != 401 {
			t.Errorf("got %d, want 401", got)
		}
	})
}

// TestKeyRotationUnderLoad: while the old keys are still published, no request is
// refused. Afterwards tokens of the old keys are refused. No request gets a 5xx.
func TestKeyRotationUnderLoad(t *testing.T) {
	s := startAuthServer(t)
	h := verifier(t, s, audience).Wrap(empty)
	old := s.token(t, "ES256")
	if got := status(h, old); got != 200 {
		t.Fatalf("before: %d", got)
	}
	var (
		running         sync.WaitGroup
		stop            atomic.Bool
		refused, failed atomic.Int64
	)
	for range 4 {
		running.Go(func() {
			for !stop.Load() {
				switch status(h, old) {
				case 200:
				case 401:
					refused.Add(1)
				default:
					failed.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	s.order(t, "add")
	second := s.token(t, "ES256")
	harness.Eventually(t, "a token of the new key", func() bool { return status(h, second) == 200 })
	if n := refused.Load(); n > 0 {
		t.Errorf("%d good tokens were refused while keys were added", n)
	}
	s.order(t, "rotate")
	third := s.token(t, "ES256")
	harness.Eventually(t, "a token of the newest key", func() bool { return status(h, third) == 200 })
	stop.Store(true)
	running.Wait()
	for name, token := range map[string]string{"old": old, "second": second} {
		if got := status(h, token); got != 401 {
			t.Errorf("the %s token after its key was removed: %d, want 401", name, got)
		}
	}
	if n := failed.Load(); n > 0 {
		t.Errorf("%d requests failed by our fault", n)
	}
}

// TestUnknownKeysCostFewFetches: anonymous clients cannot cause a flood of fetches.
func TestUnknownKeysCostFewFetches(t *testing.T) {
	s := startAuthServer(t)
	const between = 10 * time.Second // fetches
	keys := jwtauth.Discover(s.issuer, &jwtauth.RemoteOptions{Refetch: between})
	h := guard.Must(jwtauth.NewVerifier[oidcClaims](keys, &jwtauth.VerifierOptions{Audience: []string{audience}})).Wrap(empty)
	if got := status(h, s.token(t, "RS256")); got != 200 {
		t.Fatalf("before: %d", got)
	}
	began := time.Now()
	for i := range 40 {
		var forged struct{ Token string }
		s.do(t, map[string]any{"do": "foreign", "kid": fmt.Sprintf("unknown-%d", i%20)}, &forged)
		if got := status(h, forged.Token); got != 401 {
			t.Fatalf("got %d, want 401", got)
		}
	}
	var asked struct{ Seen map[string]int }
	s.do(t, map[string]any{"do": "seen"}, &asked)
	if n, most := asked.Seen["/jwks"], 3+int(time.Since(began)/between); n < 1 || n > most {
		t.Errorf("%d fetches of the keys, want 1 to %d: %v", n, most, asked.Seen)
	}
}

func TestOutageOfAnAuthorizationServer(t *testing.T) {
	s := startAuthServer(t)
	token := s.token(t, "RS256")
	warm, cold := verifier(t, s, audience).Wrap(empty), verifier(t, s, audience).Wrap(empty)
	if got := status(warm, token); got != 200 {
		t.Fatalf("before: %d", got)
	}
	s.order(t, "down")
	if got := status(warm, token); got != 200 {
		t.Errorf("with the keys at hand: %d, want 200", got)
	}
	if got := status(cold, token); got != 503 {
		t.Errorf("without keys: %d, want 503", got)
	}
	if got := status(cold, "no.to.ken"); got != 401 && got != 503 {
		t.Errorf("garbage without keys: %d", got)
	}
	s.order(t, "up")
	harness.Eventually(t, "recovery", func() bool { return status(cold, token) == 200 })
}

func TestIntrospectionOfOpaqueTokens(t *testing.T) {
	s := startAuthServer(t)
	in, err := bearer.NewIntrospector(s.issuer+"/token/introspection", "api", "api-secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens := guard.Must(bearer.New(in.Verify, nil))
	h := guard.Chain(tokens.Wrap, bearer.Scopes("posts:read"))(guard.HandlerFunc(
		func(_ http.ResponseWriter, _ *http.Request, i *bearer.Introspection) {
			if i.ClientID != "service" || i.Issuer != s.issuer || !slices.Equal(i.Audience, []string{audience}) || i.ExpiresAt.IsZero() {
				t.Errorf("the answer: %+v", i)
			}
		}))
	token := s.token(t, "opaque")
	if got := status(h, token); got != 200 {
		t.Fatalf("an active token: %d, want 200", got)
	}
	if got := status(guard.Chain(tokens.Wrap, bearer.Scopes("posts:write"))(empty), token); got != 403 {
		t.Errorf("without the scope: %d, want 403", got)
	}
	if got := status(h, "unknown"); got != 401 {
		t.Errorf("an unknown token: %d, want 401", got)
	}
	wrong := guard.Must(bearer.NewIntrospector(s.issuer+"/token/introspection", "api", "wrong", nil))
	if got := status(guard.Must(bearer.New(wrong.Verify, nil)).Wrap(empty), token); got != 503 {
		t.Errorf("a wrong secret of ours: %d, want 503", got)
	}
	s.order(t, "down")
	if got := status(h, token); got != 503 {
		t.Errorf("the server is down: %d, want 503", got)
	}
	s.order(t, "up")
	harness.Eventually(t, "recovery", func() bool { return status(h, token) == 200 })
	s.post(t, "/token/revocation", "service", url.Values{"token": {token}}, nil)
	if got := status(h, token); got != 401 {
		t.Errorf("a revoked token: %d, want 401", got)
	}
}
