package dpop_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/jwtauth"
)

const (
	origin = "https://api.example.com"
	algs   = `DPoP algs="ES256 ES384 EdDSA Ed25519 PS256 RS256"`
)

var (
	now      = harness.NewClock().Time
	nonceKey = guard.Secret(strings.Repeat("n", 32))
	// client has the key that tokens are bound to, stranger another one.
	client, stranger = prover.NewKey("ES256", 0), prover.NewKey("ES256", 0)
	rsaKey           = sync.OnceValue(func() *prover.Key { return prover.NewKey("RS256", 2048) })
)

// claims are the private claims of the tokens.
type claims struct {
	Confirmation *dpop.Confirmation `json:"cnf,omitempty"`
}

// An api is an Issuer that binds tokens, and a handler that accepts them.
type api struct {
	t      testing.TB
	clock  *harness.Clock
	issuer *jwtauth.Issuer[claims]
	wrap   func(http.Handler) http.Handler

	mu      sync.Mutex
	reasons []string // what Observe saw
}

// newAPI binds by what bound returns. opts may be nil.
func newAPI(t testing.TB, bound func(now func() time.Time) guard.Binding) *api {
	a := &api{t: t, clock: harness.NewClock()}
	a.issuer = guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{
		Lifetime: 24 * time.Hour, Now: a.clock.Now, Bound: bound(a.clock.Now),
	}))
	a.wrap = guard.Chain(guard.Observe(func(_ *http.Request, d guard.Decision) {
		if d.Outcome != guard.Allowed {
			a.mu.Lock()
			a.reasons = append(a.reasons, d.Reason)
			a.mu.Unlock()
		}
	}), a.issuer.Verifier().Wrap)
	return a
}

// newDPoP is newAPI by proofs.
func newDPoP(t testing.TB, opts dpop.Options) *api {
	return newAPI(t, func(now func() time.Time) guard.Binding {
		opts.Now = now
		return guard.Must(dpop.New(origin, &opts))
	})
}

// token returns a token that is bound to a key, or with nil to none.
func (a *api) token(key *prover.Key) string {
	var c claims
	if key != nil {
		c.Confirmation = &dpop.Confirmation{JKT: key.Thumbprint()}
	}
	return guard.Must(a.issuer.Issue("1", c)).AccessToken
}

// serve returns the answer, and checks what all answers have.
func (a *api) serve(r *http.Request) *httptest.ResponseRecorder {
	a.t.Helper()
	a.mu.Lock()
	a.reasons = nil
	a.mu.Unlock()
	w, reached := harness.Serve(a.t, a.wrap, nil, r)
	h := w.Result().Header
	switch {
	case reached != (w.Code == 200):
		a.t.Errorf("status %d, reached %t", w.Code, reached)
	case w.Code == 401 && (len(h["Www-Authenticate"]) == 0 || h.Get("Cache-Control") != "no-store"):
		a.t.Errorf("a 401 with the header %v", h)
	case strings.Contains(w.Body.String(), "dpop:"):
		a.t.Errorf("the body has the reason: %s", w.Body)
	}
	return w
}

// reason returns why the last request was refused.
func (a *api) reason() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.reasons, "; ")
}

// wants checks the answer to r.
func (a *api) wants(r *http.Request, status int, challenge, reason string) *httptest.ResponseRecorder {
	a.t.Helper()
	w := a.serve(r)
	if got := w.Result().Header.Get("Www-Authenticate"); w.Code != status || got != challenge || a.reason() != reason {
		a.t.Errorf("%d, %q, %q; want %d, %q, %q", w.Code, got, a.reason(), status, challenge, reason)
	}
	return w
}

func invalid(word string) string { return algs + `, error="` + word + `"` }

func must[T any](v T, err error) T { return guard.Must(v, err) }

// smallRSA is a key that is too short.
var smallRSA = sync.OnceValue(func() *prover.Key { return prover.NewKey("RS256", 1024) })

// strangersNonce returns the nonce that a server with this key and origin makes.
func strangersNonce(key, origin string, at time.Time) string {
	h := http.Header{}
	guard.Must(dpop.New(origin, &dpop.Options{NonceKey: guard.Secret(key), Now: func() time.Time { return at }})).Accepted(h)
	return h.Get("DPoP-Nonce")
}
