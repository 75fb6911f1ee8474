package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

// TestCallback changes the parameters of a right answer.
func TestCallback(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(url.Values)
		want   int
		code   string
		reason string
		stays  bool
	}{
		{"right", func(url.Values) {}, 303, "", "allowed", false},
		{"an unknown parameter", func(v url.Values) { v.Set("session_state", "x") }, 303, "", "allowed", false},
		{"declined", func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, 403, "signin_declined", "access_denied", false},
		{"login_required", func(v url.Values) { v.Del("code"); v.Set("error", "login_required") }, 400, "signin_failed", "answered login_required", false},
		{"an error of its own", func(v url.Values) { v.Del("code"); v.Set("error", "s3cret"); v.Set("error_description", "s3cret") }, 400, "signin_failed", "an error of its own", false},
		{"code and error", func(v url.Values) { v.Set("error", "access_denied") }, 400, "signin_invalid", "both a code and an error", false},
		{"no code", func(v url.Values) { v.Del("code") }, 400, "signin_invalid", "code is missing", false},
		{"empty code", func(v url.Values) { v.Set("code", "") }, 400, "signin_invalid", "code is missing", false},
		{"another code", func(v url.Values) { v.Set("code", "another") }, 401, "signin_failed", "invalid_grant", false},
		{"another iss (RFC 9207)", func(v url.Values) { v.Set("iss", "https://evil.example") }, 401, "signin_failed", "iss is another issuer", false},
		{"iss with a slash", func(v url.Values) { v.Set("iss", issuer+"/") }, 401, "signin_failed", "iss is another issuer", false},
		{"empty iss", func(v url.Values) { v.Set("iss", "") }, 401, "signin_failed", "iss is another issuer", false},
		{"no iss (RFC 9207)", func(v url.Values) { v.Del("iss") }, 401, "signin_failed", "iss is missing", false},
		{"declined without iss", func(v url.Values) { v.Del("code"); v.Del("iss"); v.Set("error", "access_denied") }, 401, "signin_failed", "iss is missing", false},
		{"declined with another iss", func(v url.Values) { v.Del("code"); v.Set("iss", "x"); v.Set("error", "access_denied") }, 401, "signin_failed", "iss is another", false},
		{"code twice", func(v url.Values) { v.Add("code", "x") }, 400, "signin_invalid", "occurs twice", true},
		{"state twice", func(v url.Values) { v.Add("state", v.Get("state")) }, 400, "signin_invalid", "occurs twice", true},
		{"iss twice", func(v url.Values) { v.Add("iss", issuer) }, 400, "signin_invalid", "occurs twice", true},
		{"an unknown parameter twice", func(v url.Values) { v.Add("x", "1"); v.Add("x", "2") }, 400, "signin_invalid", "occurs twice", true},
		{"no state", func(v url.Values) { v.Del("state") }, 400, "signin_invalid", "state is missing", true},
		{"an unknown state", func(v url.Values) { v.Set("state", strings.Repeat("0", 46)) }, 400, "signin_invalid", "no cookie", true},
		{"the state of the same cookie, changed", func(v url.Values) { v.Set("state", v.Get("state")[:24]+strings.Repeat("A", 22)) }, 400, "signin_invalid", "of another sign-in", true},
		{"a longer state", func(v url.Values) { v.Set("state", v.Get("state")+"A") }, 400, "signin_invalid", "malformed", true},
		{"a state that is no hex", func(v url.Values) { v.Set("state", "../"+v.Get("state")[3:]) }, 400, "signin_invalid", "malformed", true},
		{"33 KiB", func(v url.Values) { v.Set("x", strings.Repeat("a", 33<<10)) }, 400, "signin_invalid", "too long", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			v := p.authorize(t, a.begin(""))
			right := url.Values{}
			for name, list := range v {
				right[name] = append([]string(nil), list...)
			}
			tt.change(v)
			w := a.complete(v)
			if w.Code != tt.want || (a.calls == 1) != (tt.want == 303) || !strings.Contains(a.reason(), tt.reason) {
				t.Errorf("%d, %d calls: %s", w.Code, a.calls, a.reason())
			}
			if len(a.decisions) != 1 || w.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%d decisions, Referrer-Policy %q", len(a.decisions), w.Header().Get("Referrer-Policy"))
			}
			if tt.code != "" && !strings.Contains(text(a.decisions), `"Code":"`+tt.code+`"`) {
				t.Errorf("code: %s", text(a.decisions))
			}
			if tt.want == 403 && !strings.Contains(w.Body.String(), "Sign-in was declined") || strings.Contains(w.Body.String()+a.reason(), "s3cret") {
				t.Errorf("body %s", w.Body)
			}
			if (a.pending() == 1) != tt.stays {
				t.Errorf("%d pending", a.pending())
			}
			if tt.stays {
				if again := a.complete(right); again.Code != 303 {
					t.Errorf("the right answer afterwards: %d %s", again.Code, a.reason())
				}
			}
			a.checkNoSecrets(w)
		})
	}
}

func TestMalformedQuery(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{})
	v := a.p.authorize(t, a.begin(""))
	for _, tail := range []string{"&a=%zz", "&a=1;b=2", "&%zz=1"} {
		if w := a.do(httptest.NewRequest("GET", "/callback?"+v.Encode()+tail, nil)); w.Code != 400 || a.calls != 0 {
			t.Errorf("%q: %d", tail, w.Code)
		}
	}
}

// A stranger has no cookie, and costs no fetch, not even that of the metadata.
func TestStranger(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	for _, query := range []string{"", "code=x&state=y", "code=x&state=" + strings.Repeat("a", 46), "error=access_denied&state=" + strings.Repeat("0", 46)} {
		if w := a.do(httptest.NewRequest("GET", "/callback?"+query, nil)); w.Code != 400 {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
	if n := p.count(""); n != 0 {
		t.Errorf("%d requests to the provider", n)
	}
}

func TestFormPost(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{FormPost: true})
	location := a.begin("")
	if !strings.Contains(location, "response_mode=form_post") {
		t.Error(location)
	}
	v := p.authorize(t, location)
	if w := a.complete(v); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d", w.Code)
	}
	post := func(contentType, body string) int {
		r := httptest.NewRequest("POST", "/callback?code=ignored&code=ignored", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		return a.do(r).Code
	}
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct{ contentType, body string }{
		{"text/plain", v.Encode()}, {form, v.Encode() + "&code=x"}, {form, v.Encode() + "&x=" + strings.Repeat("a", 33<<10)}, {"", v.Encode()},
	} {
		if code := post(tt.contentType, tt.body); code != 400 || a.calls != 0 {
			t.Errorf("%q, %d bytes: %d", tt.contentType, len(tt.body), code)
		}
	}
	if code := post(form+"; charset=UTF-8", v.Encode()); code != 303 || a.calls != 1 {
		t.Errorf("%d %s", code, a.reason())
	}
}

// TestSessionOfFormPost: the provider's POST is from another site, and
// session.Manager.Create refused it.
func TestSessionOfFormPost(t *testing.T) {
	sessions := guard.Must(session.New[struct{}](nil))
	for name, site := range map[string][2]string{"Fetch Metadata": {"Sec-Fetch-Site", "cross-site"}, "Origin": {"Origin", issuer}, "no referrer": {"Origin", "null"}} {
		p := newProvider()
		a := newApp(t, p, oauth.Options{FormPost: true})
		v := p.authorize(t, a.begin(""))
		a.handler = a.login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[claims]) error {
			_, err := sessions.Create(w, r, who.Subject, struct{}{})
			return err
		})
		r := httptest.NewRequest("POST", "/callback", strings.NewReader(v.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(site[0], site[1])
		if w := a.do(r); w.Code != 303 || a.cookies["__Host-session"] == "" || r.Header.Get(site[0]) != site[1] {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
