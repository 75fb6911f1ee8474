package main_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestAppFormPost: in /app, too, the provider's answer is a POST of its page, which browsers
// send without the session's cookie. All other routes refuse another site.
func TestAppFormPost(t *testing.T) {
	t.Parallel()
	idp := newProvider(t)
	p := launchSecure(t, idp, "OAUTH_RESPONSE_MODE=form_post", "MAIL_URL=smtp://127.0.0.1:1")
	cross := []string{"Sec-Fetch-Site: cross-site", "Origin: " + idp.url, htmlPage}
	post := func(v *person, q url.Values) answer {
		t.Helper()
		return v.do(t, p, form("POST /app/oauth/callback", q, cross...))
	}
	lax := func(v *person) *person { // what a browser sends from another site
		c := v.copy()
		delete(c.cookies, "__Host-session")
		return c
	}
	idp.as("dana", "dana@example.com", nil)
	v := newPerson()
	a := v.page(t, p, "/app/oauth/login?next=/app/sessions")
	row{status: 303, header: []string{"Location: ~[?&]response_mode=form_post(&|$)", "Set-Cookie: ~^__Host-oauth-.*; HttpOnly; Secure; SameSite=None$"}}.check(t, a)
	q := idp.authorize(t, a.header.Get("Location"))
	row{call: call{do: "GET"}, status: 405, header: []string{"Allow: POST"}}.check(t, v.copy().page(t, p, "/app/oauth/callback?"+q.Encode()))
	row{call: call{do: "another browser"}, status: 400, header: []string{"Set-Cookie:"}}.check(t, post(newPerson(), q))
	row{call: call{do: "another state"}, status: 400}.check(t, post(v.copy(), url.Values{"code": q["code"], "state": {"mine"}, "iss": q["iss"]}))
	row{call: call{do: "a huge body"}, status: 400}.check(t, post(v.copy(), url.Values{"code": q["code"], "state": q["state"], "x": {strings.Repeat("x", 2<<20)}}))
	row{status: 303, header: []string{"Location: /app/sessions", "Set-Cookie: ~__Host-session=.*; SameSite=Lax"}}.check(t, post(v, q))
	row{call: call{do: "replayed"}, status: 400}.check(t, post(v.copy(), q))
	row{status: 200, body: `~"email":"dana@example.com"`}.check(t, v.do(t, p, sessionProfile()))

	// An identity is added from the session that asked for it, while that lives.
	idp.as("carol", "carol@else.example", nil)
	for _, out := range []bool{true, false} {
		v = appLogin(t, p, "carol@example.com")
		q = idp.authorize(t, v.send(t, p, "/app/providers/link", "3").header.Get("Location"))
		back := lax(v)
		want := row{call: call{do: "add"}, status: 303, header: []string{"Location: /app/providers?notice=linked", "Set-Cookie: ~^__Host-oauth-[^|]+$"}}
		if out {
			row{status: 200}.check(t, v.do(t, p, call{do: "POST /session/logout"}))
			want = row{call: call{do: "add, signed out meanwhile"}, status: 401}
		}
		want.check(t, post(back, q))
	}
	w := newPerson()
	q = idp.authorize(t, w.page(t, p, "/app/oauth/login").header.Get("Location"))
	row{status: 303, header: []string{"Location: /app/"}}.check(t, post(w, q))
	row{status: 200, body: `~"email":"carol@example.com"`}.check(t, w.do(t, p, sessionProfile()))
	for _, path := range []string{"/app/login", "/app/logout", "/app/providers/link", "/app/providers"} {
		row{call: call{do: path}, status: 403, header: []string{"Set-Cookie:"}}.check(t, w.copy().do(t, p, form("POST "+path, url.Values{"as": {"3"}}, cross...)))
	}
}
