package main_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

func logoutCall(header ...string) call { return call{do: "POST /oauth/logout", header: header} }

func TestOAuthLogout(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	v := newVisitor(p)
	v.signIn(t, server)
	_, idToken := p.last()
	old, dead, other := v.copy(), v.copy(), newVisitor(p)
	other.signIn(t, server)
	for _, site := range [][]string{
		{"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"}, {"Origin: https://evil.example"}, {"Origin: null"},
	} {
		refused := row{call: call{do: site[0]}, status: 403, body: e(403, ""), header: []string{"Set-Cookie:", "Location:"}}
		refused.check(t, v.do(t, server, logoutCall(site...)))
		refused.check(t, newVisitor(p).do(t, server, logoutCall(site...)))
		if v.me(t, server) != 200 {
			t.Errorf("%s: the session ended", site[0])
		}
	}
	row{call: call{do: "GET"}, status: 405, header: []string{"Set-Cookie:"}}.check(t, v.do(t, server, call{do: "GET /oauth/logout"}))
	a := v.do(t, server, logoutCall("Sec-Fetch-Site: same-origin", "Origin: "+server.url))
	row{status: 303, header: []string{"Cache-Control: no-store", "Set-Cookie: ~^oauth_session=; Path=/; Max-Age=0"}}.check(t, a)
	u := guard.Must(url.Parse(a.header.Get("Location")))
	q := u.Query()
	if u.Host != strings.TrimPrefix(p.url, "http://") || u.Path != "/logout" || len(q) != 2 ||
		q.Get("post_logout_redirect_uri") != "http://localhost:"+server.port()+"/" || q.Get("id_token_hint") != idToken {
		t.Errorf("to %s", u)
	}
	row{status: 401, body: e(401, "Invalid session")}.check(t, old.do(t, server, call{do: "GET /oauth/me"}))
	if other.me(t, server) != 200 {
		t.Error("another session ended")
	}
	start := []string{"Location: /"}
	row{call: call{do: "a dead session"}, status: 303, header: append(start, "Set-Cookie: ~Max-Age=0")}.check(t, dead.do(t, server, logoutCall()))
	row{call: call{do: "no session"}, status: 303, header: append(start, "Set-Cookie:")}.check(t, newVisitor(p).do(t, server, logoutCall()))
	malformed := newVisitor(p)
	malformed.cookies["oauth_session"] = "x"
	row{call: call{do: "a malformed session"}, status: 303, header: append(start, "Set-Cookie: ~Max-Age=0")}.check(t, malformed.do(t, server, logoutCall()))
}

// TestOAuthLogoutHere: where the provider has no page for it, the browser goes to /.
func TestOAuthLogoutHere(t *testing.T) {
	t.Parallel()
	p, without := newProvider(t), newProvider(t)
	without.set(func(p *provider) { p.metadata = func(m object) { delete(m, "end_session_endpoint") } })
	for name, tt := range map[string]struct {
		p      *provider
		server *process
	}{
		"no end_session_endpoint": {without, startOAuth(t, without)},
		"plain OAuth 2.0":         {p, startEndpoints(t, p)},
	} {
		v := newVisitor(tt.p)
		v.signIn(t, tt.server)
		old := v.copy()
		row{call: call{do: name}, status: 303, header: []string{"Location: /", "Set-Cookie: ~Max-Age=0"}}.check(t, v.do(t, tt.server, logoutCall()))
		if old.me(t, tt.server) != 401 {
			t.Errorf("%s: the session lives", name)
		}
	}
	// An ID token that is too large for a session has the client_id in its place.
	p.set(claim("x", strings.Repeat("x", 20<<10)))
	server := startOAuth(t, p)
	v := newVisitor(p)
	v.signIn(t, server)
	checkHint(t, v, server, false)
}

func backChannel(token string) call {
	return form("POST /oauth/backchannel", url.Values{"logout_token": {token}})
}

func TestOAuthBackChannel(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	signIn := func(subject string) (*visitor, string) { // and the provider's session
		p.set(func(p *provider) {
			p.user = object{"sub": subject}
			p.claims = func(c object) { c["sub"] = subject }
		})
		v := newVisitor(p)
		v.signIn(t, server)
		sid, _ := p.last()
		return v, sid
	}
	ended := row{status: 200, body: "", header: []string{"Cache-Control: no-store", "Set-Cookie:"}}
	for _, tt := range []struct {
		name          string
		subject       string // "1" is that of the first sign-in
		session       bool   // that of the first sign-in
		first, second int    // of one subject, in two sessions
	}{
		{"a session", "", true, 401, 200},
		{"a session of the subject", "1", true, 401, 200},
		{"a session, but not of this subject", "2", true, 200, 200},
		{"all sessions of the subject", "1", false, 401, 401},
		{"all sessions of another subject", "2", false, 200, 200},
	} {
		first, sid := signIn("user-1")
		second, _ := signIn("user-1")
		third, _ := signIn("user-3")
		subject := map[string]any{"1": "user-1", "2": "user-2", "": nil}[tt.subject]
		claims := object{"sub": subject, "sid": sid}
		if !tt.session {
			claims["sid"] = nil
		}
		token := p.logoutToken(claims)
		ended.call.do = tt.name
		ended.check(t, server.send(t, backChannel(token)))
		for i, want := range []int{tt.first, tt.second, 200} {
			if got := []*visitor{first, second, third}[i].me(t, server); got != want {
				t.Errorf("%s: session %d is %d, want %d", tt.name, i+1, got, want)
			}
		}
		again := server.send(t, backChannel(token))
		row{call: call{do: tt.name + ", replayed"}, status: 400, body: e(400, "Invalid logout token")}.check(t, again)
	}
	// That of another issuer with the same sid.
	other := newProvider(t)
	v, sid := signIn("user-1")
	row{status: 400}.check(t, server.send(t, backChannel(other.logoutToken(object{"sub": nil, "sid": sid}))))
	if v.me(t, server) != 200 {
		t.Error("another issuer ended it")
	}
}

// TestOAuthBackChannelUnderWay: the provider ends its session while the callback waits for
// the userinfo.
func TestOAuthBackChannelUnderWay(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	p.set(at("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		sid, _ := p.last()
		row{status: 200}.check(t, server.send(t, backChannel(p.logoutToken(object{"sid": sid}))))
		respond(200, `{"sub":"user-1"}`)(w, r)
	}))
	v := newVisitor(p)
	q := p.authorize(t, v.begin(t, server, ""))
	a := v.do(t, server, call{do: "GET /oauth/callback?" + q.Encode(), header: []string{"Accept: text/html"}})
	row{status: 401, body: `~<a href="/oauth/login">Sign in</a>`, header: []string{"Location:"}}.check(t, a)
	if v.signedIn() || v.me(t, server) != 401 {
		t.Error("signed in")
	}
	p.heal()
	row{call: call{do: "afterwards"}, status: 400}.check(t, v.complete(t, server, q))
	v.signIn(t, server) // with another session of the provider
}

var logoutFaults = []struct {
	name   string
	header object
	claims object // nil removes one
	status int
}{
	{"right", nil, nil, 200},
	{"typ JWT", object{"alg": "ES256", "kid": "ec", "typ": "JWT"}, nil, 200},
	{"no typ", object{"alg": "ES256", "kid": "ec"}, nil, 200},
	{"RS256", object{"alg": "RS256", "kid": "rsa", "typ": "logout+jwt"}, nil, 200},
	{"sub alone", nil, object{"sid": nil}, 200},
	{"sid alone", nil, object{"sub": nil}, 200},
	{"an access token's typ", object{"alg": "ES256", "kid": "ec", "typ": "at+jwt"}, nil, 400},
	{"another typ", object{"alg": "ES256", "kid": "ec", "typ": "secevent+jwt"}, nil, 400},
	{"alg none", object{"alg": "none", "typ": "logout+jwt"}, nil, 400},
	{"HS256", object{"alg": "HS256", "typ": "logout+jwt"}, nil, 400},
	{"unknown kid", object{"alg": "ES256", "kid": "unknown", "typ": "logout+jwt"}, nil, 400},
	{"kid of the other key", object{"alg": "ES256", "kid": "rsa", "typ": "logout+jwt"}, nil, 400},
	{"nonce", nil, object{"nonce": "x"}, 400},
	{"empty nonce", nil, object{"nonce": ""}, 400},
	{"wrong iss", nil, object{"iss": "https://evil.example"}, 400},
	{"no iss", nil, object{"iss": nil}, 400},
	{"wrong aud", nil, object{"aud": "another"}, 400},
	{"no aud", nil, object{"aud": nil}, 400},
	{"iat of six minutes ago", nil, object{"iat": seconds(-6 * time.Minute)}, 400},
	{"iat in the future", nil, object{"iat": seconds(24 * time.Hour)}, 400},
	{"no iat", nil, object{"iat": nil}, 400},
	{"exp is past", nil, object{"exp": seconds(-time.Minute)}, 400},
	{"no exp", nil, object{"exp": nil}, 400},
	{"no jti", nil, object{"jti": nil}, 400},
	{"empty jti", nil, object{"jti": ""}, 400},
	{"no events", nil, object{"events": nil}, 400},
	{"another event", nil, object{"events": object{"https://evil.example/event": object{}}}, 400},
	{"the event is a string", nil, object{"events": object{logoutEvent: "yes"}}, 400},
	{"the event is an array", nil, object{"events": object{logoutEvent: []any{}}}, 400},
	{"events is an array", nil, object{"events": []string{logoutEvent}}, 400},
	{"neither sub nor sid", nil, object{"sub": nil, "sid": nil}, 400},
	{"sub is a number", nil, object{"sub": 1}, 400},
}

// TestOAuthLogoutTokens: what ends a session, and what does not.
func TestOAuthLogoutTokens(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p, "OIDC_REFETCH=1h") // the keys are fetched at start
	for _, tt := range logoutFaults {
		v := newVisitor(p)
		v.signIn(t, server)
		sid, _ := p.last()
		claims := object{"sid": sid}
		for name, value := range tt.claims {
			claims[name] = value
		}
		p.set(func(p *provider) { p.logoutHeader = tt.header })
		token := p.logoutToken(claims)
		p.set(func(p *provider) { p.logoutHeader = nil })
		want := row{call: call{do: tt.name}, status: tt.status, header: []string{"Cache-Control: no-store"}}
		if tt.status == 400 {
			want.body = e(400, "Invalid logout token")
		}
		want.check(t, server.send(t, backChannel(token)))
		if alive := v.me(t, server) == 200; alive != (tt.status != 200) {
			t.Errorf("%s: the session lives: %t", tt.name, alive)
		}
	}
	v := newVisitor(p)
	v.signIn(t, server)
	sid, idToken := p.last()
	token := p.logoutToken(object{"sid": sid})
	json := call{do: "POST /oauth/backchannel", body: `{"logout_token":"` + token + `"}`}
	foreign := token[:strings.LastIndexByte(token, '.')+1] + encode(es256(foreignKey)(token[:strings.LastIndexByte(token, '.')]))
	for name, c := range map[string]call{
		"no token":               form("POST /oauth/backchannel", url.Values{}),
		"in the query":           form("POST /oauth/backchannel?logout_token="+token, url.Values{}),
		"twice":                  form("POST /oauth/backchannel", url.Values{"logout_token": {token, token}}),
		"JSON":                   json,
		"an ID token":            backChannel(idToken),
		"no JWT":                 backChannel("x"),
		"a foreign signature":    backChannel(foreign),
		"a token of 20 KiB":      backChannel(p.logoutToken(object{"x": strings.Repeat("x", 20<<10)})),
		"more than a form holds": form("POST /oauth/backchannel", url.Values{"x": {strings.Repeat("x", 40<<10)}}),
	} {
		row{call: call{do: name}, status: 400, body: e(400, "Invalid logout token")}.check(t, server.send(t, c))
	}
	row{status: 405, header: []string{"Allow: POST"}}.check(t, server.send(t, call{do: "GET /oauth/backchannel?logout_token=" + token}))
	if v = newVisitor(p); v.me(t, server) != 401 {
		t.Error("signed in")
	}
	row{call: call{do: "the right one"}, status: 200}.check(t, server.send(t, backChannel(token)))
}

// TestOAuthBackChannelOutage: an outage is E503 and leaves the token.
func TestOAuthBackChannelOutage(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p, "OIDC_REFETCH=1ms")
	v := newVisitor(p)
	v.signIn(t, server)
	p.set(func(p *provider) {
		p.logoutHeader = object{"alg": "ES256", "kid": "new", "typ": "logout+jwt"}
		p.paths["/jwks"] = respond(500, "")
	})
	sid, _ := p.last()
	token := p.logoutToken(object{"sid": sid})
	row{status: 503, body: e(503, "")}.check(t, server.send(t, backChannel(token)))
	if v.me(t, server) != 200 {
		t.Error("an outage ended the session")
	}
	p.set(func(p *provider) {
		delete(p.paths, "/jwks")
		p.keys = []object{jwkOf(providerKey, "new")}
	})
	harness.Eventually(t, "the logout is accepted", func() bool { return server.send(t, backChannel(token)).status == 200 })
	if v.me(t, server) != 401 {
		t.Error("the session lives")
	}
}

// TestOAuthOutage: while the store is down everything that needs it is E503, and nothing
// is lost by it.
func TestOAuthOutage(t *testing.T) {
	t.Parallel()
	redis, stop, restart := redisOf(t)
	p := newProvider(t)
	server := startOAuth(t, p, "REDIS_URL="+redis)
	v, under := newVisitor(p), newVisitor(p)
	v.signIn(t, server)
	sid, _ := p.last()
	token := p.logoutToken(object{"sid": sid})
	q := p.authorize(t, under.begin(t, server, ""))
	stop()
	none := []string{"Set-Cookie:", "Location:", "WWW-Authenticate:"}
	for name, a := range map[string]answer{
		"me":           v.do(t, server, call{do: "GET /oauth/me"}),
		"logout":       v.do(t, server, logoutCall()),
		"back-channel": server.send(t, backChannel(token)),
		"callback":     under.complete(t, server, q),
	} {
		row{call: call{do: name}, status: 503, body: e(503, ""), header: none}.check(t, a)
	}
	if p.called("/token") != 1 {
		t.Error("the code was exchanged")
	}
	row{call: call{do: "login needs no store"}, status: 303}.check(t, newVisitor(p).do(t, server, call{do: "GET /oauth/login"}))
	restart()
	harness.Eventually(t, "the sessions are back", func() bool { return v.me(t, server) != 503 })
	row{call: call{do: "callback, again"}, status: 303}.check(t, under.complete(t, server, q))
	row{call: call{do: "back-channel, again"}, status: 200}.check(t, server.send(t, backChannel(token)))
}

// TestOAuthLog: the log of a whole run says what happened, and has nothing that signs
// anyone in or out.
func TestOAuthLog(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p, "SEAL_KEY="+sealKey(1)+","+sealKey(2), redisURL(t))
	p.set(func(p *provider) { p.hide(sealKey(1), sealKey(2), strings.Repeat("b", 32), strings.Repeat("c", 32)) })
	for _, tt := range append([]fault{{"right", func(*provider) {}, 303, "", false}}, append(idTokenFaults, endpointFaults...)...) {
		p.heal()
		v := newVisitor(p)
		q := p.authorize(t, v.begin(t, server, "?next=/inbox"))
		p.set(tt.do)
		v.complete(t, server, q)
		v.copy().complete(t, server, q)
	}
	p.heal()
	for _, change := range []func(url.Values){
		func(q url.Values) { q.Set("error", "access_denied"); q.Del("code") },
		func(q url.Values) { q.Set("iss", "https://evil.example") },
		func(q url.Values) { q.Add("code", "x") },
		func(q url.Values) { q.Set("code", q.Get("state")) },
	} {
		v := newVisitor(p)
		q := p.authorize(t, v.begin(t, server, ""))
		change(q)
		v.complete(t, server, q)
	}
	newVisitor(p).complete(t, server, p.authorize(t, newVisitor(p).begin(t, server, ""))) // of another browser
	for _, tt := range logoutFaults {
		p.set(func(p *provider) { p.logoutHeader = tt.header })
		token := p.logoutToken(tt.claims)
		server.send(t, backChannel(token))
		server.send(t, backChannel(token))
	}
	v := newVisitor(p)
	v.signIn(t, server)
	v.me(t, server)
	checkHint(t, v, server, true)
	server.stop(t)
	logs := server.logs()
	for _, want := range []string{
		"path=/oauth/login status=303", "path=/oauth/callback status=303 .*action=sign-in", "path=/oauth/callback status=403", "path=/oauth/callback status=503",
		"path=/oauth/backchannel status=200", "path=/oauth/backchannel status=400", "path=/oauth/logout status=303 .*action=sign-out",
	} {
		if !matches(logs, "~"+want) {
			t.Errorf("the log lacks %s:\n%s", want, logs)
		}
	}
	if n := len(p.hidden()); n < 300 {
		t.Errorf("only %d values are looked for", n)
	}
	p.notIn(t, logs)
	if !strings.Contains(logs, "level=ERROR") {
		t.Error("no failure is an error")
	}
}
