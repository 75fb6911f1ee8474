package main_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestAppShared: with a database, what is done at one process holds at the other. With
// Redis alone the accounts are those of a process, and what is spent is spent at both.
func TestAppShared(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]func(*testing.T) []string{
		"PostgreSQL": func(t *testing.T) []string {
			return []string{postgresURL(t), "RATE_LIMITS=database", "PUBLIC_URL=http://localhost:12011"}
		},
		"PostgreSQL and Redis": func(t *testing.T) []string {
			return []string{postgresURL(t), redisURL(t), "PUBLIC_URL=http://localhost:12012"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := append(env(t), "SEAL_KEY="+sealKey(1))
			a, b := start(t, settings...), start(t, settings...)
			s := surf(a)
			_, page := s.get(t, "/app/signup")
			_, _ = s.send(t, page.form(t, "/app/signup"), "email", "ada@example.com")
			link := s.mailed(t, "ada@example.com", "/app/signup")
			at := surfer{s.person, b}
			_, page = at.get(t, link)
			f := page.form(t, "/app/signup")
			both := []*process{a, b}
			oneOf64(t, func(i int) answer {
				got := newPerson().do(t, both[i%2], form("POST /app/signup", url.Values{"token": f.hidden["token"], "password": {newPassword}}, asPage))
				if got.status == 303 {
					got.status = 200
				}
				return got
			}, 400)
			s.signIn(t, "ada@example.com", newPassword, "/app/email")
			_, page = at.get(t, "/app/email")
			_, _ = at.send(t, page.form(t, "/app/email"), "email", "lovelace@example.com")
			change := at.mailed(t, "lovelace@example.com", "/app/email/link")
			_, page = s.get(t, change)
			f = page.form(t, "/app/email/link")
			oneOf64(t, func(i int) answer {
				got := s.copy().do(t, both[i%2], form("POST /app/email/link", f.hidden, asPage))
				if got.status == 303 {
					got.status = 200
				}
				return got
			}, 400, 409)
			row{status: 200, body: `~lovelace@example.com`}.check(t, s.do(t, b, sessionProfile()))
			var undo string
			for n := 1; undo == ""; n++ {
				for _, p := range both {
					if links := p.links(t, "/app/email/undo", "ada@example.com"); len(links) > 0 {
						undo = links[0]
					}
				}
			}
			_, page = at.get(t, undo[strings.Index(undo, "/app/"):])
			got, _ := at.send(t, page.form(t, "/app/email/undo"))
			at.leads(t, "undo", got, "/app/login?notice=undone")
			row{status: 401}.check(t, s.do(t, a, sessionProfile()))
		})
	}
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		env := []string{redisURL(t), "PUBLIC_URL=http://localhost:12013", "SEAL_KEY=" + sealKey(1)}
		a, b := start(t, env...), start(t, env...)
		s := surf(a)
		s.signIn(t, "bob@example.com", "secret", "/app/")
		got, _ := surfer{s.person, b}.get(t, "/app/sessions")
		row{call: call{do: "one session"}, status: 200}.check(t, got)
		signUp(t, a, "ada@example.com")
	})
}

// TestAppOutage: while the store is down every page says so, and signs no one out.
func TestAppOutage(t *testing.T) {
	t.Parallel()
	redis, stop, _ := redisOf(t)
	p := start(t, "REDIS_URL="+redis)
	s := surf(p)
	s.signIn(t, "bob@example.com", "secret", "/app/")
	_, page := s.get(t, "/app/signup")
	f := page.form(t, "/app/signup")
	stop()
	for _, path := range []string{"/app/", "/app/sessions", "/app/factor", "/app/password"} {
		a, page := s.get(t, path)
		if a.status != 503 || page.heading != "Something went wrong" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %q", path, a.status, page.heading)
		}
	}
	for _, email := range []string{"bob@example.com", "ada@example.com"} {
		a, page := surf(p).send(t, f, "email", email)
		if a.status != 503 || page.heading != "Something went wrong" {
			t.Errorf("sign up %s: %d %q", email, a.status, page.heading)
		}
	}
	a, page := surf(p).post(t, "/app/login", url.Values{"email": {"bob@example.com"}, "password": {"secret"}})
	if a.status != 503 || page.heading != "Something went wrong" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("sign in: %d %q", a.status, page.heading)
	}
}

// TestAppEmailOutage: a change of the address that cannot end the sessions does not happen,
// and can be repeated. So can its undoing: no session of a thief lives on.
func TestAppEmailOutage(t *testing.T) {
	t.Parallel()
	address, _, _ := redisOf(t)
	options, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	store := redis.NewClient(options)
	defer store.Close()
	p := start(t, "REDIS_URL="+address)
	s := signUp(t, p, "ada@example.com")
	keys, err := store.Keys(t.Context(), "example:s{*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	// twice sends the form of a link while no session can be read or ended, and again.
	twice := func(link, action, to string) {
		t.Helper()
		visitor := surf(p)
		_, page := visitor.get(t, link)
		f := page.form(t, action)
		check := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		check(store.Rename(t.Context(), keys[0], "saved").Err())
		check(store.Set(t.Context(), keys[0], "not a hash", 0).Err())
		a, page := visitor.send(t, f)
		if a.status != 503 || page.heading != "Something went wrong" {
			t.Errorf("%s: %d %q", action, a.status, page.heading)
		}
		check(store.Rename(t.Context(), "saved", keys[0]).Err())
		if action == "/app/email/link" {
			row{status: 200, body: `~"email":"ada@example.com"`}.check(t, s.do(t, p, sessionProfile()))
		}
		a, page = visitor.get(t, link)
		row{call: call{do: "the link again"}, status: 200}.check(t, a)
		a, _ = visitor.send(t, page.form(t, action))
		visitor.leads(t, action, a, to)
	}
	_, page := s.get(t, "/app/email")
	_, _ = s.send(t, page.form(t, "/app/email"), "email", "eve@example.com")
	twice(s.mailed(t, "eve@example.com", "/app/email/link"), "/app/email/link", "/app/?notice=email")
	thief := surf(p)
	thief.signIn(t, "eve@example.com", newPassword, "/app/")
	twice(s.mailed(t, "ada@example.com", "/app/email/undo"), "/app/email/undo", "/app/login?notice=undone")
	row{call: call{do: "the thief's session"}, status: 401}.check(t, thief.do(t, p, sessionProfile()))
}
