package main_test

import (
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/go-guard/guard"
)

// TestOAuthTwoProcesses: processes that share their stores and SEAL_KEY are one.
func TestOAuthTwoProcesses(t *testing.T) {
	for _, backend := range []struct {
		name string
		env  func(t *testing.T) string
	}{
		{"Redis", func(t *testing.T) string { return redisURL(t) }},
		{"PostgreSQL", postgresURL},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			env := []string{backend.env(t), "PUBLIC_URL=http://localhost:12000"}
			keyed := func(keys string) *process { return startOAuth(t, p, append(env, "SEAL_KEY="+keys)...) }
			a, b := keyed(sealKey(1)), keyed(sealKey(1))
			t.Run("sign-in", func(t *testing.T) { sharedSignIn(t, p, a, b) })
			t.Run("a sign-in is spent", func(t *testing.T) { sharedReplay(t, p, a, b) })
			t.Run("64 at a time", func(t *testing.T) { sharedRace(t, p, a, b) })
			t.Run("back-channel", func(t *testing.T) { sharedBackChannel(t, p, a, b) })
			t.Run("restart", func(t *testing.T) {
				v := newVisitor(p)
				v.signIn(t, a)
				q := p.authorize(t, v.begin(t, a, "?next=/inbox"))
				a.stop(t)
				b.stop(t)
				a = keyed(sealKey(1))
				if v.me(t, a) != 200 {
					t.Error("a restart ends sessions")
				}
				row{status: 303, header: []string{"Location: /inbox"}}.check(t, v.complete(t, a, q))
				checkHint(t, v, a, true)
			})
			t.Run("rotated keys", func(t *testing.T) {
				both, replaced := keyed(sealKey(2)+" , "+sealKey(1)), keyed(sealKey(2))
				v := newVisitor(p)
				old := p.authorize(t, v.begin(t, a, ""))
				row{call: call{do: "sealed by a key that is gone"}, status: 400, body: invalidSignIn}.check(t, v.complete(t, replaced, old))
				row{call: call{do: "sealed by the old key"}, status: 303}.check(t, v.complete(t, both, old))
				checkHint(t, v, both, true) // sealed by the new key
				before := newVisitor(p)
				before.signIn(t, a)
				checkHint(t, before, both, true)
				lost := newVisitor(p)
				lost.signIn(t, a)
				checkHint(t, lost, replaced, false) // the session lives, without its ID token
				fresh := newVisitor(p)
				row{call: call{do: "sealed by the new key"}, status: 303}.
					check(t, fresh.complete(t, replaced, p.authorize(t, fresh.begin(t, both, ""))))
			})
		})
	}
}

// postgresURL is a schema of its own.
func postgresURL(t *testing.T) string {
	at := env("GUARD_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test")
	name := ownDatabase(t, "pgx", at, "SCHEMA", "PostgreSQL (apt-get install postgresql, or set GUARD_POSTGRES_URL)")
	return "DATABASE_URL=" + at + "?search_path=" + name
}

func (v *visitor) copy() *visitor { return &visitor{maps.Clone(v.cookies), v.p} }

func sharedSignIn(t *testing.T, p *provider, a, b *process) {
	v := newVisitor(p)
	q := p.authorize(t, v.begin(t, a, "?next=/inbox"))
	row{status: 303, header: []string{"Location: /inbox"}}.check(t, v.complete(t, b, q))
	for _, server := range []*process{a, b} {
		row{status: 200, body: me(p, "user-1", "dana@example.com")}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
	}
	stolen := v.copy()
	checkHint(t, v, a, true)
	row{status: 401, body: e(401, "Invalid session")}.check(t, stolen.do(t, b, call{do: "GET /oauth/me"}))
}

func sharedReplay(t *testing.T, p *provider, a, b *process) {
	for name, change := range map[string]func(url.Values){
		"accepted": func(url.Values) {},
		"declined": func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") },
		"refused":  func(q url.Values) { q.Set("code", "guessed") },
	} {
		v := newVisitor(p)
		q := p.authorize(t, v.begin(t, a, ""))
		copied, right := v.copy(), url.Values{"code": q["code"], "state": q["state"], "iss": q["iss"]}
		change(q)
		v.complete(t, a, q)
		exchanges := p.called("/token")
		row{call: call{do: name}, status: 400, body: invalidSignIn}.check(t, copied.complete(t, b, right))
		if copied.signedIn() || p.called("/token") != exchanges {
			t.Errorf("%s: the code was exchanged again", name)
		}
	}
	// An outage of the token endpoint leaves it, for each process.
	v := newVisitor(p)
	q := p.authorize(t, v.begin(t, a, ""))
	p.set(at("/token", respond(503, "")))
	row{status: 503, body: e(503, "")}.check(t, v.complete(t, a, q))
	p.heal()
	row{status: 303}.check(t, v.complete(t, b, q))
}

// sharedRace: of 64 callbacks at once one signs in.
func sharedRace(t *testing.T, p *provider, a, b *process) {
	v := newVisitor(p)
	q := p.authorize(t, v.begin(t, a, ""))
	exchanges := p.called("/token")
	var mu sync.Mutex
	var wg sync.WaitGroup
	statuses := map[int]int{}
	for i := range 64 {
		wg.Go(func() {
			status := v.copy().complete(t, []*process{a, b}[i%2], q).status
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	if statuses[303] != 1 || statuses[400] != 63 || p.called("/token")-exchanges != 1 {
		t.Errorf("%v, %d exchanges", statuses, p.called("/token")-exchanges)
	}
}

// checkHint signs out, and checks whether the provider gets an ID token or, in its place,
// the client_id.
func checkHint(t *testing.T, v *visitor, server *process, known bool) {
	t.Helper()
	a := v.do(t, server, call{do: "POST /oauth/logout"})
	row{status: 303, header: []string{"Location: ~^" + v.p.url + `/logout\?`}}.check(t, a)
	q := guard.Must(url.Parse(a.header.Get("Location"))).Query()
	if hint := q.Get("id_token_hint"); (hint != "") != known || known && !v.p.hidden()[hint] || (q.Get("client_id") == clientID) == known {
		t.Errorf("id_token_hint %q, client_id %q", hint, q.Get("client_id"))
	}
	if v.signedIn() {
		t.Error("the cookie stays")
	}
}

// sharedBackChannel: what ends at one process has ended at the others, and a token is spent
// at all of them.
func sharedBackChannel(t *testing.T, p *provider, a, b *process) {
	v, other := newVisitor(p), newVisitor(p)
	other.signIn(t, a)
	v.signIn(t, a)
	sid, _ := p.last()
	token := p.logoutToken(object{"sid": sid})
	row{status: 200}.check(t, b.send(t, backChannel(token)))
	if v.me(t, a) != 401 || other.me(t, a) != 200 {
		t.Error("not the session of the sid")
	}
	row{status: 400, body: e(400, "Invalid logout token")}.check(t, a.send(t, backChannel(token)))
	row{status: 200}.check(t, b.send(t, backChannel(p.logoutToken(object{}))))
	if other.me(t, a) != 401 {
		t.Error("not all sessions of the sub")
	}
	// A sign-in that is under way at another process gets no session.
	p.set(at("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		sid, _ := p.last()
		row{status: 200}.check(t, b.send(t, backChannel(p.logoutToken(object{"sid": sid}))))
		respond(200, `{"sub":"user-1"}`)(w, r)
	}))
	q := p.authorize(t, v.begin(t, a, ""))
	row{status: 401}.check(t, v.complete(t, a, q))
	p.heal()
}
