package main_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestLoginsTrim: every login ignores spaces around the e-mail address, and one of spaces
// alone is none.
func TestLoginsTrim(t *testing.T) {
	t.Parallel()
	p := start(t)
	typed := func(do, email string) call {
		if path, ok := strings.CutPrefix(do, "form "); ok {
			return form("POST "+path, url.Values{"email": {email}, "password": {"secret"}})
		}
		return call{do: "POST " + do, body: credentials(email, "secret")}
	}
	for _, path := range []string{"/jwt/login", "/refresh/login", "/session/login", "form /session/login", "form /app/login", "/totp/login", "/practices/login", "/complete/login"} {
		want := p.send(t, typed(path, "bob@example.com")).status
		if want != 200 && want != 303 {
			t.Errorf("%s: %d", path, want)
		}
		row{call: call{do: path}, status: want}.check(t, p.send(t, typed(path, " Bob@example.com\t")))
		none := p.send(t, typed(path, ""))
		row{call: call{do: path + " without an address"}, status: none.status, body: none.body}.check(t, p.send(t, typed(path, " \t")))
	}
}
