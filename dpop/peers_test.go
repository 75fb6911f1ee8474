package dpop_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/once"
)

// The mistakes of other implementations.

// giantswarm/mcp-oauth#383: a bound token was accepted as a bearer token.
func TestMCPOAuth383(t *testing.T) {
	a := newDPoP(t, dpop.Options{InsecureUnbound: true})
	for _, proof := range []bool{false, true} {
		r := client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "DPoP", "Bearer", 1))
		if !proof {
			r.Header.Del("DPoP")
		}
		if w := a.serve(r); w.Code != 401 || w.Result().Header.Get("Www-Authenticate") != invalid("invalid_token") {
			t.Errorf("with a proof %t: %d", proof, w.Code)
		}
	}
}

// giantswarm/mcp-oauth#384 and keycloak#38333: any key's proof was accepted.
func TestMCPOAuth384Keycloak38333(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	a.wants(stranger.Request("GET", "/profile", a.token(client), "", a.clock.Now()), 401, invalid("invalid_dpop_proof"), "dpop: "+otherKey)
}

// giantswarm/mcp-oauth#389: each process, and each endpoint, had replays of its own.
func TestMCPOAuth389(t *testing.T) {
	store := guard.Must(once.NewMemory(nil))
	first, second := guard.Must(dpop.New(origin, &dpop.Options{Once: store})), guard.Must(dpop.New(origin, &dpop.Options{Once: store}))
	r := client.Request("POST", "/token", "token", "", time.Now())
	cnf := `{"jkt":"` + client.Thumbprint() + `"}`
	if err := first.Confirm(r, "DPoP", "token", cnf); err != nil {
		t.Fatal(err)
	}
	if err := second.Confirm(r, "DPoP", "token", cnf); err == nil || !strings.Contains(err.Error(), "used before") {
		t.Errorf("another process: %v", err)
	}
	r.Header.Set("DPoP", client.Proof("POST", origin+"/token", "", "", time.Now()))
	if _, found, err := first.Key(r); !found || err != nil {
		t.Fatal(err)
	}
	if _, found, err := second.Key(r); found || err == nil {
		t.Error("another process: a token is issued")
	}
}

// keycloak#22215 and panva/openid-client#691: a proof without ath.
func TestKeycloak22215(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	r := client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
	r.Header.Set("DPoP", client.Proof("GET", origin+"/profile", "", "", a.clock.Now()))
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: ath is missing")
}

// keycloak#22240: the proof was checked only where the field was there.
func TestKeycloak22240(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	r := client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
	r.Header.Del("DPoP")
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: "+missing)
}

// keycloak#36476: a token that is not bound was accepted in the scheme DPoP, and two
// Authorization fields were.
func TestKeycloak36476(t *testing.T) {
	a := newDPoP(t, dpop.Options{InsecureUnbound: true})
	a.serve(client.Request("GET", "/profile", a.token(nil), "", a.clock.Now()))
	if a.reason() != "dpop: the token is not bound to a key" {
		t.Error(a.reason())
	}
	r := client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
	r.Header["Authorization"] = append(r.Header["Authorization"], "Bearer "+a.token(nil))
	if w := a.serve(r); w.Code != 400 {
		t.Errorf("two: %d", w.Code)
	}
}

// keycloak#27013: the scheme DPoP, in any case, was not known.
func TestKeycloak27013(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	for _, scheme := range []string{"DPoP", "dpop", "DPOP"} {
		r := client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "DPoP", scheme, 1))
		if w := a.serve(r); w.Code != 200 {
			t.Errorf("%s: %d, %s", scheme, w.Code, a.reason())
		}
	}
}

// wso2/product-is#23358, and a resource server of auth0 by its documentation
// (auth0/node-oauth2-jwt-bearer#215): jti was required, and never remembered.
func TestWSO2_23358(t *testing.T) {
	a := newDPoP(t, dpop.Options{}) // no option turns it off
	r := client.Request("GET", "/profile", a.token(client), "", a.clock.Now())
	a.serve(r)
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: the proof was used before")
}

// better-auth#10039: another spelling of htu, or of htm, was another use of the same jti.
func TestBetterAuth10039(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	token := a.token(client)
	payload := client.Payload("GET", origin+"/profile", token, "", a.clock.Now())
	r := client.Request("GET", "/profile", token, "", a.clock.Now())
	for i, htu := range []string{"/profile", "/profile?a", "/%70rofile", "/./profile"} {
		change := maps.Clone(payload)
		change["htu"] = origin + htu
		r.Header.Set("DPoP", client.Sign(prover.JSON(client.Header()), prover.JSON(change)))
		if w := a.serve(r); (w.Code == 200) != (i == 0) {
			t.Errorf("%s: %d, %s", htu, w.Code, a.reason())
		}
	}
}

// sourcebot#1395: a jti was spent before ath was checked, and was forgotten while a proof
// with an iat ahead was still accepted (see TestReplayUntilTheEndOfItsTime).
func TestSourcebot1395(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	token := a.token(client)
	payload := client.Payload("GET", origin+"/profile", token, "", a.clock.Now())
	wrong := maps.Clone(payload)
	wrong["ath"] = prover.Hash("other")
	r := client.Request("GET", "/profile", token, "", a.clock.Now())
	r.Header.Set("DPoP", client.Sign(prover.JSON(client.Header()), prover.JSON(wrong)))
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: ath is not the hash of the token")
	r.Header.Set("DPoP", client.Sign(prover.JSON(client.Header()), prover.JSON(payload)))
	if w := a.serve(r); w.Code != 200 {
		t.Errorf("the same jti: %d, %s", w.Code, a.reason())
	}
}

// inji-certify#1000: one client could spend the jti of another, and a missing cache was
// none.
func TestInjiCertify1000(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	for _, key := range []*prover.Key{client, stranger} {
		token := a.token(key)
		payload := key.Payload("GET", origin+"/profile", token, "", a.clock.Now())
		payload["jti"] = "1"
		r := key.Request("GET", "/profile", token, "", a.clock.Now())
		r.Header.Set("DPoP", key.Sign(prover.JSON(key.Header()), prover.JSON(payload)))
		if w := a.serve(r); w.Code != 200 {
			t.Errorf("%d, %s", w.Code, a.reason())
		}
	}
}

// DuendeSoftware/products#1233: jtis of any length filled the memory, and the client read
// that the proof was a replay.
func TestDuende1233(t *testing.T) {
	a := newDPoP(t, dpop.Options{})
	token := a.token(client)
	payload := client.Payload("GET", origin+"/profile", token, "", a.clock.Now())
	payload["jti"] = strings.Repeat("j", 2000)
	r := client.Request("GET", "/profile", token, "", a.clock.Now())
	r.Header.Set("DPoP", client.Sign(prover.JSON(client.Header()), prover.JSON(payload)))
	a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: jti is missing or empty, or has more than 256 bytes")
	r = client.Request("GET", "/profile", token, "", a.clock.Now())
	if w := a.serve(r); w.Code != 200 {
		t.Error(a.reason())
	}
	if w := a.serve(r); strings.Contains(w.Body.String(), "used") || strings.Contains(w.Body.String(), "eplay") {
		t.Errorf("%s", w.Body)
	}
}

// coves (aad430d): htu was compared with X-Forwarded-Host and Forwarded of any client, so
// that a proof for another server was one for this.
func TestCovesForwardedHost(t *testing.T) {
	p := guard.Must(dpop.New(origin, nil))
	r := httptest.NewRequest("GET", "/profile", nil)
	r.Host = "evil.example.com"
	r.Header = http.Header{"X-Forwarded-Host": {"evil.example.com"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"host=evil.example.com"}}
	if confirms(t, p, r, "https://evil.example.com/profile") || !confirms(t, p, r, origin+"/profile") {
		t.Error("the forwarded host counts")
	}
}

// atproto#3846: clients write the query into htu, which section 4.3 ignores.
func TestATProto3846(t *testing.T) {
	p := guard.Must(dpop.New(origin, nil))
	if !confirms(t, p, httptest.NewRequest("GET", "/xrpc/app.bsky.actor.getProfile?actor=did", nil), origin+"/xrpc/app.bsky.actor.getProfile?actor=did") {
		t.Error("refused")
	}
}

// bluesky-social/cookbook#30: the client must find the nonce's challenge in
// WWW-Authenticate, by RFC 9449, section 9, and one DPoP-Nonce alone (section 8).
func TestBlueskyCookbook30(t *testing.T) {
	a := newDPoP(t, dpop.Options{NonceKey: nonceKey})
	w, _ := harness.Serve(t, a.wrap, nil, client.Request("GET", "/profile", a.token(client), "", a.clock.Now()))
	h := w.Result().Header
	if w.Code != 401 || h.Get("Www-Authenticate") != invalid("use_dpop_nonce") || len(h["Dpop-Nonce"]) != 1 {
		t.Errorf("%d, %v", w.Code, h)
	}
}
