package main_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// launchSecure runs a server without -dev, as behind a proxy that ends TLS.
func launchSecure(t *testing.T, p *provider, env ...string) *process {
	t.Helper()
	server := launch(t, append([]string{
		"JWT_SECRET_KEY=" + secret, "PUBLIC_URL=https://app.example", "SEAL_KEY=" + sealKey(1),
		"OAUTH_ISSUER=" + p.url, "OAUTH_CLIENT_ID=" + clientID, "OAUTH_CLIENT_SECRET=" + clientSecret,
	}, env...), "-addr", "127.0.0.1:0")
	if server.url == "" {
		t.Fatal(server.logs())
	}
	t.Cleanup(func() { p.notIn(t, server.logs()) })
	return server
}

// sealKey returns the n-th SEAL_KEY.
func sealKey(n byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string('a'+rune(n)), 32)))
}

func (p *process) port() string { return p.url[strings.LastIndexByte(p.url, ':')+1:] }

func me(p *provider, subject, email string) string {
	return fmt.Sprintf(`{"issuer":%q,"subject":%q,"email":%q}`, p.url, subject, email)
}

func TestOAuthLogin(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	dev, secure := startOAuth(t, p), launchSecure(t, p)
	for _, tt := range []struct {
		server         *process
		origin, cookie string
	}{
		{dev, "http://localhost:" + dev.port(), `~^oauth-[0-9a-f]{24}=[\w-]{200,}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax$`},
		{secure, "https://app.example", `~^__Host-oauth-[0-9a-f]{24}=[\w-]{200,}; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$`},
	} {
		v := newVisitor(p)
		a := v.do(t, tt.server, call{do: "GET /oauth/login?next=/" + strings.Repeat("x", 2047)})
		row{status: 303, header: []string{"Set-Cookie: " + tt.cookie, "Cache-Control: no-store"}}.check(t, a)
		if n := len(a.header.Get("Set-Cookie")); n < 2048 || n >= 4096 {
			t.Errorf("a cookie of %d bytes", n)
		}
		u := guard.Must(url.Parse(a.header.Get("Location")))
		q := u.Query()
		for name, want := range map[string]string{
			"response_type": "code", "client_id": clientID, "redirect_uri": tt.origin + "/oauth/callback", "scope": "openid email",
			"code_challenge_method": "S256", "code_challenge": `~^[\w-]{43}$`, "state": `~^[\w-]{22,}$`, "nonce": `~^[\w-]{22,}$`,
		} {
			if got := q[name]; len(got) != 1 || !matches(got[0], want) {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if !strings.HasPrefix(u.String(), p.url+"/authorize?") || len(q) != 8 {
			t.Errorf("to %s", u)
		}
		if other := guard.Must(url.Parse(v.begin(t, tt.server, ""))).Query(); other.Get("state") == q.Get("state") || other.Get("nonce") == q.Get("nonce") || other.Get("code_challenge") == q.Get("code_challenge") {
			t.Error("two sign-ins with one state, nonce or verifier")
		}
		row{status: 303, header: []string{"Location: /" + strings.Repeat("x", 2047)}}.check(t, v.complete(t, tt.server, p.authorize(t, u.String())))
	}
	dev.rows(t, []row{
		{"POST", call{do: "POST /oauth/login"}, 405, e(405, ""), []string{"Allow: GET"}},
		{"cross-site POST", call{do: "POST /oauth/login", header: []string{"Sec-Fetch-Site: cross-site"}}, 405, e(405, ""), []string{"Set-Cookie:"}},
	})
}

// TestOAuthNext: no next leaves the site, and one that is dropped is no refusal.
func TestOAuthNext(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	for next, want := range map[string]string{
		"": "/oauth/me", "/": "/", "/inbox?page=2": "/inbox?page=2", "/" + strings.Repeat("x", 2048): "/oauth/me",
		"//evil.example": "/oauth/me", `/\evil.example`: "/oauth/me", "https://evil.example/": "/oauth/me", "javascript:alert(1)": "/oauth/me",
		"/\t/evil.example": "/oauth/me", "/\r\nX: y": "/oauth/me", "inbox": "/oauth/me", `\\evil.example`: "/oauth/me",
	} {
		v := newVisitor(p)
		a := v.complete(t, server, p.authorize(t, v.begin(t, server, "?next="+url.QueryEscape(next))))
		row{call: call{do: strconv.Quote(next)}, status: 303, header: []string{"Location: " + want}}.check(t, a)
	}
	v := newVisitor(p)
	a := v.complete(t, server, p.authorize(t, v.begin(t, server, "?next=/a&next=/b")))
	row{call: call{do: "two next"}, status: 303, header: []string{"Location: /oauth/me"}}.check(t, a)
}

func TestOAuthSignIn(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for name, tt := range map[string]struct {
		server                   *process
		callback, session, clear string
	}{
		"dev": {startOAuth(t, p), "", `oauth_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax`, `oauth-[0-9a-f]{24}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`},
		"secure": {launchSecure(t, p), "", `__Host-oauth_session=[\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax`,
			`__Host-oauth-[0-9a-f]{24}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`},
	} {
		v := newVisitor(p)
		row{call: call{do: name}, status: 401, body: e(401, "Not authenticated"), header: []string{"WWW-Authenticate: ~^Session"}}.
			check(t, v.do(t, tt.server, call{do: "GET /oauth/me"}))
		a := v.complete(t, tt.server, p.authorize(t, v.begin(t, tt.server, "?next=/inbox")))
		row{call: call{do: name}, status: 303, header: []string{"Location: /inbox", "Referrer-Policy: no-referrer", "Cache-Control: no-store",
			"Set-Cookie: ~^" + tt.clear + ` \| ` + tt.session + "$"}}.check(t, a)
		if v.pending() != 0 {
			t.Errorf("%s: %d pending", name, v.pending())
		}
		row{call: call{do: name}, status: 200, body: me(p, "user-1", "dana@example.com"), header: []string{"Vary: ~Cookie"}}.
			check(t, v.do(t, tt.server, call{do: "GET /oauth/me"}))
		// A sign-in gets another session, and the one before it ends.
		before := newVisitor(p)
		before.cookies["oauth_session"], before.cookies["__Host-oauth_session"] = v.cookies["oauth_session"], v.cookies["__Host-oauth_session"]
		v.signIn(t, tt.server)
		if before.me(t, tt.server) != 401 || v.me(t, tt.server) != 200 {
			t.Errorf("%s: the session before a sign-in lives", name)
		}
	}
}

// TestOAuthUserBases: a session of /session is none of /oauth, and the reverse.
func TestOAuthUserBases(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p, redisURL(t))
	v := newVisitor(p)
	v.signIn(t, server)
	mine, alices := v.cookies["oauth_session"], server.signIn(t, alice).Value
	server.rows(t, []row{
		{"of /session", call{do: "GET /oauth/me", header: []string{"Cookie: oauth_session=" + alices}}, 401, e(401, "Invalid session"), nil},
		{"of /oauth", sessionProfile("Cookie: session=" + mine), 401, e(401, "Invalid session"), nil},
		{"both", call{do: "GET /oauth/me", header: []string{"Cookie: session=" + alices + "; oauth_session=" + mine}}, 200, "", nil},
	})
}

func TestOAuthEmail(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	drop := func(c object) { delete(c, "email"); delete(c, "email_verified") }
	for name, tt := range map[string]struct {
		claims func(object)
		user   object
		want   string
	}{
		"verified":                {nil, object{}, "dana@example.com"},
		"verified, as a string":   {func(c object) { c["email_verified"] = "true" }, object{}, "dana@example.com"},
		"not verified":            {func(c object) { c["email_verified"] = false }, object{}, ""},
		"not verified, as a text": {func(c object) { c["email_verified"] = "false" }, object{}, ""},
		"nothing about it":        {func(c object) { delete(c, "email_verified") }, object{}, ""},
		"missing":                 {drop, object{}, ""},
		"empty":                   {func(c object) { c["email"] = "" }, object{}, ""},
		"of the userinfo":         {drop, object{"email": "erin@example.com", "email_verified": true}, "erin@example.com"},
		"not verified there":      {drop, object{"email": "erin@example.com"}, ""},
		"one of each":             {func(c object) { delete(c, "email_verified") }, object{"email": "erin@example.com", "email_verified": true}, ""},
		"longer than an address":  {func(c object) { c["email"] = strings.Repeat("x", 5000) + "@example.com" }, object{}, ""},
	} {
		tt.user["sub"] = "user-1"
		p.set(func(p *provider) { p.claims, p.user = tt.claims, tt.user })
		v := newVisitor(p)
		v.signIn(t, server)
		row{call: call{do: name}, status: 200, body: me(p, "user-1", tt.want)}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
	}
}

// TestOAuthBrowser: a person reads a page with a way on, and is not sent in circles.
func TestOAuthBrowser(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	html := []string{"Accept: text/html,*/*;q=0.8"}
	v := newVisitor(p)
	row{status: 303, header: []string{"Location: /oauth/login?next=%2Foauth%2Fme"}}.check(t, v.do(t, server, call{do: "GET /oauth/me", header: html}))
	q := p.authorize(t, v.begin(t, server, ""))
	q.Set("code", "guessed")
	a := v.do(t, server, call{do: "GET /oauth/callback?" + q.Encode(), header: html})
	row{status: 401, body: `~(?s)Sign-in failed.*<a href="/oauth/login">Sign in</a>`, header: []string{"Location:", "Content-Type: ~^text/html"}}.check(t, a)
	p.notIn(t, a.body)
	p.set(func(p *provider) { p.paths["/token"] = respond(500, "{}") })
	q = p.authorize(t, v.begin(t, server, ""))
	a = v.do(t, server, call{do: "GET /oauth/callback?" + q.Encode(), header: html})
	row{status: 503, body: `~>Try again</a>`, header: []string{"Content-Type: ~^text/html"}}.check(t, a)
}
