package main_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

var newKey = regexp.MustCompile(`<pre><code>(ex_live_([0-9A-Za-z]{12})_[0-9A-Za-z]{38})</code></pre>`)

// TestKeyPages is the dashboard of API keys as a browser uses it.
func TestKeyPages(t *testing.T) {
	t.Parallel()
	p := start(t)
	acceptHTML := "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	mine, theirs := cookie(p.signIn(t, alice)), cookie(p.signIn(t, bob))
	get := func(path string, header []string) call {
		return call{do: "GET " + path, header: append([]string{acceptHTML}, header...)}
	}
	post := func(path, as string, header []string, pairs ...string) call {
		values := url.Values{"as": {as}}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return form("POST "+path, values, header...)
	}
	uses := func(key string) call {
		return call{do: "GET /apikey/protected", header: []string{"X-API-Key: " + key}}
	}
	shown := func(a answer, status int) (key, id string) {
		t.Helper()
		m := newKey.FindStringSubmatch(a.body)
		if a.status != status || m == nil || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Location") != "" {
			t.Fatalf("no new key: %v", a)
		}
		return m[1], m[2]
	}
	private := []string{"Cache-Control: no-store", "Referrer-Policy: same-origin", "Vary: ~Cookie",
		`Content-Security-Policy: ~^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`}
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)

	p.rows(t, []row{
		{"signed out", get("/apikey/", nil), 303, "", []string{"Location: /session/?next=%2Fapikey%2F"}},
		{"issue, signed out", post("/apikey/", "1", nil, "name", "x"), 401, "~Nothing was changed", nil},
		{"none yet", get("/apikey/", mine), 200, "~(?s)<h1>API keys</h1>.*alice@example.com.*You have none", private},
	})

	issued := p.send(t, post("/apikey/", "1", mine, "name", `<b>laptop</b>`, "scopes", "posts:read  posts:write", "expires_at", tomorrow, "max_uses", "3"))
	key, id := shown(issued, 201)
	row{status: 201, body: `~(?s)not shown again.*&lt;b&gt;laptop&lt;/b&gt;.*never used, valid until .*, 3 of 3 requests left.*posts:read.*posts:write`, header: private}.check(t, issued)
	page := "/apikey/keys/" + id
	p.rows(t, []row{
		{"it is valid", uses(key), 200, `{"message":"Hello, Alice!","user_id":"1"}`, nil},
		{"its use is counted", get("/apikey/", mine), 200, `~last used just now.*, 2 of 3 requests left`, private},
		{"its page", get(page, mine), 200, `~(?s)value="posts:read posts:write".*value="` + tomorrow + `".*value="3"`, private},
		{"another's list", get("/apikey/", theirs), 200, "~You have none", nil},
	})
	if list := p.send(t, get("/apikey/", mine)); newKey.MatchString(list.body) || strings.Contains(list.body, key[len(key)-38:]) {
		t.Error("the list has the key")
	}

	missing := p.send(t, get("/apikey/keys/AAAAAAAAAAAA", theirs))
	for _, c := range []call{
		get(page, theirs), post(page, "2", theirs, "name", "stolen"), post(page+"/rotate", "2", theirs), post(page+"/revoke", "2", theirs),
	} {
		if a := p.send(t, c); a.status != 404 || a.body != missing.body || missing.status != 404 {
			t.Errorf("%s of another user: %v", c.do, a)
		}
	}
	crossSite := append([]string{"Sec-Fetch-Site: cross-site"}, mine...)
	other := []string{"Location: /apikey/?notice=other-user"}
	p.rows(t, []row{
		{"issue, cross-site", post("/apikey/", "1", crossSite, "name", "x"), 403, "~Forbidden", nil},
		{"revoke, cross-site", post(page+"/revoke", "1", crossSite), 403, "~Forbidden", nil},
		{"issue from another user's page", post("/apikey/", "2", mine, "name", "x"), 303, "", other},
		{"update from another user's page", post(page, "2", mine, "name", "x"), 303, "", other},
		{"issue from no form", call{do: "POST /apikey/", body: `{"name":"x"}`, header: mine}, 303, "", other},

		{"no name", post("/apikey/", "1", mine), 422, `~(?s)<title>Error: .*id="name".*aria-invalid="true".*id="name-error">Enter a name`, private},
		{"a past day", post("/apikey/", "1", mine, "name", "x", "expires_at", "2001-01-31"), 422, `~(?s)value="2001-01-31".*id="expires_at-error">This is in the past\.`, private},
		{"no day", post("/apikey/", "1", mine, "name", "x", "expires_at", "31.1.2031"), 422, `~id="expires_at-error">Enter a day`, nil},
		{"no requests", post("/apikey/", "1", mine, "name", "x", "max_uses", "0"), 422, `~id="max_uses-error">Enter a whole number from 1`, nil},
		{"too many requests", post("/apikey/", "1", mine, "name", "x", "max_uses", "1000000000000001"), 422, `~id="max_uses-error">This is 1000000000000001; `, nil},
		{"a long scope", post("/apikey/", "1", mine, "name", "x", "scopes", "a "+strings.Repeat("s", 256)), 422, `~id="scopes-error">One of these has 256 bytes`, nil},
		{"a long name", post("/apikey/", "1", mine, "name", strings.Repeat("n", 201)), 422, `~id="name-error">This has 201 bytes; at most 200 are allowed\.`, nil},

		{"a limit removed", post(page, "1", mine, "name", "laptop"), 422,
			`~(?s)id="scopes-error">This is a limit.*cannot be removed.*id="expires_at-error">.*id="max_uses-error">`, private},
		{"fewer requests than there were", post(page, "1", mine, "name", "x", "scopes", "a", "expires_at", tomorrow, "max_uses", "1"), 422, `~id="max_uses-error">This is 1; the key was used 1 times already`, nil},
		{"saved", post(page, "1", mine, "name", "desk", "scopes", "posts:read", "expires_at", tomorrow, "max_uses", "9"), 303, "", []string{"Location: " + page + "?notice=saved"}},
		{"as saved", get(page+"?notice=saved", mine), 200, `~(?s)The changes are saved.*<h1>desk</h1>.*8 of 9 requests left.*posts:read`, private},
		{"a notice of one's own", get("/apikey/?notice=hacked", mine), 200, `~<h1>API keys</h1>`, nil},
	})
	if saved := p.send(t, get(page, mine)); strings.Contains(saved.body, "posts:write") {
		t.Error("the scope is not removed")
	}

	second, _ := shown(p.send(t, post(page+"/rotate", "1", mine, "overlap", "on")), 200)
	p.rows(t, []row{{"the previous key, within the overlap", uses(key), 200, "", nil}, {"the new key", uses(second), 200, "", nil}})
	third, _ := shown(p.send(t, post(page+"/rotate", "1", mine)), 200)
	p.rows(t, []row{
		{"the first key, after a rotation at once", uses(key), 401, e(401, "Invalid API key"), nil},
		{"the second", uses(second), 401, e(401, "Invalid API key"), nil},
		{"the third", uses(third), 200, "", nil},
		{"revoke", post(page+"/revoke", "1", mine), 303, "", []string{"Location: /apikey/?notice=revoked"}},
		{"revoked", uses(third), 401, e(401, "Invalid API key"), nil},
		{"revoke again", post(page+"/revoke", "1", mine), 303, "", []string{"Location: /apikey/?notice=revoked"}},
		{"it is listed", get("/apikey/?notice=revoked", mine), 200, `~(?s)The key is revoked.*desk <span class="tag bad">Revoked</span>`, nil},
		{"its page has no form", get(page, mine), 200, "~never valid again", nil},
		{"update it", post(page, "1", mine, "name", "x", "scopes", "a", "expires_at", tomorrow, "max_uses", "9"), 303, "", []string{"Location: /apikey/?notice=ended"}},
		{"rotate it", post(page+"/rotate", "1", mine), 303, "", []string{"Location: /apikey/?notice=ended"}},
	})
	for _, k := range []string{key, second, third} {
		if strings.Contains(p.logs(), k[len(k)-38:]) {
			t.Error("a key is in the log")
		}
	}
}

// TestKeyPagesFull: a user with 100 valid keys reads what to do. One key less is enough.
func TestKeyPagesFull(t *testing.T) {
	t.Parallel()
	p := start(t)
	mine := cookie(p.signIn(t, carol))
	issue := form("POST /apikey/", url.Values{"as": {"3"}, "name": {"one of many"}}, mine...)
	var id string
	for range 100 {
		a := p.send(t, issue)
		m := newKey.FindStringSubmatch(a.body)
		if a.status != 201 || m == nil {
			t.Fatal(a)
		}
		id = m[2]
	}
	full := p.send(t, issue)
	row{status: 409, body: `~role="alert">100 API keys are valid; revoke one of them first\.`}.check(t, full)
	if !strings.Contains(html.UnescapeString(full.body), `value="one of many"`) {
		t.Error("the form is empty")
	}
	p.rows(t, []row{
		{"revoke", form("POST /apikey/keys/"+id+"/revoke", url.Values{"as": {"3"}}, mine...), 303, "", nil},
		{"another", issue, 201, "", nil},
	})
}

// TestKeysNeedRecentSignIn: a session alone, which a thief may have, makes and changes no key
// under /apikey, as it makes none in /app. It revokes.
func TestKeysNeedRecentSignIn(t *testing.T) {
	t.Parallel()
	idp := newProvider(t)
	p := startOAuth(t, idp)
	idp.as("bob", "bob@else.example", nil)
	v := appLogin(t, p, "bob@example.com")
	row{status: 303}.check(t, v.back(t, idp, p, v.send(t, p, "/app/providers/link", "2").header.Get("Location")))
	made := v.send(t, p, "/apikey/", "2", "name", "laptop")
	row{status: 201}.check(t, made)
	one := "/apikey/keys/" + newKey.FindStringSubmatch(made.body)[2]

	thief := newPerson() // at the provider no one was asked anything
	row{status: 303}.check(t, thief.via(t, idp, p, p, ""))
	list := thief.page(t, p, "/apikey/")
	row{status: 200, body: "~laptop"}.check(t, list)
	for _, path := range []string{"/apikey/", one, one + "/rotate", "/app/keys"} {
		row{call: call{do: path}, status: 401, body: "~Nothing was changed", header: []string{"WWW-Authenticate: ~insufficient_user_authentication"}}.
			check(t, thief.do(t, p, form("POST "+path, url.Values{"as": {"2"}, "name": {"x"}})))
	}
	if after := thief.page(t, p, "/apikey/"); after.body != list.body {
		t.Errorf("the keys have changed: %s", after.body)
	}
	row{call: call{do: "where it leads"}, status: 200, body: `~name="next" value="/apikey/"`}.check(t, thief.page(t, p, "/session/?next=/apikey/"))
	row{status: 303, header: []string{"Location: /apikey/?notice=revoked"}}.check(t, thief.send(t, p, one+"/revoke", "2"))
}
