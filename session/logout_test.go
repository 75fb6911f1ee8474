package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// TestLogoutHandler: a browser that logged out twice got a 401 page.
func TestLogoutHandler(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	const cleared = "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	const form = "Content-Type: application/x-www-form-urlencoded"
	h := m.LogoutHandler("/login")
	for _, tt := range []struct {
		name   string
		header []string
		want   int // of each
	}{
		{"a form", []string{form, "Accept: */*"}, 303},
		{"a form with its charset", []string{form + ";charset=UTF-8"}, 303},
		{"a form with files", []string{"Content-Type: multipart/form-data; boundary=x"}, 303},
		{"a browser", []string{"Accept: text/html,application/xhtml+xml,*/*;q=0.8"}, 303},
		{"a navigation", []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: same-origin"}, 303},
		{"a script", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin", "Accept: */*"}, 204},
		{"a script with a text", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin", "Content-Type: text/plain;charset=UTF-8"}, 204},
		{"JSON", []string{"Content-Type: application/json", "Accept: application/json"}, 204},
		{"a program", nil, 204},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c := create(t, m, "alice")
			dead := with(c)
			for i, header := range [][]string{{with(c)}, {dead}, {"Cookie: " + c.Name + "=x"}, {with(c), with(c)}, nil} {
				w := recorder()
				h.ServeHTTP(w, request("POST", slices.Concat(tt.header, header)...))
				want := tt.want
				if header == nil && want == 204 {
					want = 401
				}
				if w.Code != want || (w.Header().Get("Location") == "/login") != (want == 303) || (w.Body.Len() > 0) != (want == 401) {
					t.Errorf("request %d: %d %v %s, want %d", i, w.Code, w.Header(), w.Body, want)
				}
				if got := w.Header().Get("Set-Cookie"); (got == cleared) != (want != 401) || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("request %d: %v", i, w.Header())
				}
			}
			alive(t, m, c, invalid)
			// Failures are those of Destroy.
			_, c = create(t, m, "alice")
			methods = "Delete"
			w := recorder()
			h.ServeHTTP(w, request("POST", slices.Concat(tt.header, []string{with(c)})...))
			methods = ""
			if w.Code != 503 || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			w = recorder()
			h.ServeHTTP(w, request("POST", append([]string{"Sec-Fetch-Site: cross-site", with(c)}, tt.header...)...))
			if w.Code != 403 || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("from another site: %d %v", w.Code, w.Header())
			}
			for _, method := range []string{"GET", "HEAD", "DELETE"} {
				w := recorder()
				h.ServeHTTP(w, request(method, slices.Concat(tt.header, []string{with(c)})...))
				if w.Code != 405 || w.Header().Get("Allow") != "POST" {
					t.Errorf("%s: %d %v", method, w.Code, w.Header())
				}
			}
			alive(t, m, c, "alice")
		})
	}
}

// Each answer is one decision, which names the subject.
func TestLogoutHandlerReports(t *testing.T) {
	m := manager(t, nil)
	_, c := create(t, m, "alice")
	for _, tt := range []struct {
		header  []string
		outcome guard.Outcome
		subject string
	}{
		{[]string{with(c), "Accept: text/html"}, guard.Allowed, "alice"},
		{[]string{with(c), "Accept: text/html"}, guard.Allowed, ""},
		{[]string{"Accept: text/html"}, guard.Allowed, ""},
		{nil, guard.Refused, ""},
	} {
		got := observed(t, request("POST", tt.header...), func(w http.ResponseWriter, r *http.Request) error {
			m.LogoutHandler("/login").ServeHTTP(w, r)
			return nil
		})
		if len(got) != 1 || got[0].Action != "sign-out" || got[0].Outcome != tt.outcome || got[0].Subject != tt.subject {
			t.Errorf("%q: %+v", tt.header, got)
		}
	}
}

func TestLogoutHandlerWiring(t *testing.T) {
	for _, next := range []string{"", "login", "//evil.example", "https://evil.example/", "/\\evil.example"} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, "a path of this site") {
					t.Errorf("%q: %q", next, p)
				}
			}()
			manager(t, nil).LogoutHandler(next)
		}()
	}
}
