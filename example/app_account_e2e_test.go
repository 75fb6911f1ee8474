package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TestAppFactor: the second factor is set up, replaced and removed, with a recent sign-in.
func TestAppFactor(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := signUp(t, p, "ada@example.com")
	other := surf(p)
	other.signIn(t, "ada@example.com", newPassword, "/app/factor")
	_, page := s.get(t, "/app/factor")
	_, page = s.send(t, page.form(t, "/app/factor/enroll"))
	secret := secretOf(t, page)
	if !strings.Contains(page.text, "Scan this") {
		t.Errorf("%s", page.text)
	}
	f := page.form(t, "/app/factor/confirm")
	for _, wrong := range []string{"", "x", otherCode(secret)} {
		a, page := s.send(t, f, "code", wrong)
		if a.status != 401 || len(page.alerts) != 1 || page.fields["code"]["aria-invalid"] != "true" || strings.Contains(a.body, secret) {
			t.Errorf("%q: %d, %v", wrong, a.status, page.alerts)
		}
	}
	before := s.cookies["session"]
	a, page := s.send(t, f, "code", codeAt(secret, 0))
	if codes := recoveryCode.FindAllString(a.body, -1); a.status != 200 || len(codes) != 10 || s.cookies["session"] == before {
		t.Fatalf("%d, %v", a.status, codes)
	}
	recovery := recoveryCode.FindAllString(a.body, -1)
	a, _ = other.get(t, "/app/sessions")
	other.leads(t, "another session ended", a, "/app/login?next=%2Fapp%2Fsessions")
	row{call: call{do: "the session is a new one"}, status: 401}.check(t, p.send(t, sessionProfile("Cookie: session="+before)))
	row{call: call{do: "that has the factor"}, status: 200, body: transferred}.check(t, s.do(t, p, call{do: "POST /stepup/transfer"}))
	for _, path := range []string{"enroll", "confirm", "recovery", "remove"} { // as after a reload
		a, _ = s.get(t, "/app/factor/"+path)
		s.leads(t, path, a, "/app/factor")
	}

	thief := newPerson() // one with a session and the password
	row{status: 200, body: codeNext}.check(t, thief.do(t, p, call{do: "POST /session/login", body: credentials("ada@example.com", newPassword)}))
	a, _ = surfer{thief, p}.get(t, "/app/factor")
	s.leads(t, "half a sign-in", a, "/app/login?next=%2Fapp%2Ffactor")

	_, page = s.get(t, "/app/factor")
	a, page = s.send(t, page.form(t, "/app/factor/recovery"))
	fresh := recoveryCode.FindAllString(a.body, -1)
	if len(fresh) != 10 || fresh[0] == recovery[0] {
		t.Errorf("new recovery codes: %v", fresh)
	}
	_, page = s.get(t, "/app/factor")
	f = page.form(t, "/app/factor/remove")
	for _, wrong := range []string{"", recovery[0]} {
		a, page := s.send(t, f, "code", wrong)
		if a.status != 401 || len(page.alerts) != 1 || page.heading != "Second factor" {
			t.Errorf("remove by %q: %d, %v", wrong, a.status, page.alerts)
		}
	}
	a, _ = s.post(t, "/app/factor/remove", url.Values{"as": f.hidden["as"], "code": {fresh[0]}}, "Sec-Fetch-Site: cross-site")
	row{call: call{do: "another site"}, status: 403}.check(t, a)
	a, _ = s.send(t, f, "code", fresh[0])
	s.leads(t, "removed", a, "/app/factor?notice=factor-gone")
	other.signIn(t, "ada@example.com", newPassword, "/app/")
	p.stop(t)
	for _, want := range []string{"a new second factor", "new recovery codes", "no second factor anymore"} {
		if n := strings.Count(p.logs(), "mail to ada@example.com: Your account has "+want); n != 1 {
			t.Errorf("%d mails about %s", n, want)
		}
	}
	for line := range strings.Lines(p.logs()) {
		if strings.Count(line, " user=") > 1 {
			t.Errorf("a line names the user twice: %s", line)
		}
	}
}

// TestAppEmail: an address is confirmed at the new one, and undone from the old one.
func TestAppEmail(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := signUp(t, p, "ada@example.com")
	_, page := s.get(t, "/app/email")
	f := page.form(t, "/app/email")
	for typed, want := range map[string]string{"": "Enter your", "x": "Enter an address", "Ada@example.com": "That is your address already."} {
		a, page := s.send(t, f, "email", typed)
		if a.status != 422 || len(page.alerts) != 1 || !strings.HasPrefix(page.alerts[0], want) {
			t.Errorf("%q: %d, %v", typed, a.status, page.alerts)
		}
	}
	taken, _ := s.send(t, f, "email", "alice@example.com")
	free, _ := s.send(t, f, "email", "aliza@example.com")
	if taken.status != 202 || strings.ReplaceAll(taken.body, "alice@", "aliza@") != free.body {
		t.Errorf("the pages differ: %v %v", taken, free)
	}
	if !strings.Contains(free.body, "prints the link on standard error") {
		t.Errorf("the page of a sent mail does not say where it is: %s", free.body)
	}
	if mails := p.mails(t, "alice@example.com", 1); strings.Contains(mails[0], "token=") {
		t.Errorf("a taken address got %q", mails)
	}
	first := s.mailed(t, "aliza@example.com", "/app/email/link")
	_, _ = s.send(t, f, "email", "lovelace@example.com")
	second := s.mailed(t, "lovelace@example.com", "/app/email/link")
	row{call: call{do: "a scanner"}, status: 200, header: privateLink}.check(t, surf(p).do(t, p, call{do: "HEAD " + first}))

	reset := surf(p) // a link that the old mailbox has
	_, page = reset.get(t, "/app/reset")
	_, _ = reset.send(t, page.form(t, "/app/reset"), "email", "ada@example.com")
	early := s.mailed(t, "ada@example.com", "/app/reset")
	other := surf(p)
	other.signIn(t, "ada@example.com", newPassword, "/app/")
	_, page = s.get(t, first)
	if !strings.Contains(page.text, "ada@example.com") || !strings.Contains(page.text, "aliza@example.com") {
		t.Errorf("%s", page.text)
	}
	f = page.form(t, "/app/email/link")
	a, _ := s.post(t, "/app/email/link", f.hidden, "Sec-Fetch-Site: cross-site")
	row{call: call{do: "another site"}, status: 403}.check(t, a)
	oneOf64(t, func(int) answer {
		a := s.copy().do(t, p, form("POST /app/email/link", f.hidden, asPage))
		if a.status == 303 {
			a.status = 200
		}
		return a
	}, 400, 409)
	row{status: 200, body: `~"email":"aliza@example.com"`}.check(t, s.do(t, p, sessionProfile()))
	row{call: call{do: "another session"}, status: 401}.check(t, other.do(t, p, sessionProfile()))
	for what, link := range map[string]string{"the link again": first, "the other link": second, "a reset of the old mailbox": early} {
		a, page = s.get(t, link)
		if a.status != 400 || page.heading != "This link does not work" {
			t.Errorf("%s: %d %q", what, a.status, page.heading)
		}
	}
	// A thief who has all would change it again, to undo the undoing.
	_, page = s.get(t, "/app/email")
	a, page = s.send(t, page.form(t, "/app/email"), "email", "lovelace@example.com")
	if a.status != 409 || len(page.alerts) != 1 || !strings.HasPrefix(page.alerts[0], "The address was changed in the last seven days.") {
		t.Errorf("a second change: %d, %v", a.status, page.alerts)
	}
	_, page = s.get(t, "/app/password")
	a, _ = s.send(t, page.form(t, "/app/password"), "old", newPassword, "password", "of the thief")
	s.leads(t, "password", a, "/app/password?notice=password")

	undo := s.mailed(t, "ada@example.com", "/app/email/undo")
	row{call: call{do: "a scanner"}, status: 200, header: privateLink}.check(t, surf(p).do(t, p, call{do: "HEAD " + undo}))
	owner := surf(p)
	_, page = owner.get(t, undo)
	f = page.form(t, "/app/email/undo")
	a, _ = owner.send(t, f)
	owner.leads(t, "undo", a, "/app/login?notice=undone")
	row{call: call{do: "the thief's session"}, status: 401}.check(t, s.do(t, p, sessionProfile()))
	for _, email := range []string{"ada@example.com", "aliza@example.com"} {
		for _, pw := range []string{"of the thief", newPassword, ""} {
			row{call: call{do: email + " " + pw}, status: 401}.check(t, p.send(t, call{do: "POST /session/login", body: credentials(email, pw)}))
		}
	}
	a, _ = owner.send(t, f)
	row{call: call{do: "undo again"}, status: 400}.check(t, a)
	links := p.links(t, "/app/reset", "ada@example.com")
	for n := 3; len(links) < 2; n++ {
		p.mails(t, "ada@example.com", n)
		links = p.links(t, "/app/reset", "ada@example.com")
	}
	_, page = owner.get(t, links[1][strings.Index(links[1], "/app/"):])
	a, _ = owner.send(t, page.form(t, "/app/reset"), "password", newPassword+"!")
	owner.leads(t, "reset", a, "/app/login?notice=reset")
	owner.signIn(t, "ada@example.com", newPassword+"!", "/app/")
}

// TestAppPassword: the old password changes it, and other sessions end.
func TestAppPassword(t *testing.T) {
	t.Parallel()
	p := start(t)
	s, other := surf(p), surf(p)
	s.signIn(t, "bob@example.com", "secret", "/app/password")
	other.signIn(t, "bob@example.com", "secret", "/app/password")
	_, page := s.get(t, "/app/password")
	f := page.form(t, "/app/password")
	for _, tt := range []struct {
		old, pw string
		status  int
		alert   string
	}{
		{"", newPassword, 401, "That is not your password."},
		{"wrong", newPassword, 401, "That is not your password."},
		{"secret", "short", 422, "Choose a password of at least 8 characters."},
		{"secret", "", 422, "Choose a password of at least 8 characters."},
	} {
		a, page := s.send(t, f, "old", tt.old, "password", tt.pw)
		if a.status != tt.status || strings.Join(page.alerts, "|") != tt.alert {
			t.Errorf("%q, %q: %d, %v", tt.old, tt.pw, a.status, page.alerts)
		}
	}
	a, _ := s.post(t, "/app/password", url.Values{"as": {"1"}, "old": {"secret"}, "password": {newPassword}})
	s.leads(t, "from another user's page", a, "/app/?notice=other-user")
	a, _ = s.post(t, "/app/password", url.Values{"as": {"2"}, "old": {"secret"}, "password": {newPassword}}, "Sec-Fetch-Site: cross-site")
	row{call: call{do: "another site"}, status: 403}.check(t, a)
	oneOf(t, 8, func(i int) answer { // fewer than the failures that an account may have in an hour
		v := s.copy()
		a := v.do(t, p, form("POST /app/password", url.Values{"as": {"2"}, "old": {"secret"}, "password": {newPassword}}, asPage))
		if a.status == 303 {
			a.status = 200
		}
		return a
	}, 401, 409, 429, 503)
	row{call: call{do: "this session"}, status: 200}.check(t, s.do(t, p, sessionProfile()))
	row{call: call{do: "another session"}, status: 401}.check(t, other.do(t, p, sessionProfile()))
	row{status: 200, body: loggedIn}.check(t, p.send(t, call{do: "POST /session/login", body: credentials("bob@example.com", newPassword)}))
}

// TestAppSessions: one ends one's own sessions, and no others.
func TestAppSessions(t *testing.T) {
	t.Parallel()
	p := start(t)
	s, second, third, carol := surf(p), surf(p), surf(p), surf(p)
	for _, each := range []surfer{s, second, third} {
		each.signIn(t, "bob@example.com", "secret", "/app/sessions")
	}
	carol.signIn(t, "carol@example.com", "secret", "/app/sessions")
	a, page := s.get(t, "/app/sessions")
	if len(page.forms) != 4 || strings.Contains(a.body, s.cookies["session"]) { // sign out, two to end, all others
		t.Fatalf("%d forms: %s", len(page.forms), a.body)
	}
	f := page.forms[1]
	a, _ = carol.post(t, "/app/sessions", url.Values{"as": {"3"}, "id": f.hidden["id"]})
	carol.leads(t, "another user's", a, "/app/sessions?notice=gone")
	a, _ = carol.post(t, "/app/sessions", f.hidden)
	carol.leads(t, "from another user's page", a, "/app/?notice=other-user")
	a, _ = s.send(t, f)
	s.leads(t, "one", a, "/app/sessions?notice=ended")
	a, _ = s.send(t, f)
	s.leads(t, "again", a, "/app/sessions?notice=gone")
	_, page = s.get(t, "/app/sessions")
	if len(page.forms) != 3 {
		t.Errorf("%d forms", len(page.forms))
	}
	a, _ = s.send(t, page.forms[2])
	s.leads(t, "others", a, "/app/sessions?notice=others-ended")
	for _, each := range []surfer{second, third} {
		row{status: 401}.check(t, each.do(t, p, sessionProfile()))
	}
	row{status: 200}.check(t, s.do(t, p, sessionProfile()))
	row{status: 200}.check(t, carol.do(t, p, sessionProfile()))
}

// otherCode is a code that no step near now has.
func otherCode(secret string) string {
	for n := 0; ; n++ {
		text := fmt.Sprintf("%06d", n)
		if text != codeAt(secret, -1) && text != codeAt(secret, 0) && text != codeAt(secret, 1) && text != codeAt(secret, 2) {
			return text
		}
	}
}
