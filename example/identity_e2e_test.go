package main_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"
)

var htmlPage = "Accept: text/html,*/*;q=0.8"

// page asks for a page as a browser does.
func (v *person) page(t *testing.T, p *process, path string) answer {
	t.Helper()
	return v.do(t, p, call{do: "GET " + path, header: []string{htmlPage}})
}

// send posts a form of a page as a browser does. as is the user whose page it is.
func (v *person) send(t *testing.T, p *process, path, as string, pairs ...string) answer {
	t.Helper()
	values := url.Values{"as": {as}}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return v.do(t, p, form("POST "+path, values))
}

// appLogin signs in by a password in /app.
func appLogin(t *testing.T, p *process, email string) *person {
	t.Helper()
	v := newPerson()
	row{call: call{do: "sign in as " + email}, status: 303, header: []string{"Location: /app/"}}.
		check(t, v.send(t, p, "/app/login", "", "email", email, "password", "secret"))
	return v
}

// via signs in with the provider, and returns the answer of the callback.
func (v *person) via(t *testing.T, idp *provider, begun, p *process, query string) answer {
	t.Helper()
	a := v.page(t, begun, "/app/oauth/login"+query)
	if a.status != 303 {
		t.Fatalf("login: %v\n%s", a, begun.logs())
	}
	return v.back(t, idp, p, a.header.Get("Location"))
}

// back is the way back from the provider.
func (v *person) back(t *testing.T, idp *provider, p *process, location string) answer {
	t.Helper()
	return v.page(t, p, "/app/oauth/callback?"+idp.authorize(t, location).Encode())
}

// as sets who signs in at the provider. claims changes the ID token.
func (p *provider) as(subject, email string, claims object) {
	p.set(func(p *provider) {
		p.user = object{"sub": subject, "email": email, "email_verified": true}
		p.claims = func(c object) {
			c["sub"], c["email"] = subject, email
			for name, value := range claims {
				c[name] = value
			}
		}
	})
}

// match returns the first group of a pattern.
func match(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in %s", pattern, text)
	}
	return m[1]
}

// twoOf starts two servers that share what their environment says.
func twoOf(t *testing.T, idp *provider, env ...string) (a, b *process) {
	t.Helper()
	env = append(env, "PUBLIC_URL=http://localhost:12003", "SEAL_KEY="+sealKey(1))
	return startOAuth(t, idp, env...), startOAuth(t, idp, env...)
}

// TestIdentities: a provider's identity makes an account or joins one from a session, and
// never by its address. With Redis the accounts are those of each process.
func TestIdentities(t *testing.T) {
	for name, servers := range map[string]func(t *testing.T, idp *provider) (a, b *process){
		"memory":     func(t *testing.T, idp *provider) (a, b *process) { a = startOAuth(t, idp); return a, a },
		"Redis":      func(t *testing.T, idp *provider) (a, b *process) { a, _ = twoOf(t, idp, redisURL(t)); return a, a },
		"PostgreSQL": func(t *testing.T, idp *provider) (a, b *process) { return twoOf(t, idp, postgresURL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newProvider(t)
			a, b := servers(t, idp)
			t.Run("a new account", func(t *testing.T) { newIdentity(t, idp, a, b) })
			t.Run("the address of an account", func(t *testing.T) { takenAddress(t, idp, a, b) })
			t.Run("joined", func(t *testing.T) { joined(t, idp, a, b) })
			t.Run("a second factor", func(t *testing.T) { identityWithFactor(t, idp, a, b) })
			t.Run("step-up", func(t *testing.T) { identityStepUp(t, idp, a, b) })
			t.Run("back-channel", func(t *testing.T) { identityEnds(t, idp, a, b) })
		})
	}
}

func newIdentity(t *testing.T, idp *provider, a, b *process) {
	idp.as("dana", "Dana@Example.com", nil)
	v := newPerson()
	row{status: 303, header: []string{"Location: /app/sessions", "Set-Cookie: ~session=[^;]+; Path=/; HttpOnly"}}.check(t, v.via(t, idp, a, b, "?next=/app/sessions"))
	first := v.do(t, b, sessionProfile())
	row{status: 200, body: `~^{"user":{"id":"[a-z2-7]{26}","email":"dana@example.com","role":"user"}}$`}.check(t, first)
	again := newPerson()
	row{status: 303, header: []string{"Location: /app/"}}.check(t, again.via(t, idp, b, a, ""))
	if second := again.do(t, a, sessionProfile()); second.body != first.body {
		t.Errorf("another account: %v", second)
	}
	for name, change := range map[string]object{
		"not verified": {"email_verified": false}, "no address": {"email": nil}, "not verified, by text": {"email_verified": "false"},
		"an address in quotes": {"email": `"alice"@example.com`}, "two": {"email": "alice@example.com, x@example.com"}, "not ASCII": {"email": "alicе@example.com"},
	} {
		idp.as("erin", "erin@example.com", change)
		idp.set(func(p *provider) { p.user = object{"sub": "erin"} })
		row{call: call{do: name}, status: 403, body: "~does not say that an e-mail address is yours", header: []string{"Set-Cookie: ~^oauth-[^|]+$"}}.check(t, newPerson().via(t, idp, a, b, ""))
	}
}

func takenAddress(t *testing.T, idp *provider, a, b *process) {
	for _, email := range []string{"alice@example.com", "ALICE@EXAMPLE.COM", "dana@example.com"} {
		idp.as("mallory", email, nil)
		v := newPerson()
		row{call: call{do: email}, status: 409, body: `~(?s)You have an account.*href="/app/login\?next=/app/providers"`, header: []string{"Set-Cookie: ~^oauth-[^|]+$"}}.
			check(t, v.via(t, idp, a, b, ""))
		row{status: 401}.check(t, v.do(t, a, sessionProfile()))
	}
}

func joined(t *testing.T, idp *provider, a, b *process) {
	link := func(t *testing.T, v *person, as string) answer {
		t.Helper()
		return v.send(t, a, "/app/providers/link", as)
	}
	challenge := []string{`WWW-Authenticate: Session error="insufficient_user_authentication", max_age="300"`, "Location:"}
	row{call: call{do: "anonymous"}, status: 401, header: challenge}.check(t, link(t, newPerson(), "2"))
	v := appLogin(t, a, "bob@example.com")
	row{call: call{do: "another's page"}, status: 303, header: []string{"Location: /app/?notice=other-user"}}.check(t, link(t, v, "1"))
	row{call: call{do: "another site"}, status: 403}.check(t, v.do(t, a, form("POST /app/providers/link", url.Values{"as": {"2"}}, "Sec-Fetch-Site: cross-site")))
	row{call: call{do: "by a GET"}, status: 303, header: []string{"Location: /app/providers"}}.check(t, v.page(t, a, "/app/providers/link"))

	idp.as("bob", "someone@else.example", nil)
	begun := link(t, v, "2")
	row{call: call{do: "its session"}, status: 303, header: []string{"Location: ~^" + idp.url + "/authorize"}}.check(t, begun)
	stolen := v.copy()
	row{status: 303}.check(t, v.send(t, a, "/app/logout", "2"))
	row{call: call{do: "the session has ended"}, status: 401, body: "~Nothing was changed"}.check(t, stolen.back(t, idp, b, begun.header.Get("Location")))

	v = appLogin(t, a, "bob@example.com")
	row{status: 303, header: []string{"Location: /app/providers?notice=linked"}}.check(t, v.back(t, idp, b, link(t, v, "2").header.Get("Location")))
	row{status: 200, body: `~(?s)` + idp.url + `.*<code>bob</code>`}.check(t, v.page(t, b, "/app/providers"))
	by := newPerson()
	row{status: 303}.check(t, by.via(t, idp, a, b, ""))
	row{status: 200, body: `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`}.check(t, by.do(t, b, sessionProfile()))
	other := appLogin(t, b, "carol@example.com")
	row{call: call{do: "another account's"}, status: 409, body: "~Another account has this way"}.check(t, other.back(t, idp, a, other.send(t, b, "/app/providers/link", "3").header.Get("Location")))

	remove := func(v *person, as, subject string) answer {
		return v.send(t, a, "/app/providers", as, "issuer", idp.url, "subject", subject)
	}
	row{call: call{do: "another's"}, status: 409, body: "~Nothing was removed"}.check(t, remove(other, "3", "bob"))
	row{call: call{do: "it"}, status: 303, header: []string{"Location: /app/providers?notice=unlinked"}}.check(t, remove(v, "2", "bob"))
	row{call: call{do: "what began with it"}, status: 401}.check(t, by.do(t, b, sessionProfile()))
	row{call: call{do: "this session"}, status: 200}.check(t, v.do(t, b, sessionProfile()))

	// An account that no one could sign in to anymore.
	idp.as("dana", "dana@example.com", object{"auth_time": time.Now().Unix()})
	dana := newPerson()
	row{status: 303}.check(t, dana.via(t, idp, a, b, ""))
	id := match(t, dana.page(t, b, "/app/providers").body, `name="as" value="([a-z2-7]{26})"`)
	row{call: call{do: "the only one"}, status: 409, body: "~Your only way to sign in stays"}.check(t, remove(dana, id, "dana"))
}

// identityWithFactor: the second factor of an account is asked for, whatever the provider
// says about its own.
func identityWithFactor(t *testing.T, idp *provider, a, b *process) {
	idp.as("carol", "carol@else.example", object{"amr": []string{"otp", "mfa", "hwk"}, "acr": "gold", "auth_time": time.Now().Unix()})
	v := appLogin(t, a, "carol@example.com")
	row{status: 303}.check(t, v.back(t, idp, b, v.send(t, a, "/app/providers/link", "3").header.Get("Location")))
	_, secret, _ := enroll(t, a, carol)
	by := newPerson()
	row{status: 303, header: []string{"Location: /app/second?next=%2Fapp%2Fsessions"}}.check(t, by.via(t, idp, a, b, "?next=/app/sessions"))
	row{call: call{do: "half"}, status: 401}.check(t, by.do(t, b, sessionProfile()))
	row{call: call{do: "the code"}, status: 303, header: []string{"Location: /app/sessions"}}.check(t, by.send(t, b, "/app/second", "", "code", codeAt(secret, 0), "next", "/app/sessions"))
	row{status: 200}.check(t, by.do(t, a, sessionProfile()))
	// The end of the provider's session ends one with both factors, too.
	sid, _ := idp.last()
	row{status: 200}.check(t, b.send(t, backChannel(idp.logoutToken(object{"sub": "carol", "sid": sid}))))
	row{status: 401}.check(t, by.do(t, a, sessionProfile()))
}

// identityStepUp: a sign-in in which the provider asked no one anything is not recent.
func identityStepUp(t *testing.T, idp *provider, a, b *process) {
	idp.as("frank", "frank@example.com", nil)
	v := newPerson()
	row{status: 303}.check(t, v.via(t, idp, a, b, ""))
	id := match(t, v.page(t, a, "/app/providers").body, `name="as" value="([a-z2-7]{26})"`)
	row{call: call{do: "a key"}, status: 401}.check(t, v.send(t, a, "/app/keys", id, "name", "x"))
	row{call: call{do: "a factor"}, status: 401, body: notRecent}.check(t, v.do(t, a, call{do: "POST /totp/enroll"}))
	row{call: call{do: "the way on"}, status: 303, header: []string{"Location: /app/login?next=%2Fapp%2Ffactor"}}.check(t, v.page(t, a, "/app/factor"))
	row{call: call{do: "is no circle"}, status: 200, body: `~href="/app/oauth/login\?next=%2fapp%2ffactor"`}.check(t, v.page(t, a, "/app/login?next=%2Fapp%2Ffactor"))
	row{call: call{do: "the provider asks no one"}, status: 401, body: "~The sign-in with the provider did not work"}.check(t, v.via(t, idp, a, b, "?next=/app/factor"))
	idp.as("frank", "frank@example.com", object{"auth_time": time.Now().Unix()})
	row{call: call{do: "it does"}, status: 303, header: []string{"Location: /app/factor"}}.check(t, v.via(t, idp, a, b, "?next=/app/factor"))
	row{status: 200}.check(t, v.page(t, b, "/app/factor"))
}

// identityEnds: a back-channel logout ends the sessions of its sid or, without one, of its
// sub, and no other.
func identityEnds(t *testing.T, idp *provider, a, b *process) {
	idp.as("gina", "gina@example.com", nil)
	one, two := newPerson(), newPerson()
	row{status: 303}.check(t, one.via(t, idp, a, b, ""))
	sid, _ := idp.last()
	row{status: 303}.check(t, two.via(t, idp, a, b, ""))
	alive := func(v *person) bool { return v.do(t, a, sessionProfile()).status == 200 }
	end := func(claims object) {
		row{status: 200, header: []string{"Cache-Control: no-store"}}.check(t, b.send(t, backChannel(idp.logoutToken(claims))))
	}
	end(object{"sub": "bob-2", "sid": "another"})
	end(object{"sub": "dana", "sid": sid})
	if !alive(one) || !alive(two) {
		t.Error("another subject's logout ends a session")
	}
	end(object{"sub": "gina", "sid": sid})
	if alive(one) || !alive(two) {
		t.Error("not the session of the sid")
	}
	end(object{"sub": "gina"})
	if alive(two) {
		t.Error("not all sessions of the sub")
	}
	// A sign-in that is under way gets no session.
	v := newPerson()
	idp.set(at("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		sid, _ := idp.last()
		row{status: 200}.check(t, b.send(t, backChannel(idp.logoutToken(object{"sub": "gina", "sid": sid}))))
		respond(200, `{"sub":"gina"}`)(w, r)
	}))
	row{call: call{do: "under way"}, status: 401, header: []string{"Set-Cookie: ~^oauth-[^|]+$"}}.check(t, v.via(t, idp, a, b, ""))
	idp.heal()
	if v.cookies["session"] != "" {
		t.Error("a session")
	}
}
