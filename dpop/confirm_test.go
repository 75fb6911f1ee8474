package dpop_test

import (
	"errors"
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
)

func TestAlgorithms(t *testing.T) {
	a := newDPoP(t, dpop.Options{Algorithms: []string{"ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "RS256"}})
	keys := []*prover.Key{client, prover.NewKey("ES384", 0), prover.NewKey("ES512", 0), prover.NewKey("EdDSA", 0), prover.NewKey("Ed25519", 0), rsaKey()}
	keys = append(keys, &prover.Key{Alg: "PS256", Private: rsaKey().Private, JWK: rsaKey().JWK})
	for _, key := range keys {
		r := key.Request("POST", "/profile?a=b", a.token(key), "", a.clock.Now())
		r.Header.Set("DPoP", key.Proof("POST", origin+"/profile", a.token(key), "", a.clock.Now()))
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
		r.Header.Set("DPoP", key.Proof("POST", origin+"/profile", token, "", a.clock.Now()))
		if w := a.serve(r); w.Code != 200 {
			t.Errorf("%s: %d, %s", key.Alg, w.Code, a.reason())
		}
	}
}

// Without a token, or with one that is wrong for another reason, no proof is read.
func TestTokenComesFirst(t *testing.T) {
	a := newDPoP(t, dpop.Options{NonceKey: nonceKey})
	a.wants(httptest.NewRequest("GET", "/profile", nil), 401, algs, "guard: no credentials")
	r := client.Request("GET", "/profile", "garbage", "", a.clock.Now())
	w := a.wants(r, 401, invalid("invalid_token"), "jwtauth: the token does not have three segments")
	if w.Header().Get("DPoP-Nonce") != "" {
		t.Error("a nonce for a wrong token")
	}
	r = client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
	r.Header.Add("Authorization", "Bearer "+a.token(client))
	a.wants(r, 400, "", "jwtauth: more than one credential")
	a.wants(client.Request("GET", "/profile", a.token(nil), "", a.clock.Now()), 401, invalid("invalid_token"), "dpop: the token is not bound to a key")
	a.wants(harness.Request("/profile", "Authorization", "Bearer "+a.token(nil)), 401, invalid("invalid_token"), "dpop: the token is not bound to a key")
}

// TestOnce: what is refused for another reason uses up nothing, and what is accepted is
// accepted once, with another jti again.
func TestOnce(t *testing.T) {
	a := newDPoP(t, dpop.Options{NonceKey: nonceKey})
	token := a.token(client)
	r := client.Request("GET", "/profile", token, "", a.clock.Now())
	w := a.wants(r, 401, invalid("use_dpop_nonce"), "dpop: nonce is missing")
	nonce := w.Result().Header["Dpop-Nonce"]
	if len(nonce) != 1 || w.Result().Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the header %v", w.Result().Header)
	}
	r = client.Request("GET", "/profile", token, nonce[0], a.clock.Now())
	post := r.Clone(t.Context())
	post.Method = "POST"
	a.wants(post, 401, invalid("invalid_dpop_proof"), "dpop: htm is not the method of the request")
	w = a.serve(r)
	if w.Code != 200 || w.Result().Header.Get("DPoP-Nonce") == "" || w.Result().Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, %v, %s", w.Code, w.Result().Header, a.reason())
	}
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: the proof was used before")
	if w := a.serve(client.Request("GET", "/profile", token, nonce[0], a.clock.Now())); w.Code != 200 {
		t.Errorf("another proof with the nonce: %d, %s", w.Code, a.reason())
	}
}

// The end of the window: a replay is refused as long as iat is accepted.
func TestReplayUntilTheEndOfItsTime(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	token := a.token(client)
	payload := client.Payload("GET", origin+"/profile", token, "", a.clock.Now().Add(5*time.Second))
	payload["iat"] = float64(a.clock.Now().Add(5*time.Second).UnixMilli()) / 1000
	r := client.Request("GET", "/profile", token, "", a.clock.Now())
	r.Header.Set("DPoP", client.Sign(prover.JSON(client.Header()), prover.JSON(payload)))
	if w := a.serve(r); w.Code != 200 {
		t.Fatalf("%d, %s", w.Code, a.reason())
	}
	for range 13 {
		a.clock.Advance(5 * time.Second)
		a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: the proof was used before")
	}
	a.clock.Advance(time.Second)
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: iat is more than 60 seconds ago")
	old := client.Proof("GET", origin+"/profile", token, "", a.clock.Now().Add(-60*time.Second))
	r.Header.Set("DPoP", old)
	if w := a.serve(r); w.Code != 200 {
		t.Errorf("60 seconds old: %d, %s", w.Code, a.reason())
	}
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: the proof was used before")
}

// A token that is cached, or that was verified a moment ago, still needs its proof.
func TestCachedToken(t *testing.T) {
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{
		CacheSize: 10, Bound: guard.Must(dpop.New(origin, nil)),
	}))
	token := guard.Must(issuer.Issue("1", claims{&dpop.Confirmation{JKT: client.Thumbprint()}})).AccessToken
	for range 3 {
		r := client.Request("GET", "/profile", token, "", time.Now())
		if w, reached := harness.Serve(t, issuer.Verifier().Wrap, nil, r); w.Code != 200 || !reached {
			t.Fatalf("%d", w.Code)
		}
		if w, reached := harness.Serve(t, issuer.Verifier().Wrap, nil, r); w.Code != 401 || reached {
			t.Errorf("a replay with a cached token: %d", w.Code)
		}
		r = stranger.Request("GET", "/profile", token, "", time.Now())
		if w, reached := harness.Serve(t, issuer.Verifier().Wrap, nil, r); w.Code != 401 || reached {
			t.Errorf("another key with a cached token: %d", w.Code)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if w, reached := harness.Serve(t, issuer.Verifier().Wrap, nil, r); w.Code != 401 || reached {
			t.Errorf("a cached token as Bearer: %d", w.Code)
		}
	}
	if _, err := issuer.Verifier().Verify(t.Context(), token); err == nil {
		t.Error("Verify accepts a bound token without a request")
	}
	unbound := guard.Must(issuer.Issue("1", claims{})).AccessToken
	if _, err := issuer.Verifier().Verify(t.Context(), unbound); err == nil {
		t.Error("Verify accepts a token that is not bound")
	}
}

func TestInsecureUnbound(t *testing.T) {
	a := newAPI(t, func(now func() time.Time) guard.Binding {
		return guard.Must(dpop.New(origin, &dpop.Options{InsecureUnbound: true, Now: now}))
	})
	if w := a.serve(harness.Request("/profile", "Authorization", "Bearer "+a.token(nil))); w.Code != 200 {
		t.Errorf("a bearer token: %d, %s", w.Code, a.reason())
	}
	if _, err := a.issuer.Verifier().Verify(t.Context(), a.token(nil)); err != nil {
		t.Errorf("Verify of a bearer token: %v", err)
	}
	if w := a.serve(client.Request("GET", "/profile", a.token(client), "", a.clock.Now())); w.Code != 200 {
		t.Errorf("a bound token: %d, %s", w.Code, a.reason())
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		want []string
	}{ // RFC 9449, section 7.2: the error is in the challenge of the scheme that was used
		{"no token", harness.Request("/profile"), []string{algs, "Bearer"}},
		{"a wrong bearer token", harness.Request("/profile", "Authorization", "Bearer x"), []string{algs, `Bearer error="invalid_token"`}},
		{"a wrong DPoP token", harness.Request("/profile", "Authorization", "DPoP x"), []string{invalid("invalid_token"), "Bearer"}},
		{"a bound token as Bearer", harness.Request("/profile", "Authorization", "Bearer "+a.token(client)), []string{invalid("invalid_token"), "Bearer"}},
		{"an unbound token as DPoP", client.Request("GET", "/profile", a.token(nil), "", a.clock.Now()), []string{invalid("invalid_token"), "Bearer"}},
	} {
		w := a.serve(tt.r)
		if got := w.Result().Header["Www-Authenticate"]; w.Code != 401 || strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%s: %d, %q; want %q", tt.name, w.Code, got, tt.want)
		}
	}
}

// TestConfirmations: a cnf of any form is accepted only where all of it is proved.
func TestConfirmations(t *testing.T) {
	p := guard.Must(dpop.New(origin, &dpop.Options{InsecureUnbound: true}))
	jkt := client.Thumbprint()
	for cnf, want := range map[string]string{
		`{"jkt":"` + jkt + `"}`:                     "",
		`{"jkt":"` + jkt + `","jkt":"` + jkt + `"}`: "cnf is not an object of texts",
		`{"jkt":"` + jkt + `","x5t#S256":"x"}`:      "a confirmation that is not checked here",
		`{"x5t#S256":"x"}`:                          "a confirmation that is not checked here",
		`{"jkt":"` + jkt + `","kid":"1"}`:           "a confirmation that is not checked here",
		`{"jwk":{"kty":"EC"}}`:                      "a confirmation that is not checked here",
		`{"JKT":"` + jkt + `"}`:                     "a confirmation that is not checked here",
		`{"jkt":""}`:                                "cnf has no confirmation",
		`{}`:                                        "cnf has no confirmation",
		`{"jkt":1}`:                                 "cnf is not an object of texts",
		`{"jkt":null}`:                              "cnf is not an object of texts",
		`{"jkt":["` + jkt + `"]}`:                   "cnf is not an object of texts",
		`null`:                                      "cnf is not an object of texts",
		`"` + jkt + `"`:                             "cnf is not an object of texts",
		`[]`:                                        "cnf is not an object of texts",
		`{`:                                         "cnf is not an object of texts",
		`{"jkt":"` + jkt[:42] + `"}`:                "another key than that of the token",
		`{"jkt":"` + jkt + `="}`:                    "another key than that of the token",
		"":                                          "the token is not bound",
	} {
		r := client.Request("GET", "/profile", "token", "", time.Now())
		if err := p.Confirm(r, "DPoP", "token", cnf); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", cnf, err, want)
		}
	}
}

func TestKey(t *testing.T) {
	p := guard.Must(dpop.New("https://as.example.com", &dpop.Options{NonceKey: nonceKey}))
	h := http.Header{}
	p.Accepted(h)
	send := func(proof string) (string, bool, error) {
		r := httptest.NewRequest("POST", "/token", nil)
		r.Header.Set("DPoP", proof)
		return p.Key(r)
	}
	if jkt, found, err := p.Key(httptest.NewRequest("POST", "/token", nil)); jkt != "" || found || err != nil {
		t.Errorf("without a proof: %q, %t, %v", jkt, found, err)
	}
	proof := client.Proof("POST", "https://as.example.com/token", "", h.Get("DPoP-Nonce"), time.Now())
	if jkt, found, err := send(proof); jkt != client.Thumbprint() || !found || err != nil {
		t.Errorf("%q, %t, %v", jkt, found, err)
	}
	// What another type of keys has is not part of the thumbprint, for which other servers
	// refuse the token (RFC 7638, section 3.2).
	header := client.Header()
	jwk := header["jwk"].(map[string]any)
	jwk["n"], jwk["e"] = "AQAB", "AQAB"
	proof = client.Sign(prover.JSON(header), prover.JSON(client.Payload("POST", "https://as.example.com/token", "", h.Get("DPoP-Nonce"), time.Now())))
	if jkt, found, err := send(proof); jkt != client.Thumbprint() || !found || err != nil {
		t.Errorf("with members of an RSA key: %q, %t, %v", jkt, found, err)
	}
	for name, tt := range map[string]struct{ proof, code, reason string }{
		"again":       {proof, "invalid_dpop_proof", "used before"},
		"empty":       {"", "invalid_dpop_proof", "has no proof"},
		"no nonce":    {client.Proof("POST", "https://as.example.com/token", "", "", time.Now()), "use_dpop_nonce", "nonce is missing"},
		"for a token": {client.Proof("POST", "https://as.example.com/token", "x", h.Get("DPoP-Nonce"), time.Now()), "invalid_dpop_proof", "without a token"},
		"another URL": {client.Proof("POST", "https://as.example.com/other", "", h.Get("DPoP-Nonce"), time.Now()), "invalid_dpop_proof", "htu"},
	} {
		jkt, found, err := send(tt.proof)
		e, _ := errors.AsType[*guard.Error](err)
		if jkt != "" || found || e == nil || e.Status != 400 || e.Code != tt.code || !strings.Contains(e.Err.Error(), tt.reason) || e.Header.Get("DPoP-Nonce") == "" || len(e.Challenges) > 0 {
			t.Errorf("%s: %q, %t, %v", name, jkt, found, err)
		}
	}
}
