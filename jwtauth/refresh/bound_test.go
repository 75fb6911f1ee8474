package refresh_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// TestBoundLogin: a login that is bound to a DPoP key has access tokens that are bound,
// and refresh tokens that need a proof by the key.
func TestBoundLogin(t *testing.T) {
	const origin = "https://api.example.com"
	type claims struct{ Role string }
	proofs := guard.Must(dpop.New(origin, &dpop.Options{NonceKey: guard.Secret(strings.Repeat("n", 32))}))
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Bound: proofs}))
	reload := func(context.Context, string, map[string]any) (claims, bool, error) { return claims{"user"}, true, nil }
	logins := guard.Must(refresh.New(issuer, reload, &refresh.Options{Proofs: proofs}))
	key, other := prover.NewKey("ES256", 0), prover.NewKey("ES256", 0)
	nonce := func() string {
		h := http.Header{}
		proofs.Accepted(h)
		return h.Get("DPoP-Nonce")
	}
	var reason string
	h := guard.Observe(func(_ *http.Request, d guard.Decision) { reason = d.Reason })(logins.RefreshHandler())
	send := func(refreshToken string, proof ...string) (*http.Response, map[string]any) {
		r := httptest.NewRequest("POST", "/refresh", strings.NewReader(`{"refresh_token":"`+refreshToken+`"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header["Dpop"] = proof
		w := httptest.NewRecorder()
		reason = ""
		h.ServeHTTP(w, r)
		var body map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &body)
		return w.Result(), body
	}
	proofBy := func(k *prover.Key) string { return k.Proof("POST", origin+"/refresh", "", nonce(), time.Now()) }
	accepted := func(token string, k *prover.Key) bool {
		w, reached := harness.Serve(t, issuer.Verifier().Wrap, nil, k.Request("GET", "/", token, nonce(), time.Now()))
		return w.Code == 200 && reached
	}

	tokens := guard.Must(logins.Start(t.Context(), "1", &refresh.StartOptions[claims]{JKT: key.Thumbprint(), Login: map[string]any{"tenant": "acme"}}))
	if tokens.Type != "DPoP" || !accepted(tokens.AccessToken, key) || accepted(tokens.AccessToken, other) {
		t.Errorf("the first access token: type %q", tokens.Type)
	}
	first := proofBy(key)
	for _, tt := range []struct {
		name, token string
		proof       []string
		status      int
		reason      string
	}{
		{"no proof", tokens.RefreshToken, nil, 401, "has no proof"},
		{"another key", tokens.RefreshToken, []string{proofBy(other)}, 401, "bound to another key"},
		{"two proofs", tokens.RefreshToken, []string{proofBy(key), proofBy(key)}, 400, "more than one proof"},
		{"no nonce", tokens.RefreshToken, []string{key.Proof("POST", origin+"/refresh", "", "", time.Now())}, 400, "nonce is missing"},
		{"another URL", tokens.RefreshToken, []string{key.Proof("POST", origin+"/token", "", nonce(), time.Now())}, 400, "htu"},
		{"a proof for a token", tokens.RefreshToken, []string{key.Proof("POST", origin+"/refresh", tokens.RefreshToken, nonce(), time.Now())}, 400, "without a token"},
		{"a forged token spends no proof", "x" + tokens.RefreshToken[1:], []string{first}, 401, "not a refresh token"},
	} {
		if res, _ := send(tt.token, tt.proof...); res.StatusCode != tt.status || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %d, %q", tt.name, res.StatusCode, reason)
		}
	}
	if _, err := logins.Refresh(t.Context(), tokens.RefreshToken); err == nil || !strings.Contains(err.Error(), "has no proof") {
		t.Errorf("Refresh without a request: %v", err)
	}
	res, body := send(tokens.RefreshToken, first) // none of the above has ended the login
	if res.StatusCode != 200 || body["token_type"] != "DPoP" || len(res.Header["Dpop-Nonce"]) != 1 || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d, %v, %v, %q", res.StatusCode, res.Header, body["token_type"], reason)
	}
	next, _ := body["access_token"].(string)
	if !accepted(next, key) || accepted(next, other) {
		t.Error("the next access token is not bound to the key")
	}
	second, _ := body["refresh_token"].(string)
	if res, _ := send(second, first); res.StatusCode != 400 || !strings.Contains(reason, "used before") {
		t.Errorf("a replay: %d, %q", res.StatusCode, reason)
	}
	if res, _ := send(second, proofBy(key)); res.StatusCode != 200 {
		t.Errorf("the second refresh: %d, %q", res.StatusCode, reason)
	}

	// Without Proofs, and where the claims have a cnf of their own, nothing is accepted.
	without := guard.Must(refresh.New(issuer, reload, nil))
	tokens = guard.Must(without.Start(t.Context(), "1", &refresh.StartOptions[claims]{JKT: key.Thumbprint()}))
	r := httptest.NewRequest("POST", "/refresh", strings.NewReader(`{"refresh_token":"`+tokens.RefreshToken+`"}`))
	r.Header = http.Header{"Content-Type": {"application/json"}, "Dpop": {proofBy(key)}}
	w := httptest.NewRecorder()
	without.RefreshHandler().ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("without Proofs: %d", w.Code)
	}
	for _, jkt := range []string{"x", key.Thumbprint() + "=", key.Thumbprint()[:42], strings.Repeat("é", 22), strings.Repeat("A", 44), strings.Repeat("A", 1000)} {
		if _, err := logins.Start(t.Context(), "1", &refresh.StartOptions[claims]{JKT: jkt}); err == nil {
			t.Errorf("JKT %q is accepted", jkt)
		}
	}
	if _, err := refresh.New(issuer, reload, &refresh.Options{Proofs: (*dpop.Proofs)(nil)}); err == nil || !strings.Contains(err.Error(), "refresh: Options.Proofs is a nil *dpop.Proofs") {
		t.Error(err)
	}
}

// Claims with a cnf beside StartOptions.JKT would bind the token to two keys.
func TestBoundLoginWithConfirmation(t *testing.T) {
	type claims struct {
		Confirmation *dpop.Confirmation `json:"cnf,omitempty"`
	}
	proofs := guard.Must(dpop.New("https://api.example.com", nil))
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Bound: proofs}))
	reload := func(context.Context, string, map[string]any) (claims, bool, error) {
		return claims{&dpop.Confirmation{JKT: "x"}}, true, nil
	}
	logins := guard.Must(refresh.New(issuer, reload, &refresh.Options{Proofs: proofs}))
	if _, err := logins.Start(t.Context(), "1", &refresh.StartOptions[claims]{JKT: prover.NewKey("ES256", 0).Thumbprint()}); err == nil || !strings.Contains(err.Error(), "a member name occurs twice") {
		t.Error(err)
	}
	// An Issuer that does not check bound tokens issues none.
	plain := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), nil))
	unchecked := guard.Must(refresh.New(plain, func(context.Context, string, map[string]any) (struct{}, bool, error) { return struct{}{}, true, nil }, nil))
	if _, err := unchecked.Start(t.Context(), "1", &refresh.StartOptions[struct{}]{JKT: prover.NewKey("ES256", 0).Thumbprint()}); err == nil || !strings.Contains(err.Error(), "cnf binds the token to a key, which is not checked") {
		t.Error(err)
	}
}
