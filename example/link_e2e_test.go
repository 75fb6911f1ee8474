package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const programForm = "Content-Type: application/x-www-form-urlencoded"

var privateLink = []string{"Referrer-Policy: no-referrer", "Cache-Control: no-store"}

func reset(token, password string) call {
	return call{do: "POST /link/reset", body: `{"token":"` + token + `","password":"` + password + `"}`}
}

// TestLinkReset: a link changes the password once, and ends what a thief may have.
func TestLinkReset(t *testing.T) {
	t.Parallel()
	p := start(t)
	token := p.link(t, "/link/reset", "alice@example.com")
	thief := p.signIn(t, alice)
	p.rows(t, []row{
		{"an address without an account", call{do: "POST /link/reset", body: `{"email":"mallory@example.com"}`}, 202, onItsWay, []string{"Set-Cookie:"}},
		{"an address in capitals", call{do: "POST /link/reset", body: `{"email":" BOB@example.com "}`}, 202, onItsWay, nil},
		{"no address", call{do: "POST /link/reset", body: `{}`}, 400, e(400, "The body has neither an e-mail address nor a token"), nil},
		{"no JSON", call{do: "POST /link/reset", body: `x`}, 400, e(400, "The body must be a JSON object"), nil},
		{"the link", call{do: "GET /link/reset?token=" + token}, 200, `{"message":"Choose a new password"}`, privateLink},
		{"HEAD", call{do: "HEAD /link/reset?token=" + token}, 200, "", privateLink},
		{"its page", call{do: "GET /link/reset?token=" + token, header: []string{"Accept: text/html"}}, 200,
			`~(?s)<form method="post" action="/link/reset">.*name="token" value="` + token + `".*name="password"`, append(privateLink, "Content-Security-Policy: ~default-src 'none'")},
		{"a guess", call{do: "GET /link/reset?token=guess"}, 400, badLink, privateLink},
		{"none", call{do: "GET /link/reset"}, 400, badLink, privateLink},
		{"of another purpose", call{do: "GET /link/login?token=" + token}, 400, badLink, nil},
		{"redeemed for another purpose", call{do: "POST /link/login", body: `{"token":"` + token + `"}`}, 400, badLink, []string{"Set-Cookie:"}},
		{"a password that is refused", reset(token, "short"), 422, e(422, "Choose a password of at least 8 characters"), privateLink},
		{"in its form", form("POST /link/reset", url.Values{"token": {token}, "password": {"short"}}), 422,
			`~(?s)role="alert".*Choose a password of at least 8 characters.*name="token" value="` + token + `"`, privateLink},
		{"no password", call{do: "POST /link/reset", body: `{"token":"` + token + `"}`}, 422, e(422, ""), nil},
		{"a token in the URL alone", call{do: "POST /link/reset?token=" + token, body: `{"password":"battery staple"}`}, 400, e(400, ""), nil},
		{"a token in the URL, and a form", call{do: "POST /link/reset?token=" + token, body: "password=battery+staple", header: []string{programForm}}, 400, e(400, ""), nil},
		{"of another site", form("POST /link/reset", url.Values{"token": {token}, "password": {"battery staple"}}, "Sec-Fetch-Site: cross-site"), 403, "~<h1>Forbidden</h1>", nil},
		{"asked for by another site", call{do: "POST /link/reset", body: `{"email":"carol@example.com"}`, header: []string{"Sec-Fetch-Site: cross-site"}}, 403, e(403, ""), nil},
		{"nothing has changed", sessionProfile(cookie(thief)...), 200, "", nil},
		{"changed", reset(token, "battery staple"), 200, changed, append(privateLink, "Set-Cookie:")},
		{"a second time", reset(token, "battery staple"), 400, badLink, privateLink},
		{"its page now", call{do: "GET /link/reset?token=" + token, header: []string{"Accept: text/html"}}, 400, "~Invalid or expired link", privateLink},
		{"the sessions have ended", sessionProfile(cookie(thief)...), 401, e(401, "Invalid session"), nil},
		{"the old password", call{do: "POST /session/login", body: alice}, 401, badCredentials, nil},
		{"the new one", call{do: "POST /session/login", body: credentials("alice@example.com", "battery staple")}, 200, loggedIn, nil},
		{"the other sections have other accounts", call{do: "POST /jwt/login", body: alice}, 200, "", nil},
		{"PUT", call{do: "PUT /link/reset"}, 405, "", []string{"Allow: GET, HEAD, POST"}},
	})
	if mails := p.mails(t, "alice@example.com", 2); mails[1] != "Your password was changed." {
		t.Errorf("mails %q", mails)
	}
	p.mails(t, "bob@example.com", 1)
	other := p.link(t, "/link/reset", "bob@example.com")
	first := p.mails(t, "bob@example.com", 2)[0]
	if !strings.HasPrefix(first, "http://localhost:") || !strings.Contains(first, "/link/reset?token=") {
		t.Errorf("the address in capitals got %q", first)
	}
	row{status: 200, body: changed}.check(t, p.send(t, call{do: "POST /link/reset", body: "password=battery+staple&token=" + other, header: []string{programForm}}))
	_, token, _ = strings.Cut(first, "token=")
	row{call: call{do: "a link from before"}, status: 400, body: badLink}.check(t, p.send(t, reset(token, "battery staples")))
	p.stop(t) // waits for all mails
	if strings.Contains(p.logs(), "mail to mallory") || strings.Contains(p.logs(), "mail to carol") {
		t.Errorf("a mail that should not be: %s", p.logs())
	}
	for _, line := range strings.Split(p.logs(), "\n") {
		if !strings.HasPrefix(line, "mail to ") && (strings.Contains(line, other) || strings.Contains(line, "battery")) {
			t.Errorf("the log has a token or a password: %s", line)
		}
	}
}

// TestLinkResetEndsLockout: whom the guesses of others keep out signs in after a reset.
func TestLinkResetEndsLockout(t *testing.T) {
	t.Parallel()
	p := start(t)
	login := func(password string) answer {
		return p.send(t, call{do: "POST /session/login", body: credentials("alice@example.com", password)})
	}
	for range 10 {
		row{call: call{do: "a guess"}, status: 401, body: badCredentials}.check(t, login("guess"))
	}
	row{call: call{do: "the owner"}, status: 429}.check(t, login("secret"))
	row{status: 200, body: changed}.check(t, p.send(t, reset(p.link(t, "/link/reset", "alice@example.com"), "battery staple")))
	row{call: call{do: "the owner after a reset"}, status: 200, body: loggedIn}.check(t, login("battery staple"))
}

// TestLinkLogin: a link signs its owner in, once.
func TestLinkLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	first, token := p.link(t, "/link/login", "bob@example.com"), p.link(t, "/link/login", "bob@example.com")
	p.rows(t, []row{
		{"the link", call{do: "GET /link/login?token=" + token}, 200, `{"message":"Sign in as bob@example.com"}`, append(privateLink, "Set-Cookie:")},
		{"its page names the account", call{do: "GET /link/login?token=" + token, header: []string{"Accept: text/html"}}, 200, `~(?s)bob@example.com.*action="/link/login"`, append(privateLink, "Set-Cookie:")},
		{"for another purpose", reset(token, "battery staple"), 400, badLink, nil},
		{"of another site", form("POST /link/login", url.Values{"token": {token}}, "Sec-Fetch-Site: cross-site"), 403, "", []string{"Set-Cookie:"}},
	})
	v := newPerson()
	row{call: call{do: "sign in"}, status: 200, body: loggedIn, header: privateLink}.check(t, v.post(t, p, "/link/login", map[string]string{"token": token}))
	row{status: 200, body: `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`}.check(t, v.do(t, p, sessionProfile()))
	p.rows(t, []row{
		{"again", call{do: "POST /link/login", body: `{"token":"` + token + `"}`}, 400, badLink, []string{"Set-Cookie:"}},
		{"the one from before", call{do: "POST /link/login", body: `{"token":"` + first + `"}`}, 400, badLink, []string{"Set-Cookie:"}},
		{"a browser", form("POST /link/login", url.Values{"token": {p.link(t, "/link/login", "bob@example.com")}}), 303, "", []string{"Location: /session/", "Set-Cookie: ~^session="}},
	})
}

// TestLinkMails: three mails in 15 minutes for an account and a purpose, and one answer.
func TestLinkMails(t *testing.T) {
	t.Parallel()
	p := start(t)
	for i := range 64 {
		email := []string{"alice@example.com", "Alice@Example.com "}[i%2]
		row{status: 202, body: onItsWay}.check(t, newPerson().post(t, p, "/link/reset", map[string]string{"email": email}))
	}
	row{status: 202, body: onItsWay}.check(t, newPerson().post(t, p, "/link/login", map[string]string{"email": "alice@example.com"}))
	row{status: 202, body: onItsWay}.check(t, newPerson().post(t, p, "/link/login", map[string]string{"email": strings.Repeat("x", 100_000)}))
	p.stop(t)
	if n, m := strings.Count(p.logs(), "/link/reset?token="), strings.Count(p.logs(), "/link/login?token="); n != 3 || m != 1 {
		t.Errorf("%d mails of one purpose and %d of the other, want 3 and 1", n, m)
	}
}

// TestMailsOfAClient: one client could have the program mail to any number of addresses.
func TestMailsOfAClient(t *testing.T) {
	t.Parallel()
	p := start(t)
	ask := func(i, from int) answer {
		switch email := fmt.Sprintf("nobody%d@example.com", i); i % 3 {
		case 0:
			return p.send(t, call{do: "POST /link/login", body: `{"email":"` + email + `"}`, from: from})
		case 1:
			c := form("POST /app/signup", url.Values{"email": {email}})
			c.from = from
			return p.send(t, c)
		default:
			return p.send(t, call{do: "POST /link/reset", body: `{"email":"` + email + `"}`, from: from})
		}
	}
	for i := range 100 {
		row{call: call{do: "ask"}, status: 202}.check(t, ask(i, 5))
	}
	for i := range 3 {
		row{call: call{do: "too often"}, status: 429, header: retryTrue}.check(t, ask(100+i, 5))
		row{call: call{do: "another client"}, status: 202}.check(t, ask(103+i, 6))
	}
	p.stop(t)
	if n := strings.Count(p.logs(), "/app/signup?token="); n != 34 {
		t.Errorf("%d mails of /app/signup, want 34", n)
	}
}

// TestLinkRace: of 64 requests at once, with two links, one changes the password.
func TestLinkRace(t *testing.T) {
	t.Parallel()
	p := start(t)
	tokens := []string{p.link(t, "/link/reset", "alice@example.com"), p.link(t, "/link/reset", "alice@example.com")}
	oneOf64(t, func(i int) answer { return p.send(t, reset(tokens[i%2], "battery staple")) }, 400)
	tokens = []string{p.link(t, "/link/login", "alice@example.com"), p.link(t, "/link/login", "alice@example.com")}
	oneOf64(t, func(i int) answer {
		return p.send(t, call{do: "POST /link/login", body: `{"token":"` + tokens[i%2] + `"}`})
	}, 400)
}

// oneOf64 runs requests at the same time, of which one is answered 200 and the others by
// one of the refusals.
func oneOf64(t *testing.T, do func(i int) answer, refusals ...int) {
	t.Helper()
	oneOf(t, 64, do, refusals...)
}

// oneOf is oneOf64 for another number.
func oneOf(t *testing.T, requests int, do func(i int) answer, refusals ...int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	statuses := map[int]int{}
	for i := range requests {
		wg.Go(func() {
			status := do(i).status
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	n := statuses[200]
	for _, status := range refusals {
		n += statuses[status]
	}
	if statuses[200] != 1 || n != requests {
		t.Errorf("%v, want one 200 and else %v", statuses, refusals)
	}
}

// TestLinkIsNotMounted: without mail or a key there is no route, and the program says so.
func TestLinkIsNotMounted(t *testing.T) {
	t.Parallel()
	sealed, mailed := "SEAL_KEY="+sealKey(1), "MAIL_URL=smtp://127.0.0.1:1"
	for name, tt := range map[string]struct {
		env    []string
		logged string
		totp   int
	}{
		"no mail":                 {[]string{sealed}, "MAIL_URL is not set: /link is not mounted", 401},
		"no key":                  {[]string{mailed}, "SEAL_KEY is not set: /link is not mounted", 404},
		"no key for /totp":        {[]string{mailed}, "SEAL_KEY is not set: /totp is not mounted", 404},
		"no key for /stepup":      {nil, "SEAL_KEY is not set: /stepup is not mounted", 404},
		"http of another machine": {[]string{sealed, mailed, "PUBLIC_URL=http://app.example"}, "PUBLIC_URL is neither https nor of localhost: /link is not mounted", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch(t, append(tt.env, "JWT_SECRET_KEY="+secret), "-addr", "127.0.0.1:0")
			row{status: 404}.check(t, p.send(t, call{do: "GET /link/reset?token=x"}))
			row{status: tt.totp}.check(t, p.send(t, call{do: "POST /totp/enroll"}))
			row{status: tt.totp}.check(t, p.send(t, call{do: "POST /stepup/transfer"}))
			if !strings.Contains(p.logs(), tt.logged) {
				t.Errorf("the log lacks %q: %s", tt.logged, p.logs())
			}
		})
	}
	p := launch(t, []string{sealed, mailed, "PUBLIC_URL=https://app.example", "JWT_SECRET_KEY=" + secret}, "-addr", "127.0.0.1:0")
	row{status: 400, body: badLink}.check(t, p.send(t, call{do: "GET /link/reset?token=x"}))
}
