package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// What a right provider may do.
func TestFriendlyProvider(t *testing.T) {
	for _, tt := range []fault{
		{name: "oidcc-client-test", do: func(*provider) {}},
		{name: "oidcc-client-test-kid-absent-single-jwks", do: header(object{"alg": "ES256"})},
		{name: "kid is absent, and several keys", do: func(p *provider) {
			p.header = object{"alg": "ES256"}
			p.jwks = func() []object { return []object{jwk(otherKey, "0"), jwk(signingKey, "1")} }
		}},
		{name: "oidcc-client-test-missing-athash", do: drop("at_hash")},
		{name: "fapi1-advanced-final-client-test-valid-aud-as-array", do: set("aud", []string{clientID})},
		{name: "two aud, and azp", do: func(p *provider) {
			p.claims = func(c object) { c["aud"], c["azp"] = []string{"another", clientID}, clientID }
		}},
		{name: "exp within the leeway", do: set("exp", ago(3*time.Second))},
		{name: "iat within the leeway", do: set("iat", ago(-3*time.Second))},
		{name: "token_type BEARER", do: answered("token_type", "BEARER")},
		{name: "expires_in is a string", do: answered("expires_in", "300")},
		{name: "scope is an array", do: answered("scope", []string{"openid"})},
		{name: "amr is a string", do: set("amr", "pwd")},
		{name: "auth_time has a fraction", do: set("auth_time", ago(0).half()), opts: withRequest(oauth.AuthRequest{MaxAge: 1})},
		{name: "acr is one of several", do: set("acr", "silver"), opts: withRequest(oauth.AuthRequest{ACRValues: []string{"gold", "silver"}})},
		{name: "no iss in the answer, not announced", do: func(p *provider) {
			p.metadata = func(m object) { delete(m, "authorization_response_iss_parameter_supported") }
		}},
		{name: "oidcc-client-test-signing-key-rotation", do: func(p *provider) {
			p.sign = func(s string) []byte { return guard.Must(jwt.SigningMethodES256.Sign(s, otherKey)) }
			p.header = object{"alg": "ES256", "kid": "2"}
			fetches := 0
			p.jwks = func() []object {
				if fetches++; fetches == 1 {
					return []object{jwk(signingKey, "1")}
				}
				return []object{jwk(otherKey, "2")}
			}
		}, opts: oauth.Options{Refetch: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // no time passes but what sleeps
				p := newProvider()
				tt.do(p)
				a := newApp(t, p, tt.opts)
				v := p.authorize(t, a.begin(""))
				time.Sleep(time.Nanosecond) // a Refetch of 1
				if w := a.complete(v); w.Code != 303 || a.calls != 1 {
					t.Errorf("%d %s", w.Code, a.reason())
				}
			})
		})
	}
}

// An endpoint that moves is found by the next metadata.
func TestEndpointMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		a := newApp(t, p, oauth.Options{})
		if w := a.signIn(""); w.Code != 303 {
			t.Fatal(a.reason())
		}
		p.metadata = func(m object) { m["authorization_endpoint"] = issuer + "/authorize2" }
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		a.do(httptest.NewRequest("GET", "/login", nil)) // which may still have the old one, and starts a fetch
		synctest.Wait()
		if w := a.do(httptest.NewRequest("GET", "/login", nil)); !strings.HasPrefix(w.Header().Get("Location"), issuer+"/authorize2?") {
			t.Error(w.Header().Get("Location"))
		}
	})
}

// jar fails a test that stores or reads a cookie of the provider.
type jar struct{ t *testing.T }

func (j jar) SetCookies(*url.URL, []*http.Cookie)    { j.t.Error("a cookie was stored") }
func (j jar) Cookies(*url.URL) (list []*http.Cookie) { j.t.Error("cookies were read"); return nil }

// Requests to the provider have no cookies: those of one person would be another's.
func TestNoCookiesToTheProvider(t *testing.T) {
	p := newProvider()
	l := guard.Must(oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, callback,
		&oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: p, Jar: jar{t}}, UserInfo: true}))
	a := newApp(t, newProvider(), oauth.Options{})
	a.p = p
	mux := http.NewServeMux()
	mux.Handle("/login", l.Begin())
	mux.Handle("/callback", l.Complete(func(http.ResponseWriter, *http.Request, *oauth.Identity[claims]) error { return nil }))
	a.handler = mux
	if w := a.signIn(""); w.Code != 303 {
		t.Error(w.Code)
	}
}
