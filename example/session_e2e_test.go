package main_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// signIn logs in and returns the cookie of the new session.
func (p *process) signIn(t *testing.T, body string, header ...string) *http.Cookie {
	t.Helper()
	a := p.send(t, call{do: "POST /session/login", body: body, header: header})
	row{status: 200, body: `{"message":"Logged in successfully"}`, header: []string{"Cache-Control: no-store"}}.check(t, a)
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies: %v", len(cookies), a)
	}
	return cookies[0]
}

func cookie(c *http.Cookie) []string { return []string{"Cookie: " + c.Name + "=" + c.Value} }

func sessionProfile(header ...string) call { return call{do: "GET /session/profile", header: header} }

func sessionLogout(header ...string) call { return call{do: "POST /session/logout", header: header} }

func TestSessionLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.rows(t, loginRows("/session/login"))
	c := p.signIn(t, alice)
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 604800 || c.Domain != "" || c.Secure {
		t.Errorf("cookie %s", c.Raw)
	}
	if strings.Contains(c.Raw, "alice") || len(c.Value) != 43 {
		t.Errorf("cookie %s", c.Raw)
	}
	row{status: 200, body: `{"user":{"id":"1","email":"alice@example.com","role":"admin"}}`, header: []string{"Vary: ~Cookie"}}.
		check(t, p.send(t, sessionProfile(cookie(c)...)))
	// A session presented with the login is destroyed.
	next := p.signIn(t, bob, cookie(c)...)
	if next.Value == c.Value {
		t.Error("the same session: it could have been fixed by another")
	}
	row{status: 401, body: e(401, "Invalid session")}.check(t, p.send(t, sessionProfile(cookie(c)...)))
	row{status: 200, body: `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`}.check(t, p.send(t, sessionProfile(cookie(next)...)))
	// One that was chosen by an attacker is not adopted.
	fixed := &http.Cookie{Name: c.Name, Value: strings.Repeat("A", 43)}
	if got := p.signIn(t, alice, cookie(fixed)...); got.Value == fixed.Value {
		t.Error("a session id of the client's own was adopted")
	}
	// A wrong password leaves the session alone.
	row{status: 401, body: badCredentials, header: []string{"Set-Cookie:"}}.
		check(t, p.send(t, call{do: "POST /session/login", body: wrong, header: cookie(next)}))
	row{status: 200}.check(t, p.send(t, sessionProfile(cookie(next)...)))
}

func TestSecureCookie(t *testing.T) {
	t.Parallel()
	p := launch(t, []string{"JWT_SECRET_KEY=" + secret}, "-addr", "127.0.0.1:0")
	c := p.signIn(t, alice)
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 604800 || c.Name != "__Host-session" {
		t.Errorf("cookie %s", c.Raw)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	p := start(t)
	c := p.signIn(t, alice)
	as := func(value string) []string { return []string{"Cookie: " + c.Name + "=" + value} }
	last := byte('A')
	if c.Value[42] == last {
		last = 'E'
	}
	altered := c.Value[:42] + string(last)
	p.rows(t, []row{
		{"no cookie", sessionProfile(), 401, e(401, "Not authenticated"), []string{"WWW-Authenticate: ~^Session", "Vary: ~Cookie"}},
		{"other cookie", sessionProfile("Cookie: other=1"), 401, e(401, "Not authenticated"), nil},
		{"empty", sessionProfile(as("")...), 401, e(401, "Invalid session"), nil},
		{"malformed", sessionProfile(as("garbage")...), 401, e(401, "Invalid session"), nil},
		{"unknown", sessionProfile(as(strings.Repeat("A", 43))...), 401, e(401, "Invalid session"), nil},
		{"altered", sessionProfile(as(altered)...), 401, e(401, "Invalid session"), nil},
		{"longer", sessionProfile(as(c.Value + "A")...), 401, e(401, "Invalid session"), nil},
		{"two of that name", sessionProfile("Cookie: " + c.Name + "=" + c.Value + "; " + c.Name + "=" + c.Value), 200, "", nil},
		{"a dead one beside it", sessionProfile("Cookie: " + c.Name + "=garbage; " + c.Name + "=" + c.Value), 200, "", nil},
		{"two dead ones", sessionProfile("Cookie: " + c.Name + "=garbage; " + c.Name + "=" + altered), 401, e(401, "Invalid session"), nil},
		{"more than four", sessionProfile("Cookie: " + strings.Repeat(c.Name+"="+c.Value+"; ", 5)), 401, e(401, "Invalid session"), nil},
		{"two fields", sessionProfile(append(cookie(c), cookie(c)...)...), 200, "", nil},
		{"as a bearer token", sessionProfile(bearer(c.Value)...), 401, e(401, "Not authenticated"), nil},
		{"valid", sessionProfile(cookie(c)...), 200, `{"user":{"id":"1","email":"alice@example.com","role":"admin"}}`, nil},
		{"valid among others", sessionProfile("Cookie: a=1; " + c.Name + "=" + c.Value + "; b=2"), 200, "", nil},
	})
}

func TestSessionLogout(t *testing.T) {
	t.Parallel()
	p := start(t)
	out := `{"message":"Logged out successfully"}`
	set := p.signIn(t, alice)
	other := p.signIn(t, alice)
	a := p.send(t, sessionLogout(cookie(set)...))
	row{status: 200, body: out, header: []string{"Cache-Control: no-store"}}.check(t, a)
	cleared := (&http.Response{Header: a.header}).Cookies()
	if len(cleared) != 1 || cleared[0].MaxAge != -1 || !strings.Contains(cleared[0].Raw, "Max-Age=0") || cleared[0].Value != "" {
		t.Fatalf("cookies %v", a)
	}
	if c := cleared[0]; c.Name != set.Name || c.Path != set.Path || c.HttpOnly != set.HttpOnly || c.SameSite != set.SameSite || c.Secure != set.Secure {
		t.Errorf("set as %s, cleared as %s", set.Raw, c.Raw)
	}
	clears := []string{"Set-Cookie: ~Max-Age=0"}
	p.rows(t, []row{
		{"the old id is dead", sessionProfile(cookie(set)...), 401, e(401, "Invalid session"), nil},
		{"another session lives", sessionProfile(cookie(other)...), 200, "", nil},
		{"again", sessionLogout(cookie(set)...), 200, out, clears},
		{"unknown", sessionLogout("Cookie: " + set.Name + "=" + strings.Repeat("A", 43)), 200, out, clears},
		{"malformed", sessionLogout("Cookie: " + set.Name + "=x"), 200, out, clears},
		{"without a cookie", sessionLogout(), 401, e(401, "Not authenticated"), nil},
	})
}

// TestSessionLog: a login was not in the log as one, and a logout had no subject.
func TestSessionLog(t *testing.T) {
	t.Parallel()
	p := start(t)
	c := p.signIn(t, bob)
	row{status: 403}.check(t, p.send(t, sessionLogout(append(cookie(c), "Sec-Fetch-Site: cross-site")...)))
	row{status: 200}.check(t, p.send(t, sessionLogout(cookie(c)...)))
	p.stop(t)
	for _, want := range []string{
		`path=/session/login status=200 .*action=sign-in subject=2\n`,
		`path=/session/logout status=403 .*guard=session reason=[^\n]*\n`,
		`path=/session/logout status=200 .*action=sign-out subject=2\n`,
	} {
		if !regexp.MustCompile(want).MatchString(p.logs()) {
			t.Errorf("the log lacks %s:\n%s", want, p.logs())
		}
	}
}

func TestSessionCrossSite(t *testing.T) {
	t.Parallel()
	p := start(t)
	c := p.signIn(t, alice)
	for _, site := range [][]string{
		{"Sec-Fetch-Site: cross-site"},
		{"Sec-Fetch-Site: same-site"},
		{"Origin: https://evil.example"},
		{"Origin: null"},
		{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"},
	} {
		name := strings.Join(site, ", ")
		with := append(cookie(c), site...)
		p.rows(t, []row{
			{"login, " + name, call{do: "POST /session/login", body: bob, header: site}, 403, e(403, ""), []string{"Set-Cookie:"}},
			{"login as a form, " + name, form("POST /session/login", url.Values{"email": {"bob@example.com"}, "password": {"secret"}}, site...), 403, "", []string{"Set-Cookie:"}},
			{"login over a session, " + name, call{do: "POST /session/login", body: bob, header: with}, 403, e(403, ""), []string{"Set-Cookie:"}},
			{"logout, " + name, sessionLogout(with...), 403, e(403, ""), []string{"Set-Cookie:"}},
			{"logout without a cookie, " + name, sessionLogout(site...), 403, e(403, ""), []string{"Set-Cookie:"}},
			{"end others, " + name, form("POST /session/end-others", nil, with...), 403, "", []string{"Set-Cookie:"}},
			{"end others without a cookie, " + name, form("POST /session/end-others", nil, site...), 403, "", []string{"Set-Cookie:"}},
			{"nothing changed, " + name, sessionProfile(with...), 200, `{"user":{"id":"1","email":"alice@example.com","role":"admin"}}`, nil},
		})
	}
	row{status: 200}.check(t, p.send(t, sessionLogout(append(cookie(c), "Sec-Fetch-Site: same-origin")...)))
}

// form is a call as a browser's form makes it.
func form(do string, values url.Values, header ...string) call {
	return call{do: do, body: values.Encode(), header: append([]string{
		"Content-Type: application/x-www-form-urlencoded", "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
	}, header...)}
}
