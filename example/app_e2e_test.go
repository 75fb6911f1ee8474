package main_test

import (
	"net/url"
	"strings"
	"testing"
)

const newPassword = "correct horse battery"

// signUp signs an address up, and is signed in then.
func signUp(t *testing.T, p *process, email string) surfer {
	t.Helper()
	s := surf(p)
	_, page := s.get(t, "/app/signup")
	a, _ := s.send(t, page.form(t, "/app/signup"), "email", email)
	row{call: call{do: "ask"}, status: 202}.check(t, a)
	a, page = s.get(t, s.mailed(t, email, "/app/signup"))
	row{call: call{do: "the link"}, status: 200}.check(t, a)
	a, _ = s.send(t, page.form(t, "/app/signup"), "password", newPassword)
	s.leads(t, "sign up", a, "/app/?notice=welcome")
	return s
}

// TestAppSignUp: every address gets the same page, and an account is made by its mailbox.
func TestAppSignUp(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := surf(p)
	_, page := s.get(t, "/app/signup")
	f := page.form(t, "/app/signup")
	for typed, want := range map[string]string{
		"": "Enter your e-mail address.", "ada": "Enter an address", "ada@": "Enter an address", "a b@example.com": "Enter an address", "ada@example.com\r\nBcc: eve@example.com": "Enter an address",
		`"ada>"@example.com`: "Enter an address", "ädä@example.com": "Enter an address", "ada@example..com": "Enter an address", strings.Repeat("x", 64) + "@" + strings.Repeat("x.", 80) + "com": "Enter an address",
		`"><script>alert(1)</script>`: "Enter an address",
	} {
		a, page := s.send(t, f, "email", typed)
		if field := page.fields["email"]; a.status != 422 || len(page.alerts) != 1 || !strings.HasPrefix(page.alerts[0], want) || field["aria-invalid"] != "true" || field["value"] != strings.TrimSpace(strings.ReplaceAll(typed, "\r\n", "")) && !strings.Contains(typed, "\r\n") {
			t.Errorf("%q: %d, %v, %v", typed, a.status, page.alerts, field)
		}
	}
	known, _ := s.send(t, f, "email", "Alice@Example.com ")
	unknown, _ := s.send(t, f, "email", "aliza@Example.com ")
	if known.status != 202 || unknown.status != 202 || strings.ReplaceAll(known.body, "alice@", "aliza@") != unknown.body {
		t.Errorf("the pages differ:\n%v\n%v", known, unknown)
	}
	if mails := p.mails(t, "alice@example.com", 1); !strings.HasSuffix(mails[0], "/app/login") {
		t.Errorf("mail to one with an account: %q", mails)
	}
	link := s.mailed(t, "aliza@example.com", "/app/signup")
	for range 3 { // a scanner
		row{status: 200, header: privateLink}.check(t, surf(p).do(t, p, call{do: "HEAD " + link}))
		_, page = surf(p).get(t, link)
	}
	if !strings.Contains(page.text, "Choose a password") || page.fields["account"]["value"] != "aliza@example.com" {
		t.Errorf("the page of the link: %s", page.text)
	}
	f = page.form(t, "/app/signup")
	for typed, want := range map[string]string{"": "Choose a password of at least 8", "short": "Choose a password of at least 8", strings.Repeat("x", 5000): "Choose a password of at most"} {
		a, page := s.send(t, f, "password", typed)
		if a.status != 422 || len(page.alerts) != 1 || !strings.HasPrefix(page.alerts[0], want) || page.form(t, "/app/signup").hidden.Get("token") != f.hidden.Get("token") {
			t.Errorf("%.10q: %d, %v", typed, a.status, page.alerts)
		}
	}
	row{call: call{do: "no account before"}, status: 401}.check(t, p.send(t, call{do: "POST /session/login", body: credentials("aliza@example.com", newPassword)}))
	a, _ := s.post(t, "/app/signup", url.Values{"token": f.hidden["token"], "password": {newPassword}}, "Sec-Fetch-Site: cross-site")
	row{call: call{do: "another site"}, status: 403, header: []string{"Set-Cookie:"}}.check(t, a)
	oneOf64(t, func(int) answer {
		a := surf(p).do(t, p, form("POST /app/signup", url.Values{"token": f.hidden["token"], "password": {newPassword}}, asPage))
		if a.status == 303 {
			a.status = 200
		}
		return a
	}, 400)
	row{call: call{do: "the account"}, status: 200, body: loggedIn}.check(t, p.send(t, call{do: "POST /session/login", body: credentials("aliza@example.com", newPassword)}))
	a, page = s.get(t, link)
	if a.status != 400 || page.heading != "This link does not work" {
		t.Errorf("the link afterwards: %d %q", a.status, page.heading)
	}
	// A link from before sets no password afterwards.
	_, page = s.get(t, "/app/signup")
	f = page.form(t, "/app/signup")
	for range 2 {
		_, _ = s.send(t, f, "email", "two@example.com")
	}
	p.mails(t, "two@example.com", 2)
	for i, link := range p.links(t, "/app/signup", "two@example.com") {
		token := strings.TrimPrefix(link[strings.Index(link, "token="):], "token=")
		a, _ := surf(p).post(t, "/app/signup", url.Values{"token": {token}, "password": {newPassword}})
		row{call: call{do: "one of two links"}, status: []int{303, 400}[i]}.check(t, a)
	}
	p.stop(t)
	if n := strings.Count(p.logs(), newPassword); n != 0 {
		t.Errorf("the log has the password %d times", n)
	}
}

// TestAppLogin: sign in by password, and where it leads.
func TestAppLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := surf(p)
	a, _ := s.get(t, "/app/sessions?a=b")
	s.leads(t, "anonymous", a, "/app/login?next=%2Fapp%2Fsessions%3Fa%3Db")
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", ""} {
		_, page := s.get(t, "/app/login?next="+url.QueryEscape(next))
		f := page.form(t, "/app/login")
		f.hidden = url.Values{"next": {next}}
		a, _ = surf(p).send(t, f, "email", "bob@example.com", "password", "secret")
		s.leads(t, next, a, "/app/")
		row{status: 303, header: []string{"Set-Cookie: ~^session=[^;]+; Path=/; HttpOnly; SameSite=Lax$"}}.check(t, a)
	}
	_, page := s.get(t, "/app/login?next=/app/email")
	f := page.form(t, "/app/login")
	for _, tt := range []struct {
		email, pw string
		status    int
		alerts    string
	}{
		{"", "", 422, "Enter your e-mail address.|Enter your password."},
		{"bob@example.com", "", 422, "Enter your password."},
		{"bob@example.com", "wrong", 401, "That e-mail address and password do not match an account. Try again."},
		{"nemo@example.com", "secret", 401, "That e-mail address and password do not match an account. Try again."},
	} {
		a, page = s.send(t, f, "email", tt.email, "password", tt.pw, "keep", "on")
		_, checked := page.fields["keep"]["checked"]
		if a.status != tt.status || strings.Join(page.alerts, "|") != tt.alerts || page.fields["email"]["value"] != tt.email || !checked || page.form(t, "/app/login").hidden.Get("next") != "/app/email" {
			t.Errorf("%q: %d, %v, %v", tt.email, a.status, page.alerts, page.fields)
		}
	}
	a, _ = s.post(t, "/app/login", url.Values{"email": {"bob@example.com"}, "password": {"secret"}}, "Sec-Fetch-Site: cross-site")
	row{call: call{do: "another site"}, status: 403, header: []string{"Set-Cookie:"}}.check(t, a)
	a, _ = s.send(t, f, "email", " Bob@example.com", "password", "secret", "keep", "on")
	s.leads(t, "bob", a, "/app/email")
	row{status: 303, header: []string{"Set-Cookie: ~; Max-Age=604800;"}}.check(t, a)
	row{status: 200}.check(t, s.do(t, p, sessionProfile()))
	_, page = s.get(t, "/app/logout")
	a, _ = s.send(t, page.form(t, "/app/logout"))
	s.leads(t, "sign out", a, "/app/login?notice=signed-out")
	a, _ = s.post(t, "/app/logout", nil)
	s.leads(t, "again", a, "/app/login?notice=signed-out")

	other := surf(p)
	other.from = 7
	for n := 0; n < 30 && a.status != 429; n++ {
		a, page = other.send(t, f, "email", "carol@example.com", "password", "wrong")
	}
	if a.status != 429 || len(page.alerts) != 1 || !strings.Contains(page.alerts[0], "Wait ") || page.fields["email"]["value"] != "carol@example.com" {
		t.Errorf("the limit: %d, %v", a.status, page.alerts)
	}

	_, page = s.get(t, "/app/login/link")
	a, _ = s.send(t, page.form(t, "/app/login/link"), "email", "bob@example.com")
	row{call: call{do: "ask for a link"}, status: 202}.check(t, a)
	_, page = s.get(t, s.mailed(t, "bob@example.com", "/app/login/link"))
	if !strings.Contains(page.text, "bob@example.com") {
		t.Errorf("the page of a link: %s", page.text)
	}
	a, _ = s.send(t, page.form(t, "/app/login/link"))
	s.leads(t, "a link", a, "/app/")
	a, page = s.send(t, page.form(t, "/app/login/link"))
	row{call: call{do: "a used link"}, status: 400}.check(t, a)
}

// TestAppStepUp: what needs a second factor leads to sign in, to enroll, and back.
func TestAppStepUp(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := surf(p)
	const transfer, login = "/stepup/transfer", "/app/login?next=%2Fstepup%2Ftransfer"
	a, _ := s.get(t, transfer)
	s.leads(t, "anonymous", a, login)
	s.signIn(t, "bob@example.com", "secret", transfer)
	if _, page := s.get(t, "/app/login"); page.heading != "Sign in again" || page.fields["email"]["value"] != "bob@example.com" {
		t.Errorf("to sign in again: %q, %v", page.heading, page.fields["email"])
	}
	a, _ = s.get(t, transfer)
	s.leads(t, "by the password", a, login)
	a, _ = s.get(t, login)
	s.leads(t, "without a factor", a, "/app/factor?next=%2Fstepup%2Ftransfer")
	a, page := s.get(t, "/app/factor?next=%2Fstepup%2Ftransfer")
	if !strings.Contains(page.text, "The next step needs a second factor.") {
		t.Errorf("the page does not say why it is shown: %s", page.text)
	}
	row{call: call{do: "factor"}, status: 200}.check(t, a)
	_, page = s.send(t, page.form(t, "/app/factor/enroll"))
	secret := secretOf(t, page)
	_, page = s.send(t, page.form(t, "/app/factor/confirm"), "code", codeAt(secret, 0))
	if page.heading != "Your recovery codes" || !strings.Contains(strings.Join(page.links, " "), transfer) {
		t.Fatalf("%q: %s", page.heading, page.text)
	}
	a, _ = s.get(t, transfer)
	row{call: call{do: "enrolled"}, status: 200}.check(t, a)

	again := surf(p) // one who has the factor, by the password and then the code
	a, _ = again.get(t, transfer)
	again.leads(t, "anonymous", a, login)
	_, page = again.get(t, login)
	a, _ = again.send(t, page.form(t, "/app/login"), "email", "bob@example.com", "password", "secret")
	again.leads(t, "half", a, "/app/second?next=%2Fstepup%2Ftransfer")
	_, page = again.get(t, "/app/second?next=%2Fstepup%2Ftransfer")
	a, page = again.send(t, page.form(t, "/app/second"), "code", "12345")
	if a.status != 401 || len(page.alerts) != 1 {
		t.Errorf("a wrong code: %d, %v", a.status, page.alerts)
	}
	a, _ = again.send(t, page.form(t, "/app/second"), "code", codeAt(secret, 1))
	again.leads(t, "whole", a, transfer)
	a, _ = again.get(t, transfer)
	row{call: call{do: "by the code"}, status: 200}.check(t, a)
	a, page = surf(p).post(t, "/app/second", url.Values{"code": {"1"}, "next": {transfer}})
	if a.status != 401 || page.heading != "Sign in again" || !strings.Contains(strings.Join(page.links, " "), "/app/login?next=%2fstepup%2ftransfer") {
		t.Errorf("a code without a sign-in: %d %q %v", a.status, page.heading, page.links)
	}
}

// secretOf is the secret of a page that shows one.
func secretOf(t *testing.T, page webpage) string {
	t.Helper()
	_, secret, found := strings.Cut(page.text, "type this secret: ")
	if !found {
		t.Fatalf("%q has no secret: %s", page.heading, page.text)
	}
	secret, _, _ = strings.Cut(secret, "\n")
	return secret
}
