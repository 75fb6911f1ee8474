package main_test

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestIndex: the page and the text list the same commands, and these are answered
// as they say.
func TestIndex(t *testing.T) {
	t.Parallel()
	harness.Program(t, "curl")
	p := start(t)
	private := []string{"Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Vary: Accept"}
	text := p.send(t, call{do: "GET /", header: []string{"Accept: */*"}})
	row{status: 200, body: "~/apikey", header: append(private, "Content-Type: text/plain; charset=utf-8")}.check(t, text)
	page := p.send(t, call{do: "GET /", header: []string{"Accept: text/html,*/*;q=0.8"}})
	row{status: 200, body: "~^<!doctype html>", header: append(private, "Content-Type: text/html; charset=utf-8",
		`Content-Security-Policy: ~^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`)}.check(t, page)

	content := html.UnescapeString(page.body)
	script := "set -e\ncurl() { command curl -sS -m 20 -w ' %{http_code}' \"$@\"; }\n"
	tokens := regexp.MustCompile(`(?m)^  (\w+=\$\(.+\))$`).FindAllStringSubmatch(text.body, -1)
	for _, token := range tokens {
		script += token[1] + "\n"
	}
	if len(tokens) != 2 || !strings.Contains(content, "<code>"+tokens[0][1]+"\n"+tokens[1][1]+"</code>") {
		t.Errorf("tokens: %q", tokens)
	}
	var prefixes, answers []string
	for _, e := range regexp.MustCompile(`(?m)^(/\w+)\n  .+\n  (.+)\n  refused, (4\d\d) (.+):\n  (.+)$`).FindAllStringSubmatch(text.body, -1) {
		prefixes = append(prefixes, e[1])
		answers = append(answers, `(?s:.+?) 20\d`, `.*"`+regexp.QuoteMeta(e[4])+`".* `+e[3])
		script += e[2] + "; echo\n" + e[5] + "; echo\n"
		for _, part := range []string{"<h2>" + e[1] + "</h2>", "<code>" + e[2] + "</code>", "<code>" + e[5] + "</code>", ">" + e[3] + " " + e[4] + "<"} {
			if !strings.Contains(content, part) {
				t.Errorf("the page lacks %s", part)
			}
		}
	}
	// /oidc is not served without its settings.
	want := strings.Fields("/apikey /bearer /jwt /refresh /rbac /permissions /owner /optional /session /practices /complete /link /totp /passkey /stepup /webhook /app")
	if !slices.Equal(prefixes, want) || strings.Contains(content, "/oidc") {
		t.Errorf("listed are %q, want %q", prefixes, want)
	}
	shell := exec.Command("sh", "-c", script)
	shell.Dir = t.TempDir()                                                              // of the cookie jar
	if err := os.Symlink(os.Args[0], filepath.Join(shell.Dir, "oathtool")); err != nil { // see TestMain
		t.Fatal(err)
	}
	shell.Env = append(os.Environ(), "PATH="+shell.Dir+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	if err != nil || !regexp.MustCompile("^"+strings.Join(answers, "\n")+"\n$").Match(out) {
		t.Errorf("%v: %s\nwant %s", err, out, strings.Join(answers, "\n"))
	}

	p.rows(t, []row{
		{"HEAD", call{do: "HEAD /"}, 200, "", private},
		{"nothing else", call{do: "GET /nothing"}, 404, "", nil},
		{"no other method", call{do: "POST /"}, 405, "", []string{"Allow: GET, HEAD"}},
	})
}

// TestIndexOfOIDC: the section was listed while it was 404.
func TestIndexOfOIDC(t *testing.T) {
	t.Parallel()
	p := start(t, "OIDC_ISSUER=https://issuer.example", "OIDC_AUDIENCE=api")
	p.rows(t, []row{
		{"listed", call{do: "GET /"}, 200, `~(?m)^/oidc$`, nil},
		{"refused as listed", call{do: "GET /oidc/profile"}, 401, e(401, "JWT token required"), nil},
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
	for _, name := range strings.Fields("-dev -addr ADDR JWT_SECRET_KEY REDIS_URL DATABASE_URL RATE_LIMITS TRUSTED_PROXIES OIDC_ISSUER OIDC_AUDIENCE OIDC_JWKS_URL OIDC_REFETCH " +
		"PUBLIC_URL OAUTH_ISSUER OAUTH_CLIENT_ID OAUTH_CLIENT_SECRET OAUTH_AUTHORIZE_URL OAUTH_TOKEN_URL OAUTH_USERINFO_URL OAUTH_RESPONSE_MODE MAIL_URL WEBHOOK_SECRET SEAL_KEY") {
		if !strings.Contains(string(out), "\n  "+name+" ") && !strings.Contains(string(out), "\n  "+name+"\n") {
			t.Errorf("-h does not name %s: %s", name, out)
		}
	}
}
