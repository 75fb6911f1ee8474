package main_test

import (
	"strings"
	"testing"
)

const signingKey = secret // a test has another secret

// TestFactorsInDatabase: with a database the accounts, their passwords and their second
// factors are those of all processes.
func TestFactorsInDatabase(t *testing.T) {
	t.Parallel()
	env := []string{postgresURL(t), "RATE_LIMITS=database", "PUBLIC_URL=http://localhost:12001"}
	keyed := func(keys string) *process { return start(t, append(env, "SEAL_KEY="+keys)...) }
	a, b := keyed(sealKey(1)), keyed(sealKey(1))
	t.Run("a reset", func(t *testing.T) {
		thief := a.signIn(t, carol)
		token := a.link(t, "/link/reset", "carol@example.com")
		row{status: 200, body: `{"message":"Choose a new password"}`}.check(t, b.send(t, call{do: "GET /link/reset?token=" + token}))
		row{status: 200, body: changed}.check(t, b.send(t, reset(token, "battery staple")))
		row{status: 400, body: badLink}.check(t, a.send(t, reset(token, "battery staple")))
		row{status: 401}.check(t, a.send(t, sessionProfile(cookie(thief)...)))
		row{status: 401, body: badCredentials}.check(t, a.send(t, call{do: "POST /session/login", body: carol}))
		row{status: 200, body: loggedIn}.check(t, a.send(t, call{do: "POST /totp/login", body: credentials("carol@example.com", "battery staple")}))
	})
	t.Run("64 at a time", func(t *testing.T) {
		both := []*process{a, b}
		tokens := []string{a.link(t, "/link/reset", "carol@example.com"), b.link(t, "/link/reset", "carol@example.com")}
		oneOf64(t, func(i int) answer { return both[i/2%2].send(t, reset(tokens[i%2], "correct horse")) }, 400)
		tokens = []string{a.link(t, "/link/login", "carol@example.com"), b.link(t, "/link/login", "carol@example.com")}
		oneOf64(t, func(i int) answer {
			return both[i/2%2].send(t, call{do: "POST /link/login", body: `{"token":"` + tokens[i%2] + `"}`})
		}, 400)
	})
	t.Run("three mails", func(t *testing.T) { // those of both, above
		row{status: 202, body: onItsWay}.check(t, newPerson().post(t, a, "/link/reset", map[string]string{"email": "carol@example.com"}))
		row{status: 202, body: onItsWay}.check(t, newPerson().post(t, b, "/link/login", map[string]string{"email": "alice@example.com"}))
		b.mails(t, "alice@example.com", 1)
		if n := strings.Count(a.logs()+b.logs(), "/link/reset?token="); n != 3 {
			t.Errorf("%d mails, want 3", n)
		}
	})
	bob := bob // its password changes
	v, secret, recovery := enroll(t, a, bob)
	t.Run("a factor", func(t *testing.T) {
		row{status: 200}.check(t, v.do(t, b, sessionProfile()))
		half(t, a, "/totp/login", bob)
		h := half(t, b, "/session/login", bob)
		row{call: call{do: "the code that confirmed elsewhere"}, status: 401, body: badCode}.check(t, h.verify(t, b, v.confirmed))
		row{call: call{do: "half there, code here"}, status: 200, body: loggedIn}.check(t, h.verify(t, a, codeAt(secret, 0)))
		row{status: 200, body: transferred}.check(t, h.do(t, b, call{do: "POST /stepup/transfer"}))
	})
	t.Run("64 codes at a time", func(t *testing.T) {
		for _, code := range []func() string{func() string { return codeAt(secret, 1) }, func() string { return recovery[0] }} {
			raceCode(t, "/session/login", bob, code, a, b)
			row{status: 200, body: changed}.check(t, a.send(t, reset(a.link(t, "/link/reset", "bob@example.com"), "secret of bob")))
			bob = credentials("bob@example.com", "secret of bob")
		}
	})
	t.Run("wrong codes", func(t *testing.T) {
		h := half(t, a, "/session/login", bob)
		for i := range 5 {
			row{status: 401, body: badCode}.check(t, h.verify(t, []*process{a, b}[i%2], "x"))
		}
		row{status: 429, body: tooManyBad}.check(t, h.verify(t, b, recovery[1]))
		row{status: 200, body: changed}.check(t, b.send(t, reset(b.link(t, "/link/reset", "bob@example.com"), "secret of bobby")))
	})
	a.stop(t)
	b.stop(t)
	t.Run("keys", func(t *testing.T) {
		bob := credentials("bob@example.com", "secret of bobby")
		both, replaced := keyed(sealKey(2)+","+sealKey(1)), keyed(sealKey(2))
		row{call: call{do: "without the key of the secret"}, status: 500}.check(t, replaced.send(t, call{do: "POST /session/login", body: bob}))
		row{call: call{do: "with both"}, status: 200, body: loggedIn}.check(t, half(t, both, "/session/login", bob).verify(t, both, recovery[2]))
		row{call: call{do: "sealed anew"}, status: 200, body: loggedIn}.check(t, half(t, replaced, "/session/login", bob).verify(t, replaced, recovery[3]))
		none := launch(t, append(env, "JWT_SECRET_KEY="+signingKey), "-addr", "127.0.0.1:0")
		row{call: call{do: "without a key no one gets around the factor"}, status: 500, header: []string{"Set-Cookie:"}}.check(t, none.send(t, call{do: "POST /session/login", body: bob}))
		row{call: call{do: "an account without one"}, status: 200, body: loggedIn}.check(t, none.send(t, call{do: "POST /session/login", body: alice}))
	})
}

// TestFactorsInRedis: with Redis the accounts are those of a process, and what is spent is
// spent at all of them.
func TestFactorsInRedis(t *testing.T) {
	t.Parallel()
	env := []string{redisURL(t), "PUBLIC_URL=http://localhost:12002", "SEAL_KEY=" + sealKey(1)}
	a, b := start(t, env...), start(t, env...)
	both := []*process{a, b}
	tokens := []string{a.link(t, "/link/login", "bob@example.com"), b.link(t, "/link/login", "bob@example.com")}
	oneOf64(t, func(i int) answer {
		return both[i/2%2].send(t, call{do: "POST /link/login", body: `{"token":"` + tokens[i%2] + `"}`})
	}, 400)
	token := a.link(t, "/link/reset", "bob@example.com")
	oneOf64(t, func(i int) answer { return both[i%2].send(t, reset(token, "battery staple")) }, 400)
	alice := alice // its password changes
	v, secret, recovery := enroll(t, a, alice)
	row{call: call{do: "one session"}, status: 200}.check(t, v.do(t, b, sessionProfile()))
	for _, code := range []func() string{func() string { return codeAt(secret, 0) }, func() string { return recovery[0] }} {
		raceCode(t, "/totp/login", alice, code, a) // the other process has no such factor
		row{status: 200, body: changed}.check(t, a.send(t, reset(a.link(t, "/link/reset", "alice@example.com"), "secret of alice")))
		alice = credentials("alice@example.com", "secret of alice")
	}
}

// TestFactorsOutage: while the store is down every address is answered alike, nothing is
// spent, and no one is signed in or out.
func TestFactorsOutage(t *testing.T) {
	t.Parallel()
	url, stop, _ := redisOf(t)
	p := start(t, "REDIS_URL="+url)
	token, login := p.link(t, "/link/reset", "bob@example.com"), p.link(t, "/link/login", "bob@example.com")
	v, secret, recovery := enroll(t, p, alice)
	h := half(t, p, "/totp/login", alice)
	stop()
	down, none := e(503, ""), []string{"Set-Cookie:"}
	p.rows(t, []row{
		{"a reset", call{do: "POST /link/reset", body: `{"email":"bob@example.com"}`}, 503, down, none},
		{"of no account", call{do: "POST /link/reset", body: `{"email":"mallory@example.com"}`}, 503, down, none},
		{"a login of no account", call{do: "POST /link/login", body: `{"email":"mallory@example.com"}`}, 503, down, none},
		{"a link", call{do: "GET /link/reset?token=" + token}, 503, down, none},
		{"a forged link", call{do: "GET /link/reset?token=guess"}, 400, badLink, none},
		{"a new password", reset(token, "battery staple"), 503, down, none},
		{"a login by link", call{do: "POST /link/login", body: `{"token":"` + login + `"}`}, 503, down, none},
		{"a password", call{do: "POST /totp/login", body: alice}, 503, down, none},
		{"anonymous", call{do: "POST /stepup/transfer"}, 401, notRecent, none},
	})
	for _, code := range []string{codeAt(secret, 0), recovery[0], "x"} {
		row{call: call{do: "a code"}, status: 503, body: down, header: none}.check(t, h.verify(t, p, code))
	}
	for _, do := range []string{"POST /stepup/transfer", "POST /totp/enroll", "POST /totp/confirm", "POST /totp/disable"} {
		row{call: call{do: do}, status: 503, body: down, header: none}.check(t, v.do(t, p, call{do: do}))
	}
}
