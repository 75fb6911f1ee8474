package oauth_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/signin/oauth"
)

// TestPublicBugs: what was reported of other libraries, by their reports.
func TestPublicBugs(t *testing.T) {
	staysHere := func(nexts ...string) func(*testing.T) {
		return func(t *testing.T) {
			for _, next := range nexts {
				a := newApp(t, newProvider(), oauth.Options{})
				if w := a.signIn("?next=" + url.QueryEscape(next)); w.Code != 303 || w.Header().Get("Location") != "/" {
					t.Errorf("%q: %d %q", next, w.Code, w.Header().Get("Location"))
				}
			}
		}
	}
	for name, test := range map[string]func(*testing.T){
		"oauth2-proxy GHSA-qqxw-m5fj-f7gv: a backslash after the slash":     staysHere(`/\evil.example`, `/\/evil.example`),
		"oauth2-proxy GHSA-j7px-6hwj-hpjg: white space between the slashes": staysHere("/\n/evil.example", "/\x0b/evil.example", "/\t/evil.example", "/\r/evil.example"),
		"go-pkgz/auth#275: any URL in from":                                 staysHere("https://evil.example/phish"),
		"bitly/oauth2_proxy#478: the state is a path to go to": func(t *testing.T) {
			a := newApp(t, newProvider(), oauth.Options{})
			a.begin("")
			w := a.do(httptest.NewRequest("GET", "/callback?state=%2F%2Fevil.example&code=x", nil))
			if w.Code != 400 || w.Header().Get("Location") != "" {
				t.Errorf("%d %q", w.Code, w.Header().Get("Location"))
			}
		},
		"markbates/goth#175: one state for everyone, and one that the link sets": func(t *testing.T) {
			a := newApp(t, newProvider(), oauth.Options{})
			one, two := guard.Must(url.Parse(a.begin("?state=mine"))).Query().Get("state"), guard.Must(url.Parse(a.begin("?state=mine"))).Query().Get("state")
			if one == two || one == "mine" || len(one) < 22 {
				t.Errorf("%q, %q", one, two)
			}
		},
		"markbates/goth#395: the state of form_post is in the body": func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{FormPost: true})
			v := p.authorize(t, a.begin(""))
			r := httptest.NewRequest("POST", "/callback", strings.NewReader(v.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if w := a.do(r); w.Code != 303 {
				t.Errorf("%d %s", w.Code, a.reason())
			}
		},
		"oauth2-proxy#611: a second tab replaces the cookie of the first": func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			first, second := p.authorize(t, a.begin("?next=/1")), p.authorize(t, a.begin("?next=/2"))
			for next, v := range map[string]url.Values{"/1": first, "/2": second} {
				if w := a.complete(v); w.Code != 303 || w.Header().Get("Location") != next {
					t.Errorf("%s: %d %q", next, w.Code, w.Header().Get("Location"))
				}
			}
		},
		"oauth2-proxy#3258: completing one tab ends the other": func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			first, second := p.authorize(t, a.begin("")), p.authorize(t, a.begin(""))
			if w := a.complete(second); w.Code != 303 || a.pending() != 1 {
				t.Errorf("second: %d, %d pending", w.Code, a.pending())
			}
			if w := a.complete(first); w.Code != 303 {
				t.Errorf("first: %d %s", w.Code, a.reason())
			}
		},
		"oauth2-proxy#1708: cookies of each request pile up": func(t *testing.T) {
			a := newApp(t, newProvider(), oauth.Options{})
			for range 100 {
				a.begin("?next=/" + strings.Repeat("a", 2000))
			}
			size := 0
			for name, value := range a.cookies {
				size += len(name) + len(value) + len("=; ")
			}
			if a.pending() > 8 || size > 8<<10 {
				t.Errorf("%d cookies, %d bytes", a.pending(), size)
			}
		},
		"oauth2-proxy#103: email_verified is a string": func(t *testing.T) {
			p := newProvider()
			p.claims = func(c object) { c["email_verified"] = "true" }
			a := newApp(t, p, oauth.Options{})
			if w := a.signIn(""); w.Code != 303 || !a.who.EmailVerified {
				t.Errorf("%d %s", w.Code, a.reason())
			}
		},
		"zitadel/oidc#672: a claim that is not read does not parse": func(t *testing.T) {
			for _, locale := range []any{"", "null", 1, nil, []string{"de", "en"}, object{"language": "de"}} {
				p := newProvider()
				p.user["locale"] = locale
				p.claims = func(c object) { c["locale"] = locale }
				a := newApp(t, p, oauth.Options{UserInfo: true})
				if w := a.signIn(""); w.Code != 303 || a.who.Claims.Name != "Alice" {
					t.Errorf("%v: %d %s", locale, w.Code, a.reason())
				}
			}
		},
		"zitadel/oidc#753: the callback comes to another process": func(t *testing.T) {
			p := newProvider()
			one, two := newApp(t, p, oauth.Options{}), newApp(t, p, oauth.Options{})
			two.cookies = one.cookies
			if w := two.complete(p.authorize(t, one.begin("?next=/inbox"))); w.Code != 303 || w.Header().Get("Location") != "/inbox" {
				t.Errorf("%d %s", w.Code, two.reason())
			}
		},
		"zitadel/zitadel#6033: the login page of a refused sign-in leads to the next one": func(t *testing.T) {
			p := newProvider()
			p.claims = func(c object) { c["acr"] = "bronze" }
			a := newApp(t, p, withRequest(oauth.AuthRequest{ACRValues: []string{"gold"}}))
			a.handler = guard.OnError(format.HTML("/login", nil))(a.handler)
			for name, v := range map[string]url.Values{
				"not accepted": p.authorize(t, a.begin("")),
				"an error":     {"error": {"server_error"}, "state": p.authorize(t, a.begin(""))["state"], "iss": {issuer}},
			} {
				r := httptest.NewRequest("GET", "/callback?"+v.Encode(), nil)
				r.Header.Set("Accept", "text/html")
				if w := a.do(r); w.Code/100 != 4 || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), "<a href=") {
					t.Errorf("%s: %d %q %s", name, w.Code, w.Header().Get("Location"), w.Body)
				}
			}
		},
		"nextauthjs/next-auth#13409: GitHub begins to send an iss": func(t *testing.T) {
			a := appAt(t, newGitHub(t), oauth.GitHub(), registered, oauth.Options{})
			if w := a.signInAt(url.Values{"iss": {"https://github.com/login/oauth"}}); w.Code != 303 {
				t.Errorf("%d %s", w.Code, a.reason())
			}
		},
		"supabase/auth#2051: Apple's metadata names another issuer than its tokens": func(t *testing.T) {
			s := newApple(t)
			s.sites.answers["appleid.apple.com/.well-known/openid-configuration"] = fixed(`{"issuer":"https://account.apple.com"}`)
			a := appAt(t, s.sites, oauth.Apple(appleTeam), appleApp, oauth.Options{})
			q := guard.Must(url.Parse(a.begin(""))).Query()
			s.nonce = q.Get("nonce")
			if w := a.post(url.Values{"code": {"c1"}, "state": {q.Get("state")}}); w.Code != 303 || a.who.Issuer != "https://appleid.apple.com" {
				t.Errorf("%d %s", w.Code, a.reason())
			}
		},
		"nOAuth: an administrator writes the victim's address, and it is taken for verified": func(t *testing.T) {
			m := &microsoft{path: "common", issuer: ofTenant(template), keyIssuer: ofTenant(template), claims: func(c object) {
				tokenOf(ofTenant(tenantB), tenantB)(c)
				c["email"], c["email_verified"], c["preferred_username"] = "victim@contoso.com", true, "victim@contoso.com"
			}}
			if a, code := m.signIn(t, "common", oauth.Options{}, nil); code != 303 || a.who.EmailVerified {
				t.Errorf("%d, verified %t", code, a.who.EmailVerified)
			}
		},
		"netlify/gotrue#332: the callback does not compare the state": func(t *testing.T) {
			p := newProvider()
			attacker, victim := newApp(t, p, oauth.Options{}), newApp(t, p, oauth.Options{})
			v := p.authorize(t, attacker.begin(""))
			victim.begin("")
			if w := victim.complete(v); w.Code != 400 || victim.calls != 0 {
				t.Errorf("%d", w.Code)
			}
		},
	} {
		t.Run(name, test)
	}
}
