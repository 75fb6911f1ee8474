package main_test

import (
	"testing"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestPasskeysShared: what is registered, spent or removed at one process is so at the others.
func TestPasskeysShared(t *testing.T) {
	for _, backend := range []struct {
		name     string
		env      func(t *testing.T) []string
		database bool // has the passkeys, too
	}{
		{"PostgreSQL", func(t *testing.T) []string { return []string{postgresURL(t), "RATE_LIMITS=database"} }, true},
		{"Redis", func(t *testing.T) []string { return []string{redisURL(t)} }, false},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			env := append(backend.env(t), "PUBLIC_URL=http://localhost:12003", "SEAL_KEY="+sealKey(1))
			a, b := start(t, env...), start(t, env...)
			both := []*process{a, b}
			newDevice := func() *passkeytest.Authenticator { return passkeytest.NewAuthenticator("http://localhost:12003") }
			v, device := newPerson(), newDevice()
			row{status: 200}.check(t, v.do(t, a, call{do: "POST /totp/login", body: alice}))
			first := v.register(t, a, device, "")
			row{call: call{do: "one session"}, status: 200}.check(t, v.do(t, b, sessionProfile()))

			one := newPerson()
			response := one.asserted(t, b, device) // the options of any process
			accepts := func(i int) *process {
				if backend.database {
					return both[i%2]
				}
				return a // with Redis the passkeys are those of a process
			}
			oneOf64(t, func(i int) answer { return one.copy().do(t, accepts(i), passkeyCall("login", response)) }, 401)
			if !backend.database {
				row{call: call{do: "no passkey there"}, status: 401, body: badPasskey}.check(t, newPerson().do(t, b, passkeyCall("login", response)))
				return
			}
			device.SignCount = 41
			people := make([]*person, 64)
			responses := make([]string, 64)
			for i := range people { // a counter each
				people[i] = newPerson()
				responses[i] = people[i].asserted(t, both[i%2], device)
			}
			row{call: call{do: "the last"}, status: 200}.check(t, people[63].do(t, a, passkeyCall("login", responses[63])))
			row{call: call{do: "one before"}, status: 401, body: badPasskey}.check(t, people[7].do(t, b, passkeyCall("login", responses[7])))

			h := halfByPassword(t, b, "/session/login", alice)
			row{call: call{do: "half there, passkey here"}, status: 200, body: loggedIn}.check(t, h.do(t, a, passkeyCall("login", h.asserted(t, b, device))))
			row{status: 200, body: transferred}.check(t, h.do(t, b, call{do: "POST /stepup/transfer"}))
			h.register(t, b, newDevice(), "Second")
			for i, code := range []string{first.Recovery[0], first.Recovery[0]} {
				row{call: call{do: "a recovery code of the other process"}, status: []int{200, 401}[i]}.check(t, halfByPassword(t, a, "/session/login", alice).verify(t, both[1-i], code))
			}
			lost := newPerson()
			response = lost.asserted(t, a, device)
			row{call: call{do: "removed there"}, status: 200}.check(t, h.do(t, b, call{do: "DELETE /passkey/credentials/" + first.ID}))
			row{call: call{do: "refused here"}, status: 401, body: badPasskey}.check(t, lost.do(t, a, passkeyCall("login", response)))

			signingIn := []string{env[0], "RATE_LIMITS=database", "JWT_SECRET_KEY=" + signingKey}
			for name, none := range map[string]*process{
				"without a key":       launch(t, signingIn, "-addr", "127.0.0.1:0"),
				"of a site with none": launch(t, append(signingIn, "SEAL_KEY="+sealKey(1), "PUBLIC_URL=http://app.example"), "-addr", "127.0.0.1:0"),
			} {
				row{call: call{do: name + " no one gets around the passkey"}, status: 500, header: []string{"Set-Cookie:"}}.check(t, none.send(t, call{do: "POST /session/login", body: alice}))
				row{call: call{do: name + " others sign in"}, status: 200, body: loggedIn}.check(t, none.send(t, call{do: "POST /session/login", body: bob}))
				row{call: call{do: name}, status: 404}.check(t, none.send(t, call{do: "POST /passkey/login"}))
			}
		})
	}
}

// TestPasskeysOutage: while the store is down no one is signed in or out, and nothing is
// registered.
func TestPasskeysOutage(t *testing.T) {
	t.Parallel()
	url, stop, _ := redisOf(t)
	p := start(t, "REDIS_URL="+url)
	_, device, first := withPasskey(t, p, alice)
	v := byPasskey(t, p, device)
	h := halfByPassword(t, p, "/totp/login", alice)
	responses := []string{v.asserted(t, p, device), h.asserted(t, p, device)}
	created := v.created(t, p, passkeytest.NewAuthenticator(p.site()))
	stop()
	down := row{status: 503, body: e(503, ""), header: []string{"Cache-Control: no-store"}}
	for name, a := range map[string]answer{
		"alone":    v.copy().do(t, p, passkeyCall("login", responses[0])),
		"half":     h.do(t, p, passkeyCall("login", responses[1])),
		"register": v.do(t, p, passkeyCall("register", created)),
		"options":  v.do(t, p, call{do: "POST /passkey/register/options"}),
		"list":     v.do(t, p, call{do: "GET /passkey/credentials"}),
		"rename":   v.do(t, p, call{do: "PATCH /passkey/credentials/" + first.ID, body: `{"name":"x"}`}),
		"remove":   v.do(t, p, call{do: "DELETE /passkey/credentials/" + first.ID}),
	} {
		down.call.do = name
		down.check(t, a)
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, a)
		}
	}
}

// TestPasskeyIsNotMounted: without a key, or at a site that can have none, there is no route,
// and the program says so.
func TestPasskeyIsNotMounted(t *testing.T) {
	t.Parallel()
	sealed := "SEAL_KEY=" + sealKey(1)
	const noSite = "PUBLIC_URL is neither https with a domain nor of localhost: /passkey is not mounted"
	for name, tt := range map[string]struct {
		env    []string
		logged string
	}{
		"no key":                  {nil, "SEAL_KEY is not set: /passkey is not mounted"},
		"http of another machine": {[]string{sealed, "PUBLIC_URL=http://app.example"}, noSite},
		"an address":              {[]string{sealed, "PUBLIC_URL=https://127.0.0.1"}, noSite},
		"an address of IPv6":      {[]string{sealed, "PUBLIC_URL=https://[::1]:8443"}, noSite},
		"a name of one label":     {[]string{sealed, "PUBLIC_URL=https://intranet"}, noSite},
		"a site":                  {[]string{sealed, "PUBLIC_URL=https://App.Example:443"}, ""},
		"its port":                {[]string{sealed, "PUBLIC_URL=https://app.example:8443"}, ""},
		"localhost":               {[]string{sealed}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch(t, append(tt.env, "JWT_SECRET_KEY="+secret), "-addr", "127.0.0.1:0")
			status := 200
			if tt.logged != "" {
				status = 404
			}
			row{status: status}.check(t, p.send(t, call{do: "POST /passkey/login/options"}))
			row{status: status}.check(t, p.send(t, call{do: "GET /passkey/"}))
			if !matches(p.logs(), "~"+tt.logged) {
				t.Errorf("the log lacks %q: %s", tt.logged, p.logs())
			}
		})
	}
}
