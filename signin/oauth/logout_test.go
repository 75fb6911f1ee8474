package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// withEndpoint sets the provider's end_session_endpoint.
func withEndpoint(v any) func(object) {
	return func(m object) { m["end_session_endpoint"] = v }
}

// logOut sends a POST to the logout of an app, whose function returns token and err.
func logOut(a *app, token string, err error) *httptest.ResponseRecorder {
	a.handler = guard.Observe(func(_ *http.Request, d guard.Decision) { a.decisions = append(a.decisions, d) })(
		a.login.Logout(func(http.ResponseWriter, *http.Request) (string, error) { a.calls++; return token, err }))
	w := a.do(httptest.NewRequest("POST", "/logout", nil))
	if got := w.Header()["Referrer-Policy"]; len(got) != 1 || got[0] != "no-referrer" {
		a.t.Errorf("Referrer-Policy %q", got)
	}
	return w
}

func TestLogout(t *testing.T) {
	idToken := func(iss string, aud any, padding int) string {
		return signed(object{"alg": "ES256"}, object{"iss": iss, "aud": aud, "exp": ago(time.Hour), "padding": strings.Repeat("a", padding)}, signingKey)
	}
	hint, several := idToken(issuer, clientID, 0), idToken(issuer, []string{"x", clientID}, 0)
	const noHint = issuer + "/logout?client_id=the+client%3A1&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F"
	const back = "&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F"
	for name, tt := range map[string]struct {
		endpoint any
		token    string
		err      error
		opts     oauth.Options
		want     string
		outcome  guard.Outcome
	}{
		"with the ID token":               {issuer + "/logout", hint, nil, oauth.Options{}, issuer + "/logout?id_token_hint=" + url.QueryEscape(hint) + back, guard.Allowed},
		"without one":                     {issuer + "/logout", "", nil, oauth.Options{}, issuer + "/logout?client_id=the+client%3A1" + back, guard.Allowed},
		"an ID token too large":           {issuer + "/logout", idToken(issuer, clientID, 8000), nil, oauth.Options{}, noHint, guard.Allowed},
		"one of several audiences":        {issuer + "/logout", several, nil, oauth.Options{}, issuer + "/logout?id_token_hint=" + several + back, guard.Allowed},
		"an ID token of another provider": {issuer + "/logout", idToken("https://other.example", clientID, 0), nil, oauth.Options{}, noHint, guard.Allowed},
		"an ID token of another client":   {issuer + "/logout", idToken(issuer, "another", 0), nil, oauth.Options{}, noHint, guard.Allowed},
		"a printed secret":                {issuer + "/logout", "(secret)", nil, oauth.Options{}, noHint, guard.Allowed},
		"an endpoint with a query": {issuer + "/logout?p=B2C_1_in&x", hint, nil, oauth.Options{},
			issuer + "/logout?p=B2C_1_in&x&id_token_hint=" + url.QueryEscape(hint) + back, guard.Allowed},
		"an endpoint on another host": {"https://sso.example/end", "", nil, oauth.Options{}, "https://sso.example/end?client_id=the+client%3A1" + back, guard.Allowed},
		"another PostLogoutURL": {issuer + "/logout", "", nil, oauth.Options{PostLogoutURL: "https://app.example/bye?x=1&y"},
			issuer + "/logout?client_id=the+client%3A1&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Fx%3D1%26y", guard.Allowed},
		"no endpoint":                    {nil, hint, nil, oauth.Options{}, "/", guard.Allowed},
		"an empty endpoint":              {"", hint, nil, oauth.Options{}, "/", guard.Allowed},
		"no endpoint, a path":            {"", hint, nil, oauth.Options{PostLogoutURL: "https://app.example/bye?x=1"}, "/bye?x=1", guard.Allowed},
		"no endpoint, another site":      {"", hint, nil, oauth.Options{PostLogoutURL: "https://www.example/bye"}, "https://www.example/bye", guard.Allowed},
		"no endpoint, a longer name":     {"", hint, nil, oauth.Options{PostLogoutURL: "https://app.example.org/"}, "https://app.example.org/", guard.Allowed},
		"no endpoint, two slashes":       {"", hint, nil, oauth.Options{PostLogoutURL: "https://app.example//evil.example"}, "https://app.example//evil.example", guard.Allowed},
		"no session":                     {issuer + "/logout", "", guard.Unauthorized(""), oauth.Options{}, "/", ""},
		"no session, a path":             {issuer + "/logout", "", guard.Unauthorized(""), oauth.Options{PostLogoutURL: "https://app.example/bye"}, "/bye", ""},
		"no credentials":                 {issuer + "/logout", "", guard.ErrNoCredentials, oauth.Options{}, "/", ""},
		"an ID token that is a header":   {issuer + "/logout", hint + "\r\nSet-Cookie: b=c", nil, oauth.Options{}, issuer + "/logout?id_token_hint=" + hint + "%0D%0ASet-Cookie%3A+b%3Dc" + back, guard.Allowed},
		"an ID token that is parameters": {issuer + "/logout", hint + "&post_logout_redirect_uri=https://evil.example", nil, oauth.Options{}, issuer + "/logout?id_token_hint=" + hint + "%26post_logout_redirect_uri%3Dhttps%3A%2F%2Fevil.example" + back, guard.Allowed},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider()
			p.metadata = withEndpoint(tt.endpoint)
			a := newApp(t, p, tt.opts)
			w := logOut(a, tt.token, tt.err)
			if got := w.Header().Get("Location"); w.Code != 303 || got != tt.want || w.Body.Len() != 0 {
				t.Errorf("%d %q, want %q", w.Code, got, tt.want)
			}
			outcome := guard.Outcome("")
			if len(a.decisions) > 0 {
				outcome = a.decisions[0].Outcome
			}
			if outcome != tt.outcome || len(a.decisions) > 1 || a.calls != 1 {
				t.Errorf("decisions %+v", a.decisions)
			}
			p.shown = append(p.shown, tt.token)
			a.checkNoSecrets()
		})
	}
}

// The provider may be down: the session here has ended, and the browser goes on.
func TestLogoutWithoutMetadata(t *testing.T) {
	for name, change := range map[string]func(p *provider){
		"down":                          func(p *provider) { p.override["/.well-known/openid-configuration"] = down },
		"keys are down":                 func(p *provider) { p.override["/jwks"] = down },
		"another issuer":                func(p *provider) { p.metadata = func(m object) { m["issuer"] = "https://evil.example" } },
		"an endpoint with http":         func(p *provider) { p.metadata = withEndpoint("http://idp.example/logout") },
		"an endpoint without a host":    func(p *provider) { p.metadata = withEndpoint("/logout") },
		"an endpoint of no site":        func(p *provider) { p.metadata = withEndpoint("javascript:alert(1)") },
		"an endpoint with a password":   func(p *provider) { p.metadata = withEndpoint("https://u:p@idp.example/") },
		"an endpoint with a fragment":   func(p *provider) { p.metadata = withEndpoint(issuer + "/logout#x") },
		"an endpoint with a line break": func(p *provider) { p.metadata = withEndpoint(issuer + "/logout\r\nX: y") },
		"an endpoint that is a number":  func(p *provider) { p.metadata = withEndpoint(7) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider()
			change(p)
			a := newApp(t, p, oauth.Options{})
			w := logOut(a, "ey.of.session", nil)
			if w.Code != 303 || w.Header().Get("Location") != "/" || a.calls != 1 {
				t.Errorf("%d %q, %d calls", w.Code, w.Header().Get("Location"), a.calls)
			}
			if d := a.decisions; len(d) != 1 || d[0].Outcome != guard.Failed || d[0].Action != "sign-out" || d[0].Reason == "" || d[0].Err == nil {
				t.Errorf("decisions %+v", d)
			}
			p.shown = append(p.shown, "ey.of.session")
			a.checkNoSecrets(w)
		})
	}
}

func TestLogoutIsRefused(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{&guard.Error{Status: 403, Code: "cross_origin"}, 403}, {guard.Unavailable(errDown), 503}, {errors.New("bug"), 500},
		{guard.Unavailable(guard.Unauthorized("")), 503}, {errors.Join(errDown, errors.New("x")), 500},
	} {
		p := newProvider()
		p.metadata = withEndpoint(issuer + "/logout")
		a := newApp(t, p, oauth.Options{})
		w := logOut(a, "ey.of.session", tt.err)
		if w.Code != tt.want || w.Header().Get("Location") != "" || p.count("") != 0 {
			t.Errorf("%v: %d %q", tt.err, w.Code, w.Header().Get("Location"))
		}
		if d := a.decisions; len(d) != 1 || d[0].Status != tt.want || d[0].Action != "sign-out" || d[0].Package != "oauth" {
			t.Errorf("%v: decisions %+v", tt.err, d)
		}
	}
}

func TestLogoutMethods(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{})
	a.handler = a.login.Logout(func(http.ResponseWriter, *http.Request) (string, error) { a.calls++; return "", nil })
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if w := a.do(httptest.NewRequest(method, "/logout", nil)); w.Code != 405 || w.Header().Get("Allow") != "POST" || a.calls != 0 {
			t.Errorf("%s: %d, Allow %q, %d calls", method, w.Code, w.Header().Get("Allow"), a.calls)
		}
	}
}

func TestLogoutOfEndpoints(t *testing.T) {
	a := appOf(t, newProvider(), oauth.Endpoints{Authorize: issuer + "/authorize", Token: issuer + "/token", UserInfo: issuer + "/user"}, oauth.Client{ID: clientID}, oauth.Options{})
	if w := logOut(a, "", nil); w.Code != 303 || w.Header().Get("Location") != "/" || a.p.count("") != 0 || a.decisions[0].Outcome != guard.Allowed {
		t.Errorf("%d %q", w.Code, w.Header().Get("Location"))
	}
}

func TestPostLogoutURL(t *testing.T) {
	for _, bad := range []string{"/bye", "http://app.example/bye", "javascript:alert(1)", "https://app.example/#x", "https://u:p@app.example/", "app.example"} {
		_, err := oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID}, callback, &oauth.Options{Key: sealKey, PostLogoutURL: bad})
		if err == nil || !strings.Contains(err.Error(), "oauth: PostLogoutURL: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// With sessions of package session: the cookie and the session end, and a page of another
// site ends nothing.
func TestLogoutOfASession(t *testing.T) {
	p := newProvider()
	p.metadata = withEndpoint(issuer + "/logout")
	a := newSessionApp(t, p)
	if w := a.signIn(""); w.Code != 303 {
		t.Fatal(w.Code)
	}
	r := httptest.NewRequest("POST", "/logout", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.example")
	if w := a.do(r); w.Code != 403 || a.cookies["__Host-session"] == "" || w.Header().Get("Location") != "" {
		t.Errorf("from another site: %d %v", w.Code, w.Header())
	}
	w := a.do(httptest.NewRequest("POST", "/logout", nil))
	u := guard.Must(url.Parse(w.Header().Get("Location")))
	if w.Code != 303 || u.Host != "idp.example" || strings.Count(u.Query().Get("id_token_hint"), ".") != 2 || a.cookies["__Host-session"] != "" {
		t.Errorf("%d %q, cookies %v", w.Code, u, a.cookies)
	}
	if w := a.do(httptest.NewRequest("POST", "/logout", nil)); w.Code != 303 || w.Header().Get("Location") != "/" {
		t.Errorf("again: %d %q", w.Code, w.Header().Get("Location"))
	}
}

// A client that leaves is no failure of ours, and is signed out all the same.
func TestLogoutOfAClientThatLeaves(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	p.override["/jwks"] = func() (*http.Response, error) { cancel(); <-ctx.Done(); return nil, errDown }
	a.handler = guard.Observe(func(_ *http.Request, d guard.Decision) { a.decisions = append(a.decisions, d) })(
		a.login.Logout(func(http.ResponseWriter, *http.Request) (string, error) { a.calls++; return "", nil }))
	w := a.do(httptest.NewRequestWithContext(ctx, "POST", "/logout", nil))
	if w.Code != 303 || a.calls != 1 || len(a.decisions) != 1 || a.decisions[0].Outcome != guard.Allowed {
		t.Errorf("%d, %d calls, decisions %+v", w.Code, a.calls, a.decisions)
	}
}

// The ID token of a session with another provider is not shown to this one.
func TestLogoutKeepsForeignIDTokens(t *testing.T) {
	p := newProvider()
	p.metadata = withEndpoint(issuer + "/logout")
	a := newApp(t, p, oauth.Options{})
	foreign := signed(object{"alg": "ES256"}, object{"iss": "https://other.example", "aud": clientID}, otherKey)
	w := logOut(a, foreign, nil)
	if strings.Contains(w.Header().Get("Location"), foreign) || len(a.decisions) != 1 || !strings.Contains(a.decisions[0].Reason, "was not sent") {
		t.Errorf("%q, decisions %+v", w.Header().Get("Location"), a.decisions)
	}
}
