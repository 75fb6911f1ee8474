package main_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// startOAuth runs a server whose people sign in with p.
func startOAuth(t *testing.T, p *provider, env ...string) *process {
	t.Helper()
	server := start(t, append([]string{"OAUTH_ISSUER=" + p.url, "OAUTH_CLIENT_ID=" + clientID, "OAUTH_CLIENT_SECRET=" + clientSecret}, env...)...)
	t.Cleanup(func() { p.notIn(t, server.logs()) })
	return server
}

// A visitor is a browser.
type visitor struct {
	cookies map[string]string
	p       *provider
}

func newVisitor(p *provider) *visitor { return &visitor{map[string]string{}, p} }

// do sends a request with the browser's cookies, and stores those of the answer.
func (v *visitor) do(t *testing.T, server *process, c call) answer {
	t.Helper()
	if len(v.cookies) > 0 {
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(v.cookies)) {
			pairs = append(pairs, name+"="+v.cookies[name])
		}
		c.header = append([]string{"Cookie: " + strings.Join(pairs, "; ")}, c.header...)
	}
	a := server.send(t, c)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		v.cookies[c.Name] = c.Value
		v.p.set(func(p *provider) { p.hide(c.Value) })
	}
	return a
}

// begin starts a sign-in, and returns where the browser goes.
func (v *visitor) begin(t *testing.T, server *process, query string) string {
	t.Helper()
	a := v.do(t, server, call{do: "GET /oauth/login" + query})
	if a.status != 303 {
		t.Fatalf("login: %v\n%s", a, server.logs())
	}
	return a.header.Get("Location")
}

func (v *visitor) complete(t *testing.T, server *process, q url.Values) answer {
	t.Helper()
	return v.do(t, server, call{do: "GET /oauth/callback?" + q.Encode()})
}

// signIn is a whole sign-in.
func (v *visitor) signIn(t *testing.T, server *process) {
	t.Helper()
	if a := v.complete(t, server, v.p.authorize(t, v.begin(t, server, ""))); a.status != 303 || !v.signedIn() {
		t.Fatalf("callback: %v\n%s", a, server.logs())
	}
}

func (v *visitor) signedIn() bool {
	return v.cookies["oauth_session"]+v.cookies["__Host-oauth_session"] != ""
}

// me returns the status of /oauth/me.
func (v *visitor) me(t *testing.T, server *process) int {
	t.Helper()
	return v.do(t, server, call{do: "GET /oauth/me"}).status
}

// pending is how many sign-ins are pending.
func (v *visitor) pending() (n int) {
	for name := range v.cookies {
		if strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "oauth-") {
			n++
		}
	}
	return n
}
