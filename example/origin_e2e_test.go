package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	handled = regexp.MustCompile(`\.Handle\("(GET|POST|PUT|PATCH|DELETE) (/(?:session|link|totp|passkey|stepup|app|apikey)/[^"]*)"`)
	routed  = regexp.MustCompile(`\b(?:a\.route\(|path: )"(/app/[^"]*)"`)
)

// routesOf returns the routes of the sections that share the accounts, as their files
// mount them.
func routesOf(t *testing.T) (calls []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range handled.FindAllStringSubmatch(string(text), -1) {
			calls = append(calls, m[1]+" "+m[2])
		}
		for _, m := range routed.FindAllStringSubmatch(string(text), -1) {
			calls = append(calls, "GET "+m[1], "POST "+m[1])
		}
	}
	for _, path := range []string{"/link/reset", "/link/login", "/app/reset", "/app/login/link"} { // of linkPages
		calls = append(calls, "GET "+path, "POST "+path)
	}
	unnamed := strings.NewReplacer("{$}", "", "{id}", "x")
	calls = slices.DeleteFunc(calls, func(do string) bool { return do == "GET /apikey/protected" }) // has no session
	for i := range calls {
		calls[i] = unnamed.Replace(calls[i])
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// TestOrigins: a browser's request from another site, and a WebSocket that one opens, is
// refused by every route that shares the accounts, with and without a session.
func TestOrigins(t *testing.T) {
	t.Parallel()
	calls := routesOf(t)
	for _, want := range []string{ // the patterns above find the routes
		"POST /session/login", "POST /link/reset", "POST /totp/verify", "POST /passkey/login", "DELETE /passkey/credentials/x", "POST /stepup/transfer",
		"POST /app/login", "POST /app/signup", "POST /app/providers/link", "POST /app/admin", "POST /app/keys", "POST /apikey/keys/x/revoke", "GET /session/profile",
	} {
		if !slices.Contains(calls, want) {
			t.Errorf("%s is not among the routes: %v", want, calls)
		}
	}
	if len(calls) < 60 {
		t.Errorf("%d routes: %v", len(calls), calls)
	}
	p := startOAuth(t, newProvider(t))
	session := cookie(p.signIn(t, alice))
	refused := row{status: 403, body: e(403, ""), header: []string{"Set-Cookie:", "Location:"}}
	for _, do := range calls {
		sites := [][]string{{"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"}, {"Origin: https://evil.example"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site", "Origin: " + p.url}}
		if strings.HasPrefix(do, "GET ") {
			ws := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
			for i := range sites {
				sites[i] = append(sites[i], ws...)
			}
		}
		for _, site := range sites {
			for _, header := range [][]string{site, append(session, site...)} {
				refused.call = call{do: do + " " + strings.Join(header, ", ")}
				refused.check(t, p.send(t, call{do: do, header: header}))
			}
		}
	}
	row{call: call{do: "the session"}, status: 200}.check(t, p.send(t, sessionProfile(session...)))
}
