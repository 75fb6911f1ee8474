package oauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// EmailVerified is true for a true only, however it is spelled.
func TestEmailVerified(t *testing.T) {
	for _, tt := range []struct {
		verified any
		want     bool
	}{
		{true, true}, {"true", true}, {false, false}, {"false", false}, {"TRUE", false}, {"1", false}, {1, false}, {nil, false}, {"yes", false},
		{[]bool{true}, false}, {object{"a": true}, false}, {"", false},
	} {
		p := newProvider()
		p.claims = func(c object) { c["email_verified"] = tt.verified }
		a := newApp(t, p, oauth.Options{})
		if w := a.signIn(""); w.Code != 303 || a.who.EmailVerified != tt.want || a.who.Email != "alice@example.com" {
			t.Errorf("%v: %d, %t", tt.verified, w.Code, a.who.EmailVerified)
		}
	}
	p := newProvider()
	p.claims = func(c object) { delete(c, "email") }
	a := newApp(t, p, oauth.Options{})
	if a.signIn(""); a.who.EmailVerified || a.who.Email != "" {
		t.Errorf("no address is verified: %+v", a.who)
	}
}

// The mark of one document never counts for the address of the other, and the ID token
// counts before the userinfo.
func TestUserInfoAndIDToken(t *testing.T) {
	for _, tt := range []struct {
		token, user object
		email       string
		verified    bool
		name        string
	}{
		{object{"email": "a@x"}, object{"email": "b@x", "email_verified": true}, "a@x", false, "Alice"},
		{object{"email": "a@x", "email_verified": true}, object{"email": "b@x"}, "a@x", true, "Alice"},
		{object{"email": "a@x"}, object{"email_verified": true}, "a@x", false, "Alice"},
		{object{}, object{"email_verified": true}, "", false, "Alice"},
		{object{"email_verified": true}, object{"email": "b@x"}, "b@x", false, "Alice"},
		{object{}, object{"email": "b@x", "email_verified": "true"}, "b@x", true, "Alice"},
		{object{"name": "Signed"}, object{"name": "Other", "iss": "https://evil.example", "acr": "gold"}, "", false, "Signed"},
	} {
		p := newProvider()
		p.claims = func(c object) {
			delete(c, "email")
			delete(c, "email_verified")
			for name, v := range tt.token {
				c[name] = v
			}
		}
		p.user = object{"sub": "user-1", "name": "Alice"}
		for name, v := range tt.user {
			p.user[name] = v
		}
		a := newApp(t, p, oauth.Options{UserInfo: true})
		w := a.signIn("")
		if w.Code != 303 || a.who.Email != tt.email || a.who.EmailVerified != tt.verified || a.who.Claims.Name != tt.name || a.who.Issuer != issuer || a.who.ACR != "silver" {
			t.Errorf("%v %v: %d %+v", tt.token, tt.user, w.Code, a.who)
		}
	}
}

func TestMapClaims(t *testing.T) {
	p := newProvider()
	l := guard.Must(oauth.New[map[string]any](oauth.Discover(issuer), oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, callback, &oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: p}, UserInfo: true}))
	a := newApp(t, p, oauth.Options{})
	var got map[string]any
	a.handler = l.Begin()
	v := p.authorize(t, a.begin(""))
	a.handler = l.Complete(func(_ http.ResponseWriter, _ *http.Request, who *oauth.Identity[map[string]any]) error {
		got = who.Claims
		return nil
	})
	if w := a.complete(v); w.Code != 303 || got["tenant"] != "t1" || got["name"] != "Alice" || !reflect.DeepEqual(got["amr"], []any{"pwd", "otp"}) {
		t.Errorf("%d %v", w.Code, got)
	}
}

// An identity that is printed shows no token.
func TestIdentityIsPrintable(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{KeepTokens: true})
	a.signIn("")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		s := fmt.Sprintf(verb, a.who) + fmt.Sprintf(verb, *a.who) + fmt.Sprintf(verb, a.who.Tokens)
		if strings.Contains(s, string(a.who.IDToken)) || strings.Contains(s, "the-access-token") || strings.Contains(s, "the-refresh-token") {
			t.Errorf("%s: %s", verb, s)
		}
	}
}

// The error format of the application holds for the answers of a Login: a page can lead on.
func TestRefusalsHaveAFormat(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{})
	a.handler = guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) { fmt.Fprintf(w, "%s; try again", e.Code) })(a.handler)
	w := a.do(httptest.NewRequest("GET", "/callback", nil))
	if w.Code != 400 || w.Body.String() != "signin_invalid; try again" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
