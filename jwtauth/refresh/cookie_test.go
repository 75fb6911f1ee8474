package refresh_test

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth/refresh"
)

const cleared = "__Host-refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"

func newCookieRig(t *testing.T, o refresh.Options) *rig {
	o.Cookie = true
	return newRig(t, &o)
}

// send posts with the cookies and header fields, and no body.
func (g *rig) send(h http.Handler, cookies string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "https://app.example/refresh", nil)
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	g.observe()(h).ServeHTTP(w, r)
	return w
}

// login answers as a login handler does, and returns the Cookie field of later requests.
func (g *rig) login(subject string) (cookies string, w *httptest.ResponseRecorder) {
	w = httptest.NewRecorder()
	g.start(subject).Respond(w)
	return cookieOf(w), w
}

func cookieOf(w *httptest.ResponseRecorder) string {
	c, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return c
}

// TestCookie: a login, refreshes, and a logout. No body has a refresh token, and a
// token in a body is not read.
func TestCookie(t *testing.T) {
	g := newCookieRig(t, refresh.Options{Lifetime: 20 * 24 * time.Hour})
	tokens := g.start("1")
	if tokens.RefreshToken != "" || tokens.Cookie == nil {
		t.Fatalf("%+v", tokens.Cookie)
	}
	cookies, w := g.login("1")
	if p := pairOf(t, w); p.Refresh != "" || p.Access == "" || strings.Contains(w.Body.String(), "refresh_token") {
		t.Errorf("login: %s", w.Body)
	}
	if c := w.Header()["Set-Cookie"]; len(c) != 1 || c[0] != cookies+"; Path=/; Max-Age=1728000; HttpOnly; Secure; SameSite=Strict" {
		t.Errorf("login: %q", c)
	}
	g.clock.Advance(24 * time.Hour)
	renew, logout := g.refresher.RefreshHandler(), g.refresher.LogoutHandler()
	w = g.send(renew, cookies)
	next := cookieOf(w)
	if c := w.Header()["Set-Cookie"]; w.Code != 200 || len(c) != 1 || next == cookies || c[0] != next+"; Path=/; Max-Age=1641600; HttpOnly; Secure; SameSite=Strict" {
		t.Errorf("refresh: %d %q", w.Code, c)
	}
	if p := pairOf(t, w); p.Refresh != "" || p.Access == "" {
		t.Errorf("refresh: %s", w.Body)
	}
	_, token, _ := strings.Cut(next, "=")
	if w := g.post(renew, "", tokenBody(token)); w.Code != 401 || w.Header()["Set-Cookie"] != nil {
		t.Errorf("in the body: %d %v", w.Code, w.Header())
	}
	if w := g.post(logout, "", tokenBody(token)); w.Code != 400 || w.Header()["Set-Cookie"] != nil {
		t.Errorf("logout in the body: %d %v", w.Code, w.Header())
	}
	if w := g.send(logout, next); w.Code != 200 || w.Body.String() != loggedOutBody || !slices.Equal(w.Header()["Set-Cookie"], []string{cleared}) {
		t.Errorf("logout: %d %v", w.Code, w.Header())
	}
	if w := g.send(renew, next); w.Code != 401 || !slices.Equal(w.Header()["Set-Cookie"], []string{cleared}) {
		t.Errorf("after the logout: %d %v", w.Code, w.Header())
	}
	cookies, w = g.login("1")
	access := pairOf(t, w).Access
	if w := g.send(g.refresher.LogoutAllHandler(), cookies, "Authorization", "Bearer "+access); w.Code != 200 || !slices.Equal(w.Header()["Set-Cookie"], []string{cleared}) {
		t.Errorf("logout everywhere: %d %v", w.Code, w.Header())
	}
}

// TestCookieRefusals: the cookie is cleared where no later request can use it, and else
// not, nor where the request had none.
func TestCookieRefusals(t *testing.T) {
	for _, tt := range []struct {
		name    string
		of      func(g *rig, mine string) (cookies string)
		status  int
		logout  int
		cleared bool
	}{
		{"none", func(*rig, string) string { return "" }, 401, 400, false},
		{"another cookie", func(*rig, string) string { return "refresh=x; x__Host-refresh=y" }, 401, 400, false},
		{"empty", func(*rig, string) string { return "__Host-refresh=" }, 401, 400, true},
		{"garbage", func(*rig, string) string { return "__Host-refresh=x" }, 401, 400, true},
		{"quoted", func(_ *rig, mine string) string { return `__Host-refresh="` + mine[len("__Host-refresh="):] + `"` }, 401, 400, true},
		{"two", func(_ *rig, mine string) string { return mine + "; " + mine }, 401, 400, true},
		{"two, one of them garbage", func(_ *rig, mine string) string { return "__Host-refresh=x; " + mine }, 401, 400, true},
		{"expired", func(g *rig, mine string) string { g.clock.Advance(31 * 24 * time.Hour); return mine }, 401, 200, true},
		{"idle", func(g *rig, mine string) string { g.clock.Advance(15 * 24 * time.Hour); return mine }, 401, 200, true},
		{"an unknown subject", func(g *rig, mine string) string { delete(g.users, "1"); return mine }, 401, 200, true},
		{"reused", func(g *rig, mine string) string {
			g.send(g.refresher.RefreshHandler(), mine)
			g.clock.Advance(time.Minute)
			return mine
		}, 401, 200, true},
		{"repeated, its successor used", func(g *rig, mine string) string {
			next := g.send(g.refresher.RefreshHandler(), mine)
			g.send(g.refresher.RefreshHandler(), cookieOf(next)) // another tab, which has the newest cookie
			return mine
		}, 401, 200, false},
		{"reload's own refusal", func(g *rig, mine string) string { g.reloadErr = guard.Forbidden("Account locked"); return mine }, 403, 200, false},
		{"an outage of the store", func(g *rig, mine string) string { g.store.err = errors.New("down"); return mine }, 503, 503, false},
		{"reuse, and an outage of the denylist", func(g *rig, mine string) string {
			g.send(g.refresher.RefreshHandler(), mine)
			g.clock.Advance(time.Minute)
			g.deny.err = errors.New("down")
			return mine
		}, 503, 503, false},
	} {
		for _, action := range []string{"refresh", "logout"} {
			g := newCookieRig(t, refresh.Options{})
			h, status, want := g.refresher.RefreshHandler(), tt.status, tt.cleared
			if action == "logout" {
				h, status, want = g.refresher.LogoutHandler(), tt.logout, tt.cleared || tt.logout == 200
			}
			mine, _ := g.login("1")
			w := g.send(h, tt.of(g, mine))
			if w.Code != status || slices.Equal(w.Header()["Set-Cookie"], []string{cleared}) != want || !want && w.Header()["Set-Cookie"] != nil {
				t.Errorf("%s, %s: %d %q; want %d, cleared %t", action, tt.name, w.Code, w.Header()["Set-Cookie"], status, want)
			}
			if strings.Contains(w.Body.String(), mine[len("__Host-refresh="):]) {
				t.Errorf("%s, %s: %s", action, tt.name, w.Body)
			}
		}
	}
}

// TestCookieOfAnother: a logout with the access token of another subject clears nothing:
// the cookie's login lives on.
func TestCookieOfAnother(t *testing.T) {
	g := newCookieRig(t, refresh.Options{})
	mine, _ := g.login("1")
	w := g.send(g.guardedLogout(), mine, "Authorization", "Bearer "+g.start("2").AccessToken)
	if w.Code != 400 || w.Header()["Set-Cookie"] != nil {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := g.send(g.refresher.RefreshHandler(), mine); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

// TestCookieOrigins: browsers send the cookie unasked, so only pages of the same origin
// or a trusted one can use it.
func TestCookieOrigins(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fields  []string
		trusted bool // with TrustedOrigins
		refused bool
	}{
		{"no browser", nil, false, false},
		{"the same origin", []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://app.example"}, false, false},
		{"the user", []string{"Sec-Fetch-Site", "none"}, false, false},
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true, true},
		{"a sibling", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://www.app.example"}, false, true},
		{"a trusted sibling", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://www.app.example"}, true, false},
		{"an old browser", []string{"Origin", "https://app.example"}, false, false},
		{"an old browser elsewhere", []string{"Origin", "https://evil.example"}, false, true},
		{"a null origin", []string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, true, true},
	} {
		var o refresh.Options
		if tt.trusted {
			o.TrustedOrigins = []string{"https://www.app.example"}
		}
		g := newCookieRig(t, o)
		mine, w := g.login("1")
		access := pairOf(t, w).Access
		for name, h := range map[string]http.Handler{
			"refresh": g.refresher.RefreshHandler(), "logout": g.refresher.LogoutHandler(), "everywhere": g.refresher.LogoutAllHandler(),
		} {
			if tt.refused {
				w := g.send(h, mine, append(slices.Clone(tt.fields), "Authorization", "Bearer "+access)...)
				if e := refusalOf(g.seen[len(g.seen)-1].Err); w.Code != 403 || e.Code != "cross_origin" || w.Header()["Set-Cookie"] != nil {
					t.Errorf("%s, %s: %d, %q, %v", name, tt.name, w.Code, e.Code, w.Header())
				}
			}
		}
		if w := g.send(g.refresher.RefreshHandler(), mine, tt.fields...); (w.Code == 403) != tt.refused || (w.Code == 200) == tt.refused {
			t.Errorf("%s: %d", tt.name, w.Code)
		}
	}
	// Without Cookie, a browser sends nothing unasked.
	g := newRig(t, nil)
	r := request("POST", tokenBody(g.start("1").RefreshToken))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if g.refresher.RefreshHandler().ServeHTTP(w, r); w.Code != 200 || w.Header()["Set-Cookie"] != nil {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestInsecureCookie(t *testing.T) {
	g := newCookieRig(t, refresh.Options{InsecureCookie: true})
	mine, w := g.login("1")
	if c := w.Header().Get("Set-Cookie"); !strings.HasPrefix(mine, "refresh=") || c != mine+"; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict" {
		t.Error(c)
	}
	w = g.send(g.refresher.LogoutHandler(), mine)
	if c := w.Header().Get("Set-Cookie"); w.Code != 200 || c != "refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict" {
		t.Errorf("%d %s", w.Code, c)
	}
}

// TestCookieOfTwoTabs: tabs share the cookie. Whichever answer the browser gets last,
// the next refresh within the grace period continues the login.
func TestCookieOfTwoTabs(t *testing.T) {
	site := guard.Must(url.Parse("https://app.example/"))
	g := newCookieRig(t, refresh.Options{})
	renew := g.refresher.RefreshHandler()
	first, login := g.login("1")
	one, two := g.send(renew, first), g.send(renew, first) // at once, with the same cookie
	if one.Code != 200 || two.Code != 200 || cookieOf(one) != cookieOf(two) {
		t.Fatalf("%d, %d: %t", one.Code, two.Code, cookieOf(one) == cookieOf(two))
	}
	third := g.send(renew, cookieOf(one)) // a third tab, before the second has its answer
	jar := guard.Must(cookiejar.New(nil))
	for _, w := range []*httptest.ResponseRecorder{login, one, third, two} { // the second's comes last
		jar.SetCookies(site, w.Result().Cookies())
	}
	newest := jar.Cookies(site)
	if len(newest) != 1 || newest[0].String() != cookieOf(two) {
		t.Fatalf("%v", newest)
	}
	w := g.send(renew, newest[0].String())
	if w.Code != 200 || cookieOf(w) != cookieOf(third) {
		t.Errorf("%d: the older cookie did not lead to the newest", w.Code)
	}
	if w := g.send(renew, cookieOf(w)); w.Code != 200 {
		t.Errorf("%d: the login did not continue", w.Code)
	}
}
