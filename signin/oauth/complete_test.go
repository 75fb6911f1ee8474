package oauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

func TestSignIn(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{UserInfo: true, KeepTokens: true})
	w := a.signIn("?next=/inbox%3Fpage=2")
	if w.Code != 303 || w.Header().Get("Location") != "/inbox?page=2" || a.calls != 1 {
		t.Fatalf("%d %q, %d calls, %s", w.Code, w.Header().Get("Location"), a.calls, a.reason())
	}
	if a.pending() != 0 || a.cookies["session"] != "user-1" {
		t.Errorf("cookies %v", a.cookies)
	}
	who := *a.who
	if who.AuthTime.IsZero() || !strings.HasPrefix(string(who.IDToken), "ey") || who.Tokens.ExpiresAt.IsZero() {
		t.Errorf("%+v", who)
	}
	if string(who.Tokens.AccessToken) != "the-access-token" || string(who.Tokens.RefreshToken) != "the-refresh-token" || !reflect.DeepEqual(who.Tokens.Scopes, []string{"openid", "email"}) {
		t.Errorf("tokens %q", who.Tokens.Scopes)
	}
	who.IDToken, who.Tokens = nil, oauth.Tokens{}
	want := oauth.Identity[claims]{
		Issuer: issuer, Subject: "user-1", Email: "alice@example.com", EmailVerified: true, Claims: claims{Tenant: "t1", Name: "Alice"},
		SessionID: "session-1", AuthTime: who.AuthTime, ACR: "silver", AMR: []string{"pwd", "otp"}, Next: "/inbox?page=2",
	}
	if !reflect.DeepEqual(who, want) {
		t.Errorf("identity %+v\nwant     %+v", who, want)
	}
	if len(a.decisions) != 1 || a.decisions[0].Outcome != guard.Allowed || a.decisions[0].Package != "oauth" || a.decisions[0].Guard != issuer ||
		a.decisions[0].Action != "" || a.decisions[0].Subject != "user-1" {
		t.Errorf("decisions %+v", a.decisions)
	}
	a.checkNoSecrets(w)
}

func TestTokensAreDropped(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{})
	if w := a.signIn(""); w.Code != 303 || w.Header().Get("Location") != "/" || a.who.Tokens.AccessToken != nil {
		t.Errorf("%d %+v", w.Code, a.who)
	}
	if n := a.p.count("/userinfo"); n != 0 {
		t.Errorf("%d fetches of the userinfo", n)
	}
}

func TestTheFunctionRefuses(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{{guard.Forbidden("Not invited"), 403}, {guard.Unavailable(errDown), 503}, {errors.New("bug"), 500}} {
		a := newApp(t, newProvider(), oauth.Options{})
		a.refuse = tt.err
		v := a.p.authorize(t, a.begin(""))
		if w := a.complete(v); w.Code != tt.want || a.pending() != 0 || w.Header().Get("Location") != "" {
			t.Errorf("%d, %d pending", w.Code, a.pending())
		}
		if len(a.decisions) != 1 || a.decisions[0].Package != "oauth" || a.decisions[0].Subject != "user-1" || a.decisions[0].Action != "sign-in" || a.decisions[0].Status != tt.want {
			t.Errorf("decisions %+v", a.decisions)
		}
	}
}

// The function may send the browser elsewhere on this site, and nowhere else.
func TestTheFunctionSetsNext(t *testing.T) {
	for next, want := range map[string]string{"/totp": "/totp", "": "/", "//evil.example": "/", "https://evil.example": "/"} {
		p := newProvider()
		a := newApp(t, p, oauth.Options{})
		h := a.login.Complete(func(_ http.ResponseWriter, _ *http.Request, who *oauth.Identity[claims]) error {
			who.Next = next
			return nil
		})
		v := p.authorize(t, a.begin("?next=/inbox"))
		a.handler = h
		if w := a.complete(v); w.Code != 303 || w.Header().Get("Location") != want {
			t.Errorf("%q: %d %q", next, w.Code, w.Header().Get("Location"))
		}
	}
}

// A function can tell a sign-in without next from one that leads to the start page.
func TestWithoutNext(t *testing.T) {
	for query, want := range map[string]string{"": "", "?next=/": "/", "?next=//evil.example": "", "?next=/" + strings.Repeat("a", 2048): ""} {
		a := newApp(t, newProvider(), oauth.Options{})
		if w := a.signIn(query); w.Code != 303 || w.Header().Get("Location") != "/" || a.who.Next != want {
			t.Errorf("%.20q: %d %q, next %q", query, w.Code, w.Header().Get("Location"), a.who.Next)
		}
	}
}

func TestMethods(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{})
	for _, method := range []string{"POST", "HEAD", "PUT"} {
		for _, path := range []string{"/login", "/callback"} {
			if w := a.do(httptest.NewRequest(method, path, nil)); w.Code != 405 || w.Header().Get("Allow") != "GET" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	if a.p.count("") != 0 {
		t.Error("the provider was called")
	}
}
