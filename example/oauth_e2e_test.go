package main_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/sealed"
	"github.com/go-guard/guard/internal/testing/harness"
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
	server := startOAuth(t, p, redisURL(t, 7))
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

var invalidSignIn = e(400, "Invalid or expired sign-in")

func TestOAuthCallback(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	other := newVisitor(p) // who has a pending sign-in as well
	other.begin(t, server, "")
	begun := func() (*visitor, url.Values) {
		v := newVisitor(p)
		return v, p.authorize(t, v.begin(t, server, ""))
	}
	text := "text-of-the-provider"
	for _, tt := range []struct {
		name    string
		change  func(url.Values)
		browser *visitor // in place of the one that began
		status  int
		message string
		spent   bool
	}{
		{"without parameters", func(q url.Values) { clear(q) }, nil, 400, "Invalid or expired sign-in", false},
		{"another browser", func(url.Values) {}, other, 400, "Invalid or expired sign-in", false},
		{"no browser", func(url.Values) {}, newVisitor(p), 400, "Invalid or expired sign-in", false},
		{"no state", func(q url.Values) { q.Del("state") }, nil, 400, "Invalid or expired sign-in", false},
		{"a state of one's own", func(q url.Values) { q.Set("state", "mine") }, nil, 400, "Invalid or expired sign-in", false},
		{"an altered state", func(q url.Values) { q.Set("state", q.Get("state")[:45]+"x") }, nil, 400, "Invalid or expired sign-in", false},
		{"two states", func(q url.Values) { q.Add("state", q.Get("state")) }, nil, 400, "Invalid or expired sign-in", false},
		{"two codes", func(q url.Values) { q.Add("code", "x") }, nil, 400, "Invalid or expired sign-in", false},
		{"two iss", func(q url.Values) { q.Add("iss", "https://evil.example") }, nil, 400, "Invalid or expired sign-in", false},
		{"a parameter of its own twice", func(q url.Values) { q["x"] = []string{"1", "2"} }, nil, 400, "Invalid or expired sign-in", false},
		{"no code", func(q url.Values) { q.Del("code") }, nil, 400, "Invalid or expired sign-in", true},
		{"an empty code", func(q url.Values) { q.Set("code", "") }, nil, 400, "Invalid or expired sign-in", true},
		{"a code and an error", func(q url.Values) { q.Set("error", "access_denied") }, nil, 400, "Invalid or expired sign-in", true},
		{"declined", func(q url.Values) { q.Del("code"); q.Set("error", "access_denied"); q.Set("error_description", text) }, nil, 403, "Sign-in was declined", true},
		{"another error", func(q url.Values) { q.Del("code"); q.Set("error", "server_error"); q.Set("error_description", text) }, nil, 400, "Sign-in failed", true},
		{"an error of its own", func(q url.Values) { q.Del("code"); q.Set("error", text) }, nil, 400, "Sign-in failed", true},
		{"declined, of another issuer", func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("iss", "https://evil.example")
		}, nil, 401, "Sign-in failed", true},
		{"declined, without iss", func(q url.Values) { q.Del("code"); q.Set("error", "access_denied"); q.Del("iss") }, nil, 401, "Sign-in failed", true},
		{"another issuer", func(q url.Values) { q.Set("iss", "https://evil.example") }, nil, 401, "Sign-in failed", true},
		{"the issuer with a slash", func(q url.Values) { q.Set("iss", q.Get("iss")+"/") }, nil, 401, "Sign-in failed", true},
		{"without iss, which is announced", func(q url.Values) { q.Del("iss") }, nil, 401, "Sign-in failed", true},
		{"a code of another", func(q url.Values) { q.Set("code", "guessed") }, nil, 401, "Sign-in failed", true},
		{"more than a callback has", func(q url.Values) { q.Set("x", strings.Repeat("x", 40<<10)) }, nil, 400, "Invalid or expired sign-in", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, q := begun()
			changed := url.Values{}
			for name, values := range q {
				changed[name] = append([]string(nil), values...)
			}
			tt.change(changed)
			browser := v
			if tt.browser != nil {
				browser = tt.browser
			}
			pending := browser.pending()
			a := browser.complete(t, server, changed)
			row{status: tt.status, body: e(tt.status, tt.message), header: []string{"Location:", "Referrer-Policy: no-referrer"}}.check(t, a)
			if strings.Contains(a.body, text) || strings.Contains(server.logs(), text) {
				t.Error("the provider's text is repeated")
			}
			if browser.signedIn() || (browser.pending() < pending) != tt.spent {
				t.Errorf("%d pending of %d, signed in: %t", browser.pending(), pending, browser.signedIn())
			}
			status := 303
			if tt.spent {
				status = 400
			}
			if a := v.complete(t, server, q); a.status != status {
				t.Errorf("the right answer afterwards: %v", a)
			}
		})
	}
}

// TestOAuthReplay: a sign-in is spent a single time, also if the browser keeps its cookie.
func TestOAuthReplay(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	for name, first := range map[string]struct {
		change func(url.Values)
		status int
	}{
		"accepted": {func(url.Values) {}, 303},
		"declined": {func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, 403},
		"refused":  {func(q url.Values) { q.Set("code", "guessed") }, 401},
	} {
		v := newVisitor(p)
		q := p.authorize(t, v.begin(t, server, ""))
		copied := newVisitor(p)
		for name, value := range v.cookies {
			copied.cookies[name] = value
		}
		right := url.Values{"code": q["code"], "state": q["state"], "iss": q["iss"]}
		first.change(q)
		row{call: call{do: name}, status: first.status}.check(t, v.complete(t, server, q))
		exchanges := p.called("/token")
		a := copied.complete(t, server, right)
		row{call: call{do: name + ", replayed"}, status: 400, body: invalidSignIn}.check(t, a)
		if copied.signedIn() || copied.pending() != 0 || p.called("/token") != exchanges {
			t.Errorf("%s: %d pending, %d exchanges", name, copied.pending(), p.called("/token")-exchanges)
		}
	}
}

// TestOAuthExpired: a sign-in ends after ten minutes, whatever the browser does with its
// cookie. The test seals one that is older.
func TestOAuthExpired(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p, "SEAL_KEY="+sealKey(1))
	key := guard.Must(hkdf.Key(sha256.New, guard.Must(base64.StdEncoding.DecodeString(sealKey(1))), nil, "example pending sign-ins", 32))
	box := guard.Must(sealed.New("guard signin/oauth: pending sign-in", key))
	for age, want := range map[time.Duration]int{0: 303, 9 * time.Minute: 303, 11 * time.Minute: 400, -time.Minute: 400} {
		v := newVisitor(p)
		q := p.authorize(t, v.begin(t, server, ""))
		for name, value := range v.cookies {
			context := fmt.Sprintf("%q %q %q ", p.url, clientID, "http://localhost:"+server.port()+"/oauth/callback") + name
			text, ok := box.Open(value, context)
			var pending map[string]any
			if !ok || json.Unmarshal(text, &pending) != nil {
				t.Fatalf("the cookie does not open as %s", context)
			}
			p.set(func(p *provider) { p.hide(fmt.Sprint(pending["v"])) })
			pending["t"] = time.Now().Add(-age).UnixMilli()
			v.cookies[name] = box.Seal(jsonOf(pending), context)
		}
		if a := v.complete(t, server, q); a.status != want || want == 400 && a.body != invalidSignIn {
			t.Errorf("%v old: %v, want %d", age, a, want)
		}
	}
}

// TestOAuthOfAnother: a pending sign-in belongs to one issuer, client and origin, also if
// the key is shared.
func TestOAuthOfAnother(t *testing.T) {
	t.Parallel()
	p, q := newProvider(t), newProvider(t)
	key := "SEAL_KEY=" + sealKey(1)
	origin := "PUBLIC_URL=http://localhost:12000"
	server := startOAuth(t, p, key, origin)
	for name, other := range map[string]*process{
		"issuer": startOAuth(t, q, key, origin),
		"client": start(t, key, origin, "OAUTH_ISSUER="+p.url, "OAUTH_CLIENT_ID=another"),
		"origin": startOAuth(t, p, key),
		"key":    startOAuth(t, p, "SEAL_KEY="+sealKey(2), origin),
	} {
		v := newVisitor(p)
		answer := p.authorize(t, v.begin(t, server, ""))
		row{call: call{do: "another " + name}, status: 400, body: invalidSignIn}.check(t, v.complete(t, other, answer))
		row{call: call{do: "the same " + name}, status: 303}.check(t, v.complete(t, server, answer))
	}
}

func TestOAuthTabs(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		v := newVisitor(p)
		var tabs []url.Values
		for i := range 3 {
			tabs = append(tabs, p.authorize(t, v.begin(t, server, fmt.Sprintf("?next=/tab/%d", i))))
		}
		for _, i := range order {
			row{call: call{do: fmt.Sprint("tab ", i)}, status: 303, header: []string{fmt.Sprintf("Location: /tab/%d", i)}}.check(t, v.complete(t, server, tabs[i]))
		}
	}
	v := newVisitor(p)
	var tabs []url.Values
	for range 9 {
		tabs = append(tabs, p.authorize(t, v.begin(t, server, "")))
		if v.pending() > 8 {
			t.Errorf("%d pending", v.pending())
		}
		for began := time.Now().UnixMilli(); time.Now().UnixMilli() == began; { // the oldest is known by its millisecond
		}
	}
	for i, tab := range tabs {
		want := row{call: call{do: fmt.Sprint("tab ", i)}, status: 303}
		if i == 0 {
			want.status, want.body = 400, invalidSignIn
		}
		want.check(t, v.complete(t, server, tab))
	}
}

func TestOAuthMethods(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	v := newVisitor(p)
	q := p.authorize(t, v.begin(t, server, ""))
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		a := v.do(t, server, call{do: method + " /oauth/callback?" + q.Encode()})
		row{call: call{do: method}, status: 405, body: e(405, ""), header: []string{"Allow: GET", "Set-Cookie:"}}.check(t, a)
	}
	row{status: 405}.check(t, v.do(t, server, form("POST /oauth/callback", q, "Sec-Fetch-Site: cross-site")))
	row{status: 303}.check(t, v.complete(t, server, q))
}

// TestOAuthFormPost: the answer is a POST of the provider's page.
func TestOAuthFormPost(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := launchSecure(t, p, "OAUTH_RESPONSE_MODE=form_post")
	post := func(v *visitor, q url.Values) answer {
		t.Helper()
		return v.do(t, server, form("POST /oauth/callback", q, "Sec-Fetch-Site: cross-site", "Origin: "+p.url))
	}
	v := newVisitor(p)
	a := v.do(t, server, call{do: "GET /oauth/login?next=/inbox"})
	row{status: 303, header: []string{"Location: ~[?&]response_mode=form_post(&|$)", "Set-Cookie: ~^__Host-oauth-.*; HttpOnly; Secure; SameSite=None$"}}.check(t, a)
	q := p.authorize(t, a.header.Get("Location"))
	row{call: call{do: "GET"}, status: 405, header: []string{"Allow: POST"}}.check(t, v.complete(t, server, q))
	row{call: call{do: "another browser"}, status: 400}.check(t, post(newVisitor(p), q))
	forged := url.Values{"code": q["code"], "state": {"mine"}, "iss": q["iss"]}
	row{call: call{do: "another state"}, status: 400}.check(t, post(v, forged))
	a = post(v, q)
	row{status: 303, header: []string{"Location: /inbox", "Set-Cookie: ~__Host-oauth_session="}}.check(t, a)
	row{call: call{do: "replayed"}, status: 400}.check(t, post(v, q))
	row{status: 200, body: me(p, "user-1", "dana@example.com")}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
	// Every other route still has the rule.
	cross := []string{"Sec-Fetch-Site: cross-site", "Origin: " + p.url}
	row{status: 403}.check(t, v.do(t, server, call{do: "POST /session/logout", header: cross}))
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

// TestOAuthProviderDown: the program serves without its provider, says why, and needs no
// restart.
func TestOAuthProviderDown(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.server.Close()
	evil := newProvider(t)
	evil.set(func(p *provider) { p.metadata = func(m object) { m["issuer"] = "https://evil.example" } })
	broken := newProvider(t)
	broken.set(func(p *provider) { p.metadata = func(m object) { delete(m, "token_endpoint") } })
	for name, tt := range map[string]struct {
		p      *provider
		reason string
		repair func()
	}{
		"down":              {p, "connection refused", func() { p.serve(t) }},
		"another issuer":    {evil, "the metadata is that of", evil.heal},
		"no token endpoint": {broken, "token_endpoint", broken.heal},
	} {
		t.Run(name, func(t *testing.T) {
			server := startOAuth(t, tt.p, "OIDC_REFETCH=1ms")
			waitFor(t, func() bool {
				return strings.Contains(server.logs(), "/oauth answers 503 until its provider can be used")
			})
			if line, _, _ := strings.Cut(server.logs(), "\n"); !strings.Contains(line, tt.reason) || !strings.Contains(line, "level=ERROR") {
				t.Errorf("the log has %q, want %q", line, tt.reason)
			}
			server.rows(t, []row{
				{"login", call{do: "GET /oauth/login"}, 503, e(503, ""), []string{"Set-Cookie:", "WWW-Authenticate:"}},
				{"me", call{do: "GET /oauth/me"}, 401, e(401, "Not authenticated"), nil},
				{"all else", call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_12345"}}, 200, "", nil},
			})
			if !strings.Contains(server.logs(), "path=/oauth/login status=503") {
				t.Error(server.logs())
			}
			tt.repair()
			if name == "no token endpoint" {
				return // it was read, and counts until it expires
			}
			waitFor(t, func() bool { return server.send(t, call{do: "GET /oauth/login"}).status == 303 })
			newVisitor(tt.p).signIn(t, server)
		})
	}
}

// waitFor waits until something holds that another process does.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for range 300 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("it does not come about")
}

// startEndpoints runs a server whose people sign in with the plain OAuth 2.0 of p.
func startEndpoints(t *testing.T, p *provider) *process {
	t.Helper()
	server := start(t, "OAUTH_AUTHORIZE_URL="+p.url+"/authorize", "OAUTH_TOKEN_URL="+p.url+"/token", "OAUTH_USERINFO_URL="+p.url+"/user",
		"OAUTH_CLIENT_ID="+clientID, "OAUTH_CLIENT_SECRET="+clientSecret)
	t.Cleanup(func() { p.notIn(t, server.logs()) })
	return server
}

func TestOAuthEndpoints(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startEndpoints(t, p)
	q := guard.Must(url.Parse(newVisitor(p).begin(t, server, ""))).Query()
	if q.Has("nonce") || q.Has("scope") || q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 22 {
		t.Errorf("%v", q)
	}
	for user, want := range map[string]string{ // want is the subject
		`{"id":"user-2","email":"dana@example.com"}`:          "user-2",
		`{"id":12345678901234567890,"email":"x@example.com"}`: "12345678901234567890",
		`{"id":0}`:                     "0",
		`{"id":"9","sub":"user-1"}`:    "9",
		`{"email":"dana@example.com"}`: "",
		`{"sub":"user-1"}`:             "",
		`{"id":null}`:                  "",
		`{"id":true}`:                  "",
		`{"id":{}}`:                    "",
		`{"id":["user-1"]}`:            "",
		`{"id":""}`:                    "",
		`{"id":1.5}`:                   "",
		`{"id":1e3}`:                   "",
		`{"id":-1}`:                    "",
		`{"id":"a\u0000b"}`:            "",
	} {
		p.set(func(p *provider) { p.paths["/user"] = respond(200, user) })
		v := newVisitor(p)
		a := v.complete(t, server, p.authorize(t, v.begin(t, server, "")))
		if want == "" {
			row{call: call{do: user}, status: 401, body: e(401, "Sign-in failed")}.check(t, a)
			if v.signedIn() {
				t.Errorf("%s: signed in", user)
			}
			continue
		}
		row{call: call{do: user}, status: 303}.check(t, a)
		row{call: call{do: user}, status: 200, body: me(p, want, "")}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
	}
	p.heal()
	v := newVisitor(p)
	v.signIn(t, server)
	row{status: 200, body: me(p, "user-1", "dana@example.com")}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
	v = newVisitor(p)
	answer := p.authorize(t, v.begin(t, server, ""))
	answer.Set("iss", "https://evil.example")
	row{call: call{do: "another iss"}, status: 401}.check(t, v.complete(t, server, answer))
	row{call: call{do: "no logout tokens"}, status: 400, body: e(400, "Invalid logout token")}.
		check(t, server.send(t, backChannel(p.logoutToken(object{"iss": p.url}))))
}

// TestOAuthPublicClient: without a secret, PKCE alone protects the code.
func TestOAuthPublicClient(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	var body url.Values
	p.set(func(p *provider) {
		p.paths["/token"] = func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			body = r.PostForm
			if r.Header.Get("Authorization") != "" {
				t.Error("a secret is sent")
			}
			r.SetBasicAuth(clientID, clientSecret)
			p.mu.Lock()
			defer p.mu.Unlock()
			status, answer := p.token(r)
			respond(status, string(jsonOf(answer)))(w, r)
		}
	})
	server := start(t, "OAUTH_ISSUER="+p.url, "OAUTH_CLIENT_ID="+clientID)
	newVisitor(p).signIn(t, server)
	if body.Get("client_id") != clientID || body.Has("client_secret") || len(body.Get("code_verifier")) < 43 {
		t.Errorf("%v", body)
	}
}

// TestOAuthNeedsASealKey: without -dev there is no random key, which another process
// would not have.
func TestOAuthNeedsASealKey(t *testing.T) {
	t.Parallel()
	env := []string{"JWT_SECRET_KEY=" + secret, "PUBLIC_URL=https://app.example", "OAUTH_ISSUER=https://issuer.example", "OAUTH_CLIENT_ID=x"}
	server := launch(t, env, "-addr", "127.0.0.1:0")
	for _, do := range []string{"GET /oauth/login", "GET /oauth/callback", "GET /oauth/me", "POST /oauth/logout", "POST /oauth/backchannel"} {
		row{call: call{do: do}, status: 404}.check(t, server.send(t, call{do: do}))
	}
	if !strings.Contains(server.logs(), "SEAL_KEY is not set: /oauth is not mounted") {
		t.Errorf("nothing about it on stderr: %s", server.logs())
	}
	row{status: 200, body: "~/session"}.check(t, server.send(t, call{do: "GET /"}))
	if a := server.send(t, call{do: "GET /"}); strings.Contains(a.body, "/oauth") {
		t.Error("it is listed")
	}
	if without := start(t); strings.Contains(without.logs(), "SEAL_KEY") {
		t.Error("SEAL_KEY is named where nothing needs it")
	}
}

// TestOAuthIndex: the section is listed with its command, and with a link to the origin
// that the provider leads back to.
func TestOAuthIndex(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	row{status: 200, body: "~(?m)^/oauth$"}.check(t, server.send(t, call{do: "GET /"}))
	page := server.send(t, call{do: "GET /", header: []string{"Accept: text/html"}})
	row{status: 200, body: `~<a href="http://localhost:` + server.port() + `/oauth/login">Sign in</a>`}.check(t, page)
	refused := call{do: "GET /oauth/me"}
	row{status: 401, body: e(401, "Not authenticated")}.check(t, server.send(t, refused))
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	redirectURI := func(server *process) string {
		return guard.Must(url.Parse(newVisitor(p).begin(t, server, ""))).Query().Get("redirect_uri")
	}
	server := startOAuth(t, p)
	// A crafted Host changes nothing.
	a := server.send(t, call{do: "GET /oauth/login", host: "evil.example", header: []string{"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https"}})
	if got := guard.Must(url.Parse(a.header.Get("Location"))).Query().Get("redirect_uri"); got != "http://localhost:"+server.port()+"/oauth/callback" {
		t.Errorf("%q", got)
	}
	env := []string{"JWT_SECRET_KEY=" + secret, "OAUTH_ISSUER=" + p.url, "OAUTH_CLIENT_ID=" + clientID}
	for addr, want := range map[string]string{"localhost": "localhost", "127.0.0.7": "localhost", "": "localhost"} {
		port := harness.FreePort(t)
		server := launch(t, env, "-dev", "-addr", addr+":"+port)
		if addr == "" {
			server.url = "http://127.0.0.1:" + port
		}
		if got := redirectURI(server); got != "http://"+want+":"+port+"/oauth/callback" {
			t.Errorf("%s: %q", addr, got)
		}
	}
	if got := redirectURI(startOAuth(t, p, "PUBLIC_URL=https://app.example:8443")); got != "https://app.example:8443/oauth/callback" {
		t.Errorf("%q", got)
	}
}
