package main_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var recoveryCode = regexp.MustCompile(`[A-Z2-7]{4}(-[A-Z2-7]{4}){3}`)

// TestAppCrawl follows each link and sends each form, as alice and as a visitor, and finds no
// dead end and no failure.
func TestAppCrawl(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"alice@example.com", ""} {
		p := start(t)
		login := func() surfer {
			s := surf(p)
			if email != "" {
				s.signIn(t, email, "secret", "/app/")
			}
			return s
		}
		s := login()
		seen, sent := map[string]bool{}, map[string]bool{}
		queue := []string{"/app/", "/app/login?next=/app/email", "/app/second", "/app/nothing", "/app/signup?token=x", "/app/email/undo", "/stepup/transfer"}
		var visit func(where string, a answer, page webpage)
		visit = func(where string, a answer, page webpage) {
			if a.status >= 500 {
				t.Errorf("%s: %v", where, a)
			}
			if a.status == 303 {
				page.links = []string{a.header.Get("Location")}
			}
			queue = append(queue, page.links...)
			for _, f := range page.forms {
				key := f.action + strings.Join(f.names, " ")
				if sent[key] || f.action == "" {
					continue
				}
				sent[key] = true
				for _, typed := range []string{"", "x", "<b>y@example.com"} {
					s = login()
					values := url.Values{}
					for name, v := range f.hidden {
						values[name] = v
					}
					for _, name := range f.names {
						values.Set(name, typed)
					}
					a, page := s.post(t, f.action, values)
					visit("form of "+f.action, a, page)
				}
				s = login()
			}
		}
		for len(queue) > 0 {
			path, _, _ := strings.Cut(queue[0], "#")
			queue = queue[1:]
			if seen[path] {
				continue
			}
			seen[path] = true
			if !strings.HasPrefix(path, "/app/") {
				row{call: call{do: path}, status: map[bool]int{true: 303, false: 200}[path == "/stepup/transfer"]}.check(t, s.do(t, p, call{do: "GET " + path, header: []string{asPage}}))
				continue
			}
			a, page := s.get(t, path)
			visit(path, a, page)
		}
		want := []string{"/app/", "/app/login", "/app/signup", "/app/reset", "/app/login/link"}
		forms := []string{"/app/login", "/app/signup", "/app/reset", "/app/login/link"}
		if email != "" {
			want = append(want, "/app/sessions", "/app/password", "/app/email", "/app/factor", "/app/passkeys")
			forms = append(forms, "/app/password", "/app/email", "/app/factor/enroll", "/app/factor/confirm", "/app/logout")
		}
		for _, path := range want {
			if !seen[path] {
				t.Errorf("%q: no page leads to %s", email, path)
			}
		}
		for _, action := range forms {
			if !slices.ContainsFunc(slices.Collect(mapKeys(sent)), func(key string) bool { return strings.HasPrefix(key, action) }) {
				t.Errorf("%q: no page has the form of %s", email, action)
			}
		}
		if len(seen) > 200 {
			t.Errorf("%d pages", len(seen))
		}
	}
}

func mapKeys(m map[string]bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// appRoutes are the pages of /app, and what they accept.
var appRoutes = map[string]string{
	"/app/": "GET, HEAD", "/app/sessions": "GET, HEAD, POST", "/app/login": "GET, HEAD, POST", "/app/login/link": "GET, HEAD, POST", "/app/second": "GET, HEAD, POST",
	"/app/logout": "GET, HEAD, POST", "/app/signup": "GET, HEAD, POST", "/app/reset": "GET, HEAD, POST", "/app/password": "GET, HEAD, POST", "/app/email": "GET, HEAD, POST",
	"/app/passkeys": "GET, HEAD", "/app/email/link": "GET, HEAD, POST", "/app/email/undo": "GET, HEAD, POST", "/app/factor": "GET, HEAD", "/app/factor/enroll": "GET, HEAD, POST",
	"/app/factor/confirm": "GET, HEAD, POST", "/app/factor/recovery": "GET, HEAD, POST", "/app/factor/remove": "GET, HEAD, POST",
}

// TestAppHeaders: every answer of every route has the header fields, and every error is a
// page for a browser and JSON for a program.
func TestAppHeaders(t *testing.T) {
	t.Parallel()
	p := start(t)
	s := surf(p)
	s.signIn(t, "alice@example.com", "secret", "/app/")
	asForm := "Content-Type: application/x-www-form-urlencoded"
	for path, allow := range appRoutes {
		for _, v := range []*person{newPerson(), s.copy()} {
			for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST"} {
				a := v.do(t, p, call{do: method + " " + path, header: []string{asPage, "Sec-Fetch-Site: same-origin"}})
				row{call: call{do: method + " " + path}, status: a.status, header: appHeaders}.check(t, a)
				if !strings.Contains(allow, method) && (a.status != 405 || a.header.Get("Allow") != allow) {
					t.Errorf("%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
				}
				if a.status >= 500 || a.status == 200 && method == "OPTIONS" {
					t.Errorf("%s %s: %v", method, path, a)
				}
			}
		}
		row{call: call{do: "a program, " + path}, status: 405, body: e(405, ""), header: appHeaders}.check(t, p.send(t, call{do: "PATCH " + path}))
		if strings.Contains(allow, "POST") {
			for name, c := range map[string]call{
				"403": form("POST "+path, nil, asPage, "Sec-Fetch-Site: cross-site"),
				"413": {do: "POST " + path, body: "email=" + strings.Repeat("x", 1<<20), header: []string{asForm, asPage}},
				"400": {do: "POST " + path, body: "email=%zz", header: []string{asForm, asPage}},
			} {
				a, page := s.read(t, path, s.copy().do(t, p, c))
				if page.heading == "" || !strings.HasPrefix(name, map[int]string{403: "403", 413: "413", 400: "400"}[a.status]) || a.status == 200 {
					t.Errorf("%s: %s: %d %q", path, name, a.status, page.heading)
				}
			}
		}
	}
	for path, want := range map[string]int{"/app/nothing": 404, "/app/login/": 404, "/app/email/link": 400, "/app/reset?token=x": 400} {
		a, page := s.get(t, path)
		if a.status != want || len(page.links) == 0 {
			t.Errorf("%s: %d", path, a.status)
		}
		row{call: call{do: "a program, " + path}, status: want, body: e(want, ""), header: appHeaders}.check(t, p.send(t, call{do: "GET " + path}))
	}
	a, page := surf(p).post(t, "/app/password", url.Values{"as": {"1"}})
	if a.status != 401 || page.heading != "Sign in again" || !slices.ContainsFunc(page.links, func(l string) bool { return strings.HasPrefix(l, "/app/login?next=") }) {
		t.Errorf("a form without a session: %d %q %v", a.status, page.heading, page.links)
	}
	row{call: call{do: "a program"}, status: 401, body: e(401, ""), header: append([]string{"Location:"}, appHeaders...)}.check(t, p.send(t, call{do: "GET /app/sessions"}))
}

// TestAppIsNotMounted: without mail or a key there is no route, and the program says so.
func TestAppIsNotMounted(t *testing.T) {
	t.Parallel()
	sealed, mailed := "SEAL_KEY="+sealKey(1), "MAIL_URL=smtp://127.0.0.1:1"
	for logged, env := range map[string][]string{
		"MAIL_URL is not set: /app is not mounted": {sealed}, "SEAL_KEY is not set: /app is not mounted": {mailed},
		"PUBLIC_URL is neither https nor of localhost: /app is not mounted": {sealed, mailed, "PUBLIC_URL=http://app.example"},
	} {
		p := launch(t, append(env, "JWT_SECRET_KEY="+secret), "-addr", "127.0.0.1:0")
		row{status: 404}.check(t, p.send(t, call{do: "GET /app/"}))
		if !strings.Contains(p.logs(), logged) {
			t.Errorf("the log lacks %q: %s", logged, p.logs())
		}
	}
}
