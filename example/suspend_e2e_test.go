package main_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestSuspended: a suspended account is none, for every way to sign in, for its sessions and
// its API keys; and only administrators suspend.
func TestSuspended(t *testing.T) {
	for name, servers := range map[string]func(t *testing.T, idp *provider) (a, b *process){
		"memory":     func(t *testing.T, idp *provider) (a, b *process) { a = startOAuth(t, idp); return a, a },
		"Redis":      func(t *testing.T, idp *provider) (a, b *process) { a, _ = twoOf(t, idp, redisURL(t)); return a, a },
		"PostgreSQL": func(t *testing.T, idp *provider) (a, b *process) { return twoOf(t, idp, postgresURL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newProvider(t)
			a, b := servers(t, idp)
			origin := b.site()
			if name != "memory" {
				origin = "http://localhost:12003"
			}
			suspended(t, idp, a, b, passkeytest.NewAuthenticator(origin))
		})
	}
}

func suspended(t *testing.T, idp *provider, a, b *process, device *passkeytest.Authenticator) {
	admin := appLogin(t, a, "alice@example.com")
	set := func(v *person, as, id, do string) answer { return v.send(t, a, "/app/admin", as, "id", id, "do", do) }
	onlyAdmins(t, a, admin, set)

	// Bob has a session, a half sign-in, links, an API key and an identity at the provider.
	idp.as("bob", "bob@else.example", nil)
	v := appLogin(t, b, "bob@example.com")
	row{status: 303}.check(t, v.back(t, idp, b, v.send(t, b, "/app/providers/link", "2").header.Get("Location")))
	made := v.send(t, b, "/app/keys", "2", "name", "laptop")
	row{status: 201, body: "~not shown again"}.check(t, made)
	key := call{do: "GET /apikey/protected", header: []string{"X-API-Key: " + match(t, made.body, `(ex_live_[0-9A-Za-z_]+)`)}}
	row{status: 200, body: `{"message":"Hello, Bob!","user_id":"2"}`}.check(t, b.send(t, key))
	reset, login := b.link(t, "/link/reset", "bob@example.com"), b.link(t, "/link/login", "bob@example.com")
	_, secret, _ := enroll(t, b, bob)
	v = half(t, b, "/session/login", bob)
	row{status: 200}.check(t, v.verify(t, b, codeAt(secret, 0)))
	v.register(t, b, device, "")
	byPasskey(t, b, device)
	waiting := half(t, b, "/totp/login", bob)
	signing, adding := newPerson(), v.copy() // challenges of before
	assertion, attestation := signing.asserted(t, b, device), adding.created(t, b, passkeytest.NewAuthenticator(b.site()))
	joining := v.copy()
	idp.as("bob-2", "bob@else.example", nil)
	pending := joining.send(t, b, "/app/providers/link", "2").header.Get("Location")

	row{status: 303, header: []string{"Location: /app/admin?notice=suspended"}}.check(t, set(admin, "1", "2", "suspend"))
	row{status: 303, header: []string{"Location: /app/admin?notice=suspended"}}.check(t, set(admin, "1", "2", "suspend")) // again
	row{status: 200, body: `~bob@example.com <span class="tag bad">Suspended</span>`}.check(t, admin.page(t, b, "/app/admin?q=BOB"))

	none := []string{"Set-Cookie:"}
	b.rows(t, []row{
		{"password", call{do: "POST /session/login", body: bob}, 401, badCredentials, none},
		{"a wrong one is alike", call{do: "POST /session/login", body: credentials("bob@example.com", "wrong")}, 401, badCredentials, none},
		{"password of /totp", call{do: "POST /totp/login", body: bob}, 401, e(401, "Invalid credentials"), none},
		{"of no account is alike", call{do: "POST /totp/login", body: credentials("mallory@example.com", "secret")}, 401, e(401, "Invalid credentials"), none},
		{"a link", call{do: "POST /link/login", body: `{"token":"` + login + `"}`}, 400, badLink, none},
		{"its page", call{do: "GET /link/login?token=" + login}, 400, badLink, none},
		{"a reset", call{do: "POST /link/reset", body: `{"token":"` + reset + `","password":"battery staple"}`}, 400, badLink, none},
		{"another link is asked for", call{do: "POST /link/login", body: `{"email":"bob@example.com"}`}, 202, onItsWay, none},
		{"an API key", key, 401, e(401, "Invalid API key"), none},
		{"a legacy one", call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_67890"}}, 401, e(401, "Invalid API key"), none},
		{"another's works", call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_12345"}}, 200, "", nil},
	})
	row{call: call{do: "in /app"}, status: 401, body: "~do not match an account", header: none}.check(t, newPerson().send(t, b, "/app/login", "", "email", "bob@example.com", "password", "secret"))
	row{call: call{do: "the session"}, status: 401, body: e(401, "Invalid session")}.check(t, v.copy().do(t, b, sessionProfile()))
	row{call: call{do: "its step-up"}, status: 401, body: notRecent}.check(t, v.copy().do(t, b, call{do: "POST /stepup/transfer"}))
	row{call: call{do: "the half sign-in"}, status: 401, header: []string{"Set-Cookie: ~^session=; .*Max-Age=0"}}.check(t, waiting.verify(t, b, codeAt(secret, 1)))
	row{call: call{do: "a passkey"}, status: 401, body: badPasskey}.check(t, newPerson().withPasskeyLogin(t, b, device))
	row{call: call{do: "a passkey, begun before"}, status: 401, body: badPasskey}.check(t, signing.do(t, b, passkeyCall("login", assertion)))
	row{call: call{do: "a registration, begun before"}, status: 401, body: notRecent}.check(t, adding.do(t, b, passkeyCall("register", attestation)))
	row{call: call{do: "an identity, begun before"}, status: 401}.check(t, joining.back(t, idp, b, pending))
	idp.as("bob", "bob@else.example", nil)
	row{call: call{do: "the provider"}, status: 401, body: "~The sign-in with the provider did not work", header: []string{"Set-Cookie: ~^oauth-[^|]+$"}}.check(t, newPerson().via(t, idp, b, a, ""))

	row{status: 303, header: []string{"Location: /app/admin?notice=restored"}}.check(t, set(admin, "1", "2", "restore"))
	row{call: call{do: "the session does not come back"}, status: 401}.check(t, v.do(t, b, sessionProfile()))
	row{call: call{do: "the link does not"}, status: 400, body: badLink}.check(t, b.send(t, call{do: "POST /link/login", body: `{"token":"` + login + `"}`}))
	row{call: call{do: "the key does"}, status: 200}.check(t, b.send(t, key))
	half(t, b, "/session/login", bob)
	byPasskey(t, b, device)

	for _, want := range []string{`(?m)^Your account was suspended\.`, `(?m)^Your account can be used again\.$`} {
		a.waitForMail(t, "bob@example.com", want)
	}
	if n := len(b.links(t, "/link/login", "bob@example.com")); n != 1 {
		t.Errorf("%d links to sign in, want the one of before", n)
	}
}

// withPasskeyLogin is the answer to a sign-in by a passkey.
func (v *person) withPasskeyLogin(t *testing.T, p *process, device *passkeytest.Authenticator) answer {
	t.Helper()
	return v.do(t, p, passkeyCall("login", v.asserted(t, p, device)))
}

// onlyAdmins: other users get 403, and an administrator cannot suspend themself.
func onlyAdmins(t *testing.T, a *process, admin *person, set func(v *person, as, id, do string) answer) {
	for _, email := range []string{"bob@example.com", "carol@example.com"} {
		v := appLogin(t, a, email)
		row{call: call{do: email}, status: 403, body: "~does not have the role"}.check(t, v.page(t, a, "/app/admin"))
		as := map[string]string{"bob@example.com": "2", "carol@example.com": "3"}[email]
		row{call: call{do: email}, status: 403}.check(t, set(v, as, "1", "suspend"))
		if strings.Contains(v.page(t, a, "/app/").body, "/app/admin") {
			t.Errorf("%s has a link to the page", email)
		}
	}
	row{call: call{do: "anonymous"}, status: 303, header: []string{"Location: /app/login?next=%2Fapp%2Fadmin"}}.check(t, newPerson().page(t, a, "/app/admin"))
	row{call: call{do: "anonymous"}, status: 401}.check(t, set(newPerson(), "1", "2", "suspend"))
	row{call: call{do: "oneself"}, status: 409, body: "~You cannot suspend yourself"}.check(t, set(admin, "1", "1", "suspend"))
	row{call: call{do: "no account"}, status: 404}.check(t, set(admin, "1", "99", "suspend"))
	row{call: call{do: "another's page"}, status: 303, header: []string{"Location: /app/?notice=other-user"}}.check(t, set(admin, "2", "3", "suspend"))
	row{call: call{do: "alive"}, status: 200, body: "~alice@example.com"}.check(t, admin.page(t, a, "/app/admin"))
	if body := admin.page(t, a, "/app/admin").body; strings.Contains(body, "$argon2id$") || strings.Contains(body, "Suspended") {
		t.Errorf("a hash, or a suspended account: %s", body)
	}
	if body := admin.page(t, a, "/app/admin?q=%22%3E%3Cb%3E").body; !strings.Contains(body, "No address has that") || strings.Contains(body, "<b>") {
		t.Errorf("a search: %s", body)
	}
}

// waitForMail waits for a mail to an address that matches.
func (p *process) waitForMail(t *testing.T, address, pattern string) {
	t.Helper()
	harness.Eventually(t, "the mail arrives", func() bool {
		return regexp.MustCompile(pattern).MatchString(strings.Join(p.mails(t, address, 0), "\n"))
	})
}
