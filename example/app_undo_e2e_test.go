package main_test

import (
	"net/url"
	"testing"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestUndoExpels: a thief who has changed the address cannot come back by what they have added,
// and cannot hold up the mail with which the owner chooses a password.
func TestUndoExpels(t *testing.T) {
	for name, env := range map[string]func(*testing.T) []string{
		"memory":     func(*testing.T) []string { return nil },
		"PostgreSQL": func(t *testing.T) []string { return []string{postgresURL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newProvider(t)
			undoExpels(t, idp, startOAuth(t, idp, env(t)...))
		})
	}
}

func undoExpels(t *testing.T, idp *provider, p *process) {
	idp.as("eve", "eve@else.example", nil)
	v := appLogin(t, p, "bob@example.com") // the password is stolen
	row{status: 303}.check(t, v.back(t, idp, p, v.send(t, p, "/app/providers/link", "2").header.Get("Location")))
	row{status: 303, header: []string{"Location: /app/sessions"}}.check(t, newPerson().via(t, idp, p, p, "?next=/app/sessions"))
	made := v.send(t, p, "/app/keys", "2", "name", "a program")
	key := call{do: "GET /apikey/protected", header: []string{"X-API-Key: " + match(t, made.body, `(ex_live_[0-9A-Za-z_]+)`)}}
	row{status: 200}.check(t, p.send(t, key))
	device := passkeytest.NewAuthenticator(p.site())
	v.register(t, p, device, "")
	v = byPasskey(t, p, device)
	row{status: 202}.check(t, v.send(t, p, "/app/email", "2", "email", "eve@example.com"))
	thief := surfer{v, p}
	token := match(t, thief.mailed(t, "eve@example.com", "/app/email/link"), `token=(\S+)`)
	row{status: 303, header: []string{"Location: /app/?notice=email"}}.check(t, v.send(t, p, "/app/email/link", "2", "token", token))
	for range 4 { // no account has the address: these are no mails, and count
		row{status: 202}.check(t, newPerson().post(t, p, "/link/reset", map[string]string{"email": "bob@example.com"}))
	}

	owner := surf(p)
	_, page := owner.get(t, owner.mailed(t, "bob@example.com", "/app/email/undo"))
	a, _ := owner.send(t, page.form(t, "/app/email/undo"))
	owner.leads(t, "undo", a, "/app/login?notice=undone")
	row{call: call{do: "the session"}, status: 401}.check(t, v.copy().do(t, p, sessionProfile()))
	row{call: call{do: "the key"}, status: 401}.check(t, p.send(t, key))
	back := newPerson()
	row{call: call{do: "the passkey"}, status: 401, body: badPasskey}.check(t, back.do(t, p, passkeyCall("login", back.asserted(t, p, device))))
	_ = back.via(t, idp, p, p, "") // a new account
	if who := back.do(t, p, sessionProfile()); match(t, who.body, `"id":"([^"]+)"`) == "2" {
		t.Errorf("the provider signs in to the account: %v", who)
	}
	_, page = owner.get(t, owner.mailed(t, "bob@example.com", "/app/reset"))
	a, _ = owner.send(t, page.form(t, "/app/reset"), "password", newPassword)
	owner.leads(t, "reset", a, "/app/login?notice=reset")
	owner.signIn(t, "bob@example.com", newPassword, "/app/") // the passkey is asked of no one
}

// TestUndoOfTakenAddress: an account may have the old address meanwhile. The thief is out
// nevertheless.
func TestUndoOfTakenAddress(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := surfer{appLogin(t, p, "bob@example.com"), p}
	row{status: 202}.check(t, s.person.send(t, p, "/app/email", "2", "email", "eve@example.com"))
	_, page := s.get(t, s.mailed(t, "eve@example.com", "/app/email/link"))
	a, _ := s.send(t, page.form(t, "/app/email/link"))
	s.leads(t, "changed", a, "/app/?notice=email")
	undo := s.mailed(t, "bob@example.com", "/app/email/undo")
	signUp(t, p, "bob@example.com")
	_, page = surf(p).get(t, undo)
	a, page = surf(p).post(t, "/app/email/undo", url.Values{"token": page.form(t, "/app/email/undo").hidden["token"]})
	if a.status != 409 || len(page.alerts) != 1 {
		t.Errorf("undo: %d, %v", a.status, page.alerts)
	}
	row{call: call{do: "the session"}, status: 401}.check(t, s.do(t, p, sessionProfile()))
	row{call: call{do: "the password"}, status: 401}.check(t, p.send(t, call{do: "POST /session/login", body: credentials("eve@example.com", "secret")}))
}
