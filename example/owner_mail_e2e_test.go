package main_test

import (
	"encoding/json"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestOwnersAreMailed: what changes how someone gets in to an account is mailed to its owner.
func TestOwnersAreMailed(t *testing.T) {
	t.Parallel()
	idp := newProvider(t)
	p := startOAuth(t, idp)
	const owner = "bob@example.com"
	mailed := func(what string) {
		t.Helper()
		p.waitForMail(t, owner, `(?m)^`+what)
	}
	v := appLogin(t, p, owner)
	row{status: 201}.check(t, v.send(t, p, "/app/keys", "2", "name", "a program"))
	row{status: 201}.check(t, v.send(t, p, "/apikey/", "2", "name", "another"))
	harness.Eventually(t, "each key is in a mail", func() bool {
		n := 0
		for _, mail := range p.mails(t, owner, 2) {
			if mail == "Your account has a new API key." {
				n++
			}
		}
		return n == 2
	})
	idp.as("bob", "bob@else.example", nil)
	row{status: 303}.check(t, v.back(t, idp, p, v.send(t, p, "/app/providers/link", "2").header.Get("Location")))
	mailed(`Your account has a new way to sign in: a provider\.`)
	row{status: 303}.check(t, v.send(t, p, "/app/providers", "2", "issuer", idp.url, "subject", "bob"))
	mailed(`A way to sign in to your account was removed: a provider\.`)

	row{status: 200, body: changed}.check(t, p.send(t, reset(p.link(t, "/link/reset", owner), "battery staple")))
	mailed(`Your password was changed\.`)
	login := credentials(owner, "battery staple")
	v, secret, recovery := enroll(t, p, login)
	mailed(`Your account has a new second factor\.`)
	row{status: 200}.check(t, half(t, p, "/session/login", login).verify(t, p, recovery[0]))
	mailed(`A recovery code was used to sign in\. You have 9 left\.`)
	row{status: 200}.check(t, v.post(t, p, "/totp/disable", map[string]string{"code": codeAt(secret, 0)}))
	mailed(`Your account has no second factor anymore\.`)

	device := passkeytest.NewAuthenticator(p.site())
	first := v.register(t, p, device, "")
	mailed(`Your account has a new passkey\.`)
	row{status: 200}.check(t, byPasskey(t, p, device).do(t, p, call{do: "DELETE /passkey/credentials/" + first.ID}))
	mailed(`A passkey of your account was removed\.`)

	admin := appLogin(t, p, "alice@example.com")
	row{status: 303}.check(t, admin.send(t, p, "/app/admin", "1", "id", "2", "do", "suspend"))
	mailed(`Your account was suspended\.`)
	row{status: 303}.check(t, admin.send(t, p, "/app/admin", "1", "id", "2", "do", "restore"))
	mailed(`Your account can be used again\.`)

	// The last: another address, of which both are mailed.
	v = newPerson()
	row{status: 200, body: loggedIn}.check(t, v.do(t, p, call{do: "POST /session/login", body: login}))
	row{status: 202}.check(t, v.send(t, p, "/app/email", "2", "email", "robert@example.com"))
	p.mails(t, "robert@example.com", 1)
	token := match(t, p.links(t, "/app/email/link", "robert@example.com")[0], `token=(\S+)`)
	if a := v.send(t, p, "/app/email/link", "2", "token", token); a.status >= 400 {
		t.Errorf("the new address: %v", a)
	}
	mailed(`http://localhost:\d+/app/email/undo\?token=`) // a line of -dev is the URL alone
	p.waitForMail(t, "robert@example.com", `(?m)^Your account has this address now\.`)
	var who struct{ User struct{ Email string } }
	if err := json.Unmarshal([]byte(v.do(t, p, sessionProfile()).body), &who); err != nil || who.User.Email != "robert@example.com" {
		t.Errorf("%+v, %v", who, err)
	}
}
