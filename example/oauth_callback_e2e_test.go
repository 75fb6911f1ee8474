package main_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/sealed"
)

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
