package main_test

import (
	"html"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestIndex: the page and the text list the same commands, and these work as
// they are written.
func TestIndex(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	p := start(t)
	private := []string{"Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Vary: Accept"}
	text := p.send(t, call{do: "GET /", header: []string{"Accept: */*"}})
	row{status: 200, body: "~/apikey", header: append(private, "Content-Type: text/plain; charset=utf-8")}.check(t, text)
	page := p.send(t, call{do: "GET /", header: []string{"Accept: text/html,*/*;q=0.8"}})
	row{status: 200, body: "~^<!doctype html>", header: append(private, "Content-Type: text/html; charset=utf-8",
		`Content-Security-Policy: ~^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`)}.check(t, page)

	listed := regexp.MustCompile(`(?m)^(/\w+)\n  .+\n  (.+)$`).FindAllStringSubmatch(text.body, -1)
	var prefixes []string
	script := "set -e\ncurl() { command curl -sSf -m 20 \"$@\"; }\n"
	for _, e := range listed {
		prefixes = append(prefixes, e[1])
		if !strings.Contains(html.UnescapeString(page.body), "<h2>"+e[1]+"</h2>") || !strings.Contains(html.UnescapeString(page.body), "<code>"+e[2]+"</code>") {
			t.Errorf("the page lacks %s: %s", e[1], e[2])
		}
		if e[1] != "/oidc" { // which wants a server of its own
			script += e[2] + "; echo\n"
		}
	}
	want := strings.Fields("/apikey /bearer /jwt /refresh /rbac /permissions /owner /optional /session /practices /complete /oidc")
	if !slices.Equal(prefixes, want) {
		t.Errorf("listed are %q, want %q", prefixes, want)
	}
	shell := exec.Command("sh", "-c", script)
	shell.Dir = t.TempDir() // of the cookie jar
	out, err := shell.CombinedOutput()
	if lines := strings.Count(string(out), "\n"); err != nil || lines != len(want)-1 {
		t.Errorf("%d answers, %v: %s", lines, err, out)
	}

	p.rows(t, []row{
		{"HEAD", call{do: "HEAD /"}, 200, "", private},
		{"nothing else", call{do: "GET /nothing"}, 404, "", nil},
		{"no other method", call{do: "POST /"}, 405, "", []string{"Allow: GET, HEAD"}},
	})
}

// TestIndexOfAnotherHost: a link cannot put a command of its own into the page.
func TestIndexOfAnotherHost(t *testing.T) {
	t.Parallel()
	p := start(t)
	for host, want := range map[string]string{
		"example.com:8080": " http://example.com:8080/apikey/",
		"x$(id)":           " http://127.0.0.1:8080/apikey/",
		"x;id":             " http://127.0.0.1:8080/apikey/",
		"[::1]:8080":       " http://127.0.0.1:8080/apikey/",
	} {
		if a := p.send(t, call{do: "GET /", host: host}); !strings.Contains(a.body, want) {
			t.Errorf("%s: %s", host, a.body)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "-h").CombinedOutput()
	if err != nil {
		t.Error(err)
	}
	for _, name := range strings.Fields("-dev -addr ADDR JWT_SECRET_KEY REDIS_URL DATABASE_URL TRUSTED_PROXIES OIDC_ISSUER OIDC_AUDIENCE OIDC_JWKS_URL OIDC_REFETCH") {
		if !strings.Contains(string(out), "\n  "+name+" ") && !strings.Contains(string(out), "\n  "+name+"\n") {
			t.Errorf("-h does not name %s: %s", name, out)
		}
	}
}
