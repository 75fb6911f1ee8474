package main_test

import (
	"net/url"
	"strings"
	"testing"
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
			return []string{postgresURL(t), redisURL(t, 5), "PUBLIC_URL=http://localhost:12012"}
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
		env := []string{redisURL(t, 4), "PUBLIC_URL=http://localhost:12013", "SEAL_KEY=" + sealKey(1)}
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
