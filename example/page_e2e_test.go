package main_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestPage is the page of sessions as a browser asks for it, without one.
func TestPage(t *testing.T) {
	t.Parallel()
	p := start(t)
	html := "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	policy := `Content-Security-Policy: ~^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`
	private := []string{policy, "Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Vary: ~Cookie", "Content-Type: text/html; charset=utf-8"}
	login := func(email, password, next string, header ...string) call {
		return form("POST /session/login", url.Values{"email": {email}, "password": {password}, "next": {next}}, header...)
	}
	p.rows(t, []row{
		{"signed out", call{do: "GET /session/", header: []string{html}}, 200, `~(?s)<a href="/">.*<h1>Sign in</h1>.*bob@example.com.*<code>secret</code>`, append(private, "Set-Cookie:")},
		{"a dead cookie is anonymous, and cleared", call{do: "GET /session/", header: []string{html, "Cookie: session=x", "Sec-Fetch-Mode: navigate"}}, 200, `~<h1>Sign in</h1>`,
			append(private, "Set-Cookie: session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")},
		{"a script does not clear it", call{do: "GET /session/", header: []string{html, "Cookie: session=x", "Sec-Fetch-Mode: cors"}}, 200, `~<h1>Sign in</h1>`, append(private, "Set-Cookie:")},
		{"two cookies", call{do: "GET /session/", header: []string{html, "Cookie: session=x; session=y"}}, 200, `~<h1>Sign in</h1>`,
			append(private, "Set-Cookie: session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")},
		{"to the page and back", call{do: "GET /session/profile?a=b", header: []string{html}}, 303, "",
			[]string{"Location: /session/?next=%2Fsession%2Fprofile%3Fa%3Db", "Vary: ~Accept"}},
		{"a program is not redirected", sessionProfile(), 401, e(401, "Not authenticated"), []string{"Location:"}},
		{"right, with a cookie that ends with the browser", login("bob@example.com", "secret", "/session/profile"), 303, "", []string{"Location: /session/profile", "Set-Cookie: ~^session=[^;]+; Path=/; HttpOnly; SameSite=Lax$", "Cache-Control: no-store"}},
		{"kept for a week", form("POST /session/login", url.Values{"email": {"bob@example.com"}, "password": {"secret"}, "keep": {"on"}}), 303, "", []string{"Location: /session/", "Set-Cookie: ~; Max-Age=604800;"}},
		{"wrong, and to be kept", form("POST /session/login", url.Values{"email": {"bob@example.com"}, "password": {"x"}, "keep": {"on"}}), 401, "~name=\"keep\" type=\"checkbox\" checked", nil},
		{"to another site", login("bob@example.com", "secret", "https://evil.example/"), 303, "", []string{"Location: /session/"}},
		{"to another host", login("bob@example.com", "secret", `/\evil.example`), 303, "", []string{"Location: /session/"}},
		{"wrong", login("bob@example.com", "wrong", "/session/profile"), 401,
			`~(?s)role="alert".*do not match.*value="bob@example.com".*aria-invalid="true"`, []string{"Set-Cookie:", "WWW-Authenticate: Session", policy}},
		{"the way back is kept", login("bob@example.com", "wrong", "/session/profile"), 401, `~name="next" value="/session/profile"`, nil},
		{"no e-mail", login("", "secret", ""), 422, `~Enter your e-mail address`, []string{"Set-Cookie:", policy}},
		{"no password", login("bob@example.com", "", ""), 422, `~Enter your password`, []string{"Set-Cookie:"}},
		{"markup in a field", login(`"><script>alert(1)</script>`, "x", ""), 401, `~value="&#34;&gt;&lt;script&gt;`, nil},
		{"a notice of one's own", call{do: "GET /session/?notice=<b>x</b>", header: []string{html}}, 200, `~^[^<]*(<[^b]|<b[^>])`, nil},
		{"too large", login("x", strings.Repeat("x", 1<<20), ""), 413, "~Too Large", nil},
		{"cross-site", login("bob@example.com", "secret", "", "Sec-Fetch-Site: cross-site"), 403, "~<h1>Forbidden</h1>", []string{"Set-Cookie:"}},
	})

	mine, other := p.signIn(t, alice, "User-Agent: curl/8.0"), p.signIn(t, alice, "User-Agent: Mozilla/5.0 (Android 16) Firefox/145.0")
	theirs := p.signIn(t, bob)
	page := p.send(t, call{do: "GET /session/", header: append(cookie(mine), html)})
	row{status: 200, body: `~(?s)alice@example.com.*admin.*Firefox on Android`, header: private}.check(t, page)
	if n := strings.Count(page.body, "<li"); n != 2 || strings.Count(page.body, "This session") != 1 || strings.Contains(page.body, mine.Value) {
		t.Errorf("%d sessions: %s", n, page.body)
	}
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page.body)
	if id == nil {
		t.Fatal("no session to end")
	}
	end := func(as, id string, header []string) call {
		return form("POST /session/end", url.Values{"as": {as}, "id": {id}}, header...)
	}
	endOthers := func(as string) call { return form("POST /session/end-others", url.Values{"as": {as}}, cookie(mine)...) }
	signOut := func(header ...string) call { return form("POST /session/logout", nil, header...) }
	signedOut := []string{"Location: /session/?notice=signed-out", "Set-Cookie: ~Max-Age=0", "Cache-Control: no-store"}
	p.rows(t, []row{
		{"end, anonymous", end("1", id[1], nil), 401, `~(?s)<h1>You are not signed in</h1>.*Nothing was changed.*<a href="/session/">`, []string{"WWW-Authenticate: Session"}},
		{"end another user's", end("2", id[1], cookie(theirs)), 303, "", []string{"Location: /session/?notice=gone"}},
		{"end one from another user's page", end("2", id[1], cookie(mine)), 303, "", []string{"Location: /session/?notice=other-user"}},
		{"it lives", sessionProfile(cookie(other)...), 200, "", nil},
		{"end", end("1", id[1], cookie(mine)), 303, "", []string{"Location: /session/?notice=ended"}},
		{"it is dead", sessionProfile(cookie(other)...), 401, e(401, "Invalid session"), nil},
		{"end no id", end("1", "", cookie(mine)), 303, "", []string{"Location: /session/?notice=gone"}},
		{"end all others from another user's page", endOthers("2"), 303, "", []string{"Location: /session/?notice=other-user"}},
		{"end all others from no page", endOthers(""), 303, "", []string{"Location: /session/?notice=other-user"}},
		{"end all others", endOthers("1"), 303, "", []string{"Location: /session/?notice=others-ended"}},
		{"mine lives", sessionProfile(cookie(mine)...), 200, "", nil},
		{"another user's lives", sessionProfile(cookie(theirs)...), 200, "", nil},
		{"sign out", signOut(cookie(mine)...), 303, "", signedOut},
		{"signed out", sessionProfile(cookie(mine)...), 401, e(401, "Invalid session"), nil},
		{"sign out again", signOut(cookie(mine)...), 303, "", signedOut},
		{"sign out with a malformed cookie", signOut("Cookie: session=x"), 303, "", signedOut},
		{"sign out with two cookies", signOut("Cookie: session=x; session=y"), 303, "", signedOut},
		{"sign out without a cookie", signOut(), 303, "", signedOut},
	})
}

// TestPageNamesNoUsers: only a demonstration names its users and their password.
func TestPageNamesNoUsers(t *testing.T) {
	t.Parallel()
	p := launch(t, []string{"JWT_SECRET_KEY=" + secret}, "-addr", "127.0.0.1:0")
	a := p.send(t, call{do: "GET /session/"})
	row{status: 200, body: `~<h1>Sign in</h1>`}.check(t, a)
	if strings.Contains(a.body, "bob@") || strings.Contains(a.body, "secret") {
		t.Error(a.body)
	}
}
