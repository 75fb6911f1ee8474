package main_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

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
			harness.Eventually(t, "the log says why", func() bool {
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
			harness.Eventually(t, "the provider can be used", func() bool { return server.send(t, call{do: "GET /oauth/login"}).status == 303 })
			newVisitor(tt.p).signIn(t, server)
		})
	}
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

// TestOAuthOnLocalhost: without -dev the cookies have their prefix and Secure also on http,
// on localhost, where browsers return them.
func TestOAuthOnLocalhost(t *testing.T) {
	t.Parallel()
	for mode, method := range map[string]string{"query": "GET", "form_post": "POST"} {
		p := newProvider(t)
		server := launch(t, []string{
			"JWT_SECRET_KEY=" + secret, "SEAL_KEY=" + sealKey(1), "OAUTH_RESPONSE_MODE=" + mode,
			"OAUTH_ISSUER=" + p.url, "OAUTH_CLIENT_ID=" + clientID, "OAUTH_CLIENT_SECRET=" + clientSecret,
		}, "-addr", "127.0.0.1:0")
		if server.url == "" {
			t.Fatal(server.logs())
		}
		v := newVisitor(p)
		location := v.begin(t, server, "?next=/oauth/callback")
		if to := guard.Must(url.Parse(location)).Query().Get("redirect_uri"); to != "http://localhost:"+server.port()+"/oauth/callback" {
			t.Errorf("%s: redirect_uri %q", mode, to)
		}
		q := p.authorize(t, location)
		c := call{do: "GET /oauth/callback?" + q.Encode()}
		if method == "POST" {
			c = form("POST /oauth/callback", q)
		}
		row{status: 303, header: []string{"Location: /oauth/me"}}.check(t, v.do(t, server, c))
		if v.cookies["__Host-oauth_session"] == "" || v.me(t, server) != 200 {
			t.Errorf("%s: cookies %v", mode, v.cookies)
		}
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
