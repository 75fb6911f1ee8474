package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// TestCookieMixes sends every mix of three cookies: a guard passes on the subject of the
// only ones that are complete, a step the subject of the only half sign-ins, and a login
// ends them all.
func TestCookieMixes(t *testing.T) {
	kinds := map[string]func(*profiles) *http.Cookie{
		"alice":        func(m *profiles) *http.Cookie { _, c := create(t, m, "alice"); return c },
		"bob":          func(m *profiles) *http.Cookie { _, c := create(t, m, "bob"); return c },
		"half alice":   func(m *profiles) *http.Cookie { _, c := pending(t, m); return c },
		"half bob":     func(m *profiles) *http.Cookie { return halfOf(t, m, "bob", "totp") },
		"another step": func(m *profiles) *http.Cookie { return halfOf(t, m, "alice", "webauthn") },
		"guest":        func(m *profiles) *http.Cookie { _, c := guest(t, m); return c },
		"unknown": func(m *profiles) *http.Cookie {
			return &http.Cookie{Name: "__Secure-session", Value: strings.Repeat("A", 43)}
		},
	}
	for a := range kinds {
		for b := range kinds {
			for c := range kinds {
				checkMix(t, []string{a, b, c}, func(m *profiles) []*http.Cookie {
					return []*http.Cookie{kinds[a](m), kinds[b](m), kinds[c](m)}
				})
			}
		}
	}
}

func halfOf(t testing.TB, m *profiles, subject, step string) *http.Cookie {
	t.Helper()
	w := recorder()
	if _, err := m.Create(w, request("POST"), subject, profile{}, session.Pending(step, time.Minute)); err != nil {
		t.Fatal(err)
	}
	return cookieOf(t, w)
}

func checkMix(t *testing.T, names []string, cookies func(*profiles) []*http.Cookie) {
	t.Helper()
	// only returns the one of alice and bob that is among the names behind prefix.
	only := func(prefix string) string {
		alice, bob := slices.Contains(names, prefix+"alice"), slices.Contains(names, prefix+"bob")
		switch {
		case alice && !bob:
			return "alice"
		case bob && !alice:
			return "bob"
		}
		return ""
	}
	m := manager(t, &session.Options{Domain: "example.com"})
	for i, step := range []guard.Middleware{guard.Require(m), guard.Optional(m), guard.Lenient(m), guard.Require(m.Step("totp"))} {
		want := only("")
		if i == 3 {
			want = only("half ")
		}
		w, reached := serve(t, step, request("GET", all(cookies(m)...)))
		subject := ""
		if reached {
			subject, _, _ = strings.Cut(w.Body.String(), " ")
		}
		if subject != want {
			t.Errorf("%q, %d: %q, want %q", names, i, subject, want)
		}
	}
	for _, subject := range []string{"alice", "bob"} {
		if _, err := m.DestroyAll(t.Context(), subject); err != nil {
			t.Fatal(err)
		}
	}
	create(t, m, "carol", all(cookies(m)...))
	for _, subject := range []string{"alice", "bob"} {
		if n, err := m.DestroyAll(t.Context(), subject); n != 0 || err != nil {
			t.Errorf("%q: %d of %s outlive the login, %v", names, n, subject, err)
		}
	}
}
