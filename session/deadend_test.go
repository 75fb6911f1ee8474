package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// TestNoDeadEnd: whatever cookie of another path stays in a browser, the next login
// works, and so does the next logout.
func TestNoDeadEnd(t *testing.T) {
	m := manager(t, &session.Options{InsecureCookie: true})
	mallory := func() string { _, c := create(t, m, "mallory"); return c.Value }
	for name, plant := range map[string]func() string{
		"a dead one":           func() string { return strings.Repeat("A", 43) },
		"garbage":              func() string { return "x" },
		"an attacker's":        mallory,
		"the victim's old one": func() string { _, c := create(t, m, "alice"); return c.Value },
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /account/login", func(w http.ResponseWriter, r *http.Request) {
			if _, err := m.Create(w, r, "alice", profile{}); err != nil {
				guard.Refuse(w, r, err)
			}
		})
		mux.HandleFunc("POST /account/logout", func(w http.ResponseWriter, r *http.Request) {
			if err := m.Destroy(w, r); err != nil {
				guard.Refuse(w, r, err)
			}
		})
		mux.Handle("GET /account/", m.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *login) {
			fmt.Fprint(w, s.Sub())
		})))
		srv := httptest.NewServer(mux)
		jar, _ := cookiejar.New(nil)
		do := func(method, path string) (int, string) {
			t.Helper()
			r, _ := http.NewRequestWithContext(context.Background(), method, srv.URL+path, nil)
			res, err := (&http.Client{Jar: jar}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body := make([]byte, 100)
			n, _ := res.Body.Read(body)
			return res.StatusCode, string(body[:n])
		}
		u, _ := url.Parse(srv.URL + "/account/")
		signIn := func() {
			t.Helper()
			if code, body := do("POST", "/account/login"); code != 200 {
				t.Errorf("%s: login %d %s", name, code, body)
			}
			if code, body := do("GET", "/account/"); code != 200 || body != "alice" {
				t.Errorf("%s: after the login %d %s", name, code, body)
			}
		}
		signIn()
		jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: plant(), Path: "/account"}})
		do("GET", "/account/") // the attacker's ends both sessions
		signIn()
		if code, body := do("POST", "/account/logout"); code != 200 {
			t.Errorf("%s: logout %d %s", name, code, body)
		}
		if code, body := do("GET", "/account/"); code != 401 {
			t.Errorf("%s: after the logout %d %s", name, code, body)
		}
		signIn()
		if cookies := jar.Cookies(u); len(cookies) != 2 {
			t.Errorf("%s: the planted cookie is gone, and the test proves nothing: %v", name, cookies)
		}
		srv.Close()
	}
}
