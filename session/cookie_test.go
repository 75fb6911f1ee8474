package session_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestCookie(t *testing.T) {
	const token = "TOKEN"
	tests := []struct {
		name string
		opts session.Options
		keep time.Duration
		set  string
	}{
		{"default", session.Options{}, 0, "__Host-session=TOKEN; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"remembered", session.Options{}, 7 * 24 * time.Hour, "__Host-session=TOKEN; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax"},
		{"strict and named", session.Options{Name: "id", SameSite: http.SameSiteStrictMode}, 0, "__Host-id=TOKEN; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{"in frames", session.Options{SameSite: http.SameSiteNoneMode}, 0, "__Host-session=TOKEN; Path=/; HttpOnly; Secure; SameSite=None"},
		{"partitioned", session.Options{SameSite: http.SameSiteNoneMode, Partitioned: true}, 12 * time.Hour, "__Host-session=TOKEN; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"remembered for long", session.Options{MaxLifetime: 400 * 24 * time.Hour}, 1000 * 24 * time.Hour, "__Host-session=TOKEN; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"},
		{"for a domain", session.Options{Domain: "example.com"}, 0, "__Secure-session=TOKEN; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"},
		{"insecure", session.Options{InsecureCookie: true}, 0, "session=TOKEN; Path=/; HttpOnly; SameSite=Lax"},
		{"insecure, for a domain", session.Options{InsecureCookie: true, Domain: "example.com"}, 12 * time.Hour, "session=TOKEN; Path=/; Domain=example.com; Max-Age=43200; HttpOnly; SameSite=Lax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := manager(t, &tt.opts)
			w := recorder()
			s, err := m.Create(w, request("POST"), "alice", profile{}, session.For(tt.keep))
			if err != nil {
				t.Fatal(err)
			}
			c := cookieOf(t, w)
			if got := strings.Replace(w.Header().Get("Set-Cookie"), c.Value, token, 1); got != tt.set || len(c.Value) != 43 {
				t.Errorf("set as\n%s, want\n%s", got, tt.set)
			}
			w = recorder()
			if _, err := m.Rotate(w, request("POST", with(c)), s); err != nil {
				t.Fatal(err)
			}
			rotated := cookieOf(t, w)
			if got := strings.Replace(w.Header().Get("Set-Cookie"), rotated.Value, token, 1); got != tt.set || rotated.Value == c.Value {
				t.Errorf("rotated as\n%s, want\n%s", got, tt.set)
			}
			w = recorder()
			if err := m.Destroy(w, request("POST", with(rotated))); err != nil {
				t.Fatal(err)
			}
			cookieOf(t, w)
			age := "Max-Age=0; HttpOnly"
			cleared := strings.Replace(w.Header().Get("Set-Cookie"), age, "HttpOnly", 1)
			before, after, _ := strings.Cut(tt.set, " Max-Age=")
			if after != "" {
				_, after, _ = strings.Cut(after, ";")
			}
			if want := strings.Replace(before+after, token, "", 1); cleared != want {
				t.Errorf("cleared as\n%s, want\n%s", cleared, want)
			}
			destroyed := w.Header()
			w = recorder()
			if m.Scheme().Ambient(w); !maps.EqualFunc(w.Header(), destroyed, slices.Equal) {
				t.Errorf("Ambient sets\n%v, Destroy\n%v", w.Header(), destroyed)
			}
		})
	}
}

// The Max-Age of a rotated cookie ends with the session.
func TestRememberedUntilTheEnd(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	w := recorder()
	s, err := m.Create(w, request("POST"), "alice", profile{}, session.For(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	now.Advance(20*time.Minute + time.Millisecond)
	w = recorder()
	if _, err := m.Rotate(w, request("POST", with(c)), s); err != nil {
		t.Fatal(err)
	}
	if got := cookieOf(t, w).MaxAge; got != 2400 {
		t.Errorf("Max-Age %d", got)
	}
}

// A response sets the session cookie once, whatever its handler calls. Other
// cookies are unchanged.
func TestOneCookieInAResponse(t *testing.T) {
	m := manager(t, nil)
	s0, c0 := create(t, m, "alice")
	r := request("POST", with(c0))
	w := recorder()
	http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
	w.Header().Set("Cache-Control", "public")
	w.Header().Set("Edge-Control", "max-age=600")
	s1, err := m.Rotate(w, r, s0)
	if err != nil {
		t.Fatal(err)
	}
	c1 := cookies(w)[1]
	if _, err := m.Rotate(w, r, s0); err == nil {
		t.Error("a session that was rotated was rotated again")
	}
	if _, err := m.Rotate(w, r, s1); err != nil {
		t.Errorf("a second rotation in one request: %v", err)
	}
	if _, err := m.Create(w, r, "bob", profile{}); err != nil {
		t.Fatal(err)
	}
	set := cookies(w)
	if len(set) != 2 || set[0].Name != "theme" || set[1].Name != "__Host-session" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Edge-Control") != "" {
		t.Fatalf("headers %v", w.Header())
	}
	bob := set[1]
	alive(t, m, c0, e401("Invalid session"))
	alive(t, m, c1, e401("Invalid session"))
	alive(t, m, bob, "bob")
	if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("Alice's session is alive: %v, %v", list, err)
	}
	// A session that was created in this request is destroyed too.
	if err := m.Destroy(w, r); err != nil {
		t.Fatal(err)
	}
	if set := cookies(w); len(set) != 2 || set[1].MaxAge != -1 {
		t.Errorf("headers %v", w.Header())
	}
	alive(t, m, bob, e401("Invalid session"))
	if got := w.Header()["Vary"]; len(got) != 1 {
		t.Errorf("Vary %q", got)
	}
}

// FuzzReadCookie compares with net/http's parser: a value that is accepted is the
// one it reads, and a cookie it reads is not absent.
func FuzzReadCookie(f *testing.F) {
	const name, token = "session", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, s := range []string{
		"", "session=" + token, " session = " + token + " ", "session=\"" + token + "\"", "a=b; session=" + token + ";c", "session",
		"session=;session=" + token, "session=" + token + "\n;session=\\", "=session=" + token, "a=\"session=" + token + ";session=x\"", "\vsession=x", "session\t=\tx;;",
		"$Version=1; session=\"x; session=" + token + "\"",
	} {
		f.Add(s, "")
		f.Add("a=1; b", s)
	}
	f.Fuzz(func(t *testing.T, line1, line2 string) {
		h := http.Header{"Cookie": {line1, line2}}
		got, p := field.RawCookie(h, name)
		if strings.Count(line1+line2, ";") > 2000 {
			return // net/http reads no more
		}
		want := (&http.Request{Header: h}).CookiesNamed(name)
		switch {
		case p == field.Absent && len(want) > 0:
			t.Errorf("%q: absent, net/http has %v", h, want)
		case p != field.Repeated && len(want) > 1:
			t.Errorf("%q: not repeated, net/http has %v", h, want)
		case p == field.Present && len(want) == 1:
			if w := want[0]; w.Value != got && !w.Quoted {
				t.Errorf("%q: %q, net/http has %q", h, got, w.Value)
			}
		}
		if _, ok := session.KeyOf(got); ok && p == field.Present && (len(want) != 1 || want[0].Value != got || want[0].Quoted) {
			t.Errorf("%q: %q is accepted, net/http has %v", h, got, want)
		}
	})
}
