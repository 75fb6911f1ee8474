package oauth_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

var endpoints = oauth.Endpoints{Authorize: issuer + "/authorize", Token: issuer + "/token", UserInfo: issuer + "/user"}

func newEndpointsApp(t *testing.T, p *provider, opts oauth.Options) *app {
	t.Helper()
	return appOf(t, p, endpoints, oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, opts)
}

// TestUserID: ids keep their digits, and a user without one is no one.
func TestUserID(t *testing.T) {
	for _, tt := range []struct {
		user, subject string
		want          int
	}{
		{`{"id":12345,"email":"a@example.com","name":"Alice"}`, "12345", 303},
		{`{"id":12345678901234567890}`, "12345678901234567890", 303},
		{`{"id":9007199254740993}`, "9007199254740993", 303},
		{`{"id":"u-1"}`, "u-1", 303},
		{`{"id":"\u0061"}`, "a", 303},
		{`{"id":0}`, "0", 303},
		{`{}`, "", 401},
		{`{"sub":"1"}`, "", 401},
		{`{"id":null}`, "", 401},
		{`{"id":""}`, "", 401},
		{`{"id":true}`, "", 401},
		{`{"id":["1"]}`, "", 401},
		{`{"id":{"id":1}}`, "", 401},
		{`{"id":1.5}`, "", 401},
		{`{"id":1e3}`, "", 401},
		{`{"id":-1}`, "", 401},
		{`{"id":"a\u0000b"}`, "", 401},
		{`{"id":"` + strings.Repeat("a", 256) + `"}`, "", 401},
		{`{"id":1,"id":2}`, "", 503},
		{`{"id":1,"ID":2}`, "", 503},
		{`{"id":01}`, "", 503},
		{`[{"id":1}]`, "", 503},
		{`{"id":1,"email":7}`, "", 503},
		{``, "", 503},
		{`{"id":1,"tenant":7}`, "", 401},
	} {
		p := newProvider()
		p.override["/user"] = respond(200, tt.user)
		a := newEndpointsApp(t, p, oauth.Options{})
		w := a.signIn("?next=/x")
		if w.Code != tt.want || (a.calls == 1) != (tt.want == 303) {
			t.Errorf("%.40s: %d, %d calls: %s", tt.user, w.Code, a.calls, a.reason())
		}
		if tt.want == 303 && (a.who.Subject != tt.subject || a.who.Issuer != issuer || a.who.IDToken != nil || a.who.EmailVerified) {
			t.Errorf("%.40s: %+v", tt.user, a.who)
		}
		a.checkNoSecrets(w)
	}
}

func TestEndpointsRequest(t *testing.T) {
	p := newProvider()
	p.user = object{"id": 7, "name": "Alice", "email": nil}
	a := newEndpointsApp(t, p, oauth.Options{Scopes: []string{"user:email"}, KeepTokens: true})
	location := a.begin("")
	q := guard.Must(url.Parse(location)).Query()
	if q.Has("nonce") || q.Get("scope") != "user:email" || q.Get("code_challenge_method") != "S256" {
		t.Error(location)
	}
	if w := a.complete(p.authorize(t, location)); w.Code != 303 || a.who.Claims.Name != "Alice" || a.who.Email != "" || a.who.Tokens.AccessToken == nil {
		t.Errorf("%d %s", w.Code, a.reason())
	}
	if n := p.count("/.well-known/openid-configuration") + p.count("/jwks"); n != 0 {
		t.Errorf("%d fetches of metadata", n)
	}
	if a := newEndpointsApp(t, newProvider(), oauth.Options{}); strings.Contains(a.begin(""), "scope=") {
		t.Error("a scope that no one set")
	}
}

// The issuer of an answer is not known with Endpoints, but its origin is.
func TestEndpointsIssuer(t *testing.T) {
	for iss, want := range map[string]int{issuer: 303, issuer + "/login/oauth": 303, "https://evil.example": 401, "https://idp.example.evil.example": 401, "": 401, "idp.example": 401, "http://idp.example": 401} {
		p := newProvider()
		p.user["id"] = 1
		a := newEndpointsApp(t, p, oauth.Options{})
		v := p.authorize(t, a.begin(""))
		v.Set("iss", iss)
		if w := a.complete(v); w.Code != want {
			t.Errorf("iss %q: %d %s", iss, w.Code, a.reason())
		}
	}
	p := newProvider()
	p.user["id"] = 1
	a := newEndpointsApp(t, p, oauth.Options{})
	v := p.authorize(t, a.begin(""))
	v.Del("iss")
	if w := a.complete(v); w.Code != 303 {
		t.Errorf("without iss: %d %s", w.Code, a.reason())
	}
}

// What only an ID token confirms is not asked for without one.
func TestEndpointsConfirmNothing(t *testing.T) {
	for _, r := range []oauth.AuthRequest{{MaxAge: time.Minute}, {ACRValues: []string{"gold"}}} {
		a := appOf(t, newProvider(), endpoints, oauth.Client{ID: clientID}, withRequest(r))
		if w := a.do(httptest.NewRequest("GET", "/login", nil)); w.Code != 500 || a.pending() != 0 {
			t.Errorf("%+v: %d", r, w.Code)
		}
	}
}
