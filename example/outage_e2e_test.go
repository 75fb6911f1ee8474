package main_test

import (
	"net"
	"os/exec"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// redisOf starts a Redis of this test's own. stop ends it, and start starts an
// empty one in its place.
func redisOf(t *testing.T) (url string, stop, start func()) {
	t.Helper()
	harness.Program(t, "redis-server")
	port := harness.FreePort(t)
	var cmd *exec.Cmd
	start = func() {
		cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "Redis listens", func() bool {
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	start()
	t.Cleanup(func() { stop() })
	return "redis://127.0.0.1:" + port, stop, start
}

// TestOutage: while a store is down, what needs it is 503 and never a 401, 403
// or 404; no cookie is set or cleared; and what needs no store goes on.
func TestOutage(t *testing.T) {
	t.Parallel()
	url, stop, restart := redisOf(t)
	p := start(t, "REDIS_URL="+url)
	pair, c := p.login(t, "/refresh/login", alice), p.signIn(t, alice)
	token := p.login(t, "/jwt/login", alice).Access
	stop()
	down := e(503, "")
	none := []string{"Set-Cookie:", "WWW-Authenticate:"}
	html := append(cookie(c), "Accept: text/html")
	p.rows(t, []row{
		{"a session", sessionProfile(cookie(c)...), 503, down, none},
		{"no session", sessionProfile(), 401, e(401, "Not authenticated"), nil},
		{"a malformed session", sessionProfile("Cookie: " + c.Name + "=x"), 401, e(401, "Invalid session"), nil},
		{"login", call{do: "POST /session/login", body: alice}, 503, down, none},
		{"login, wrong", call{do: "POST /session/login", body: wrong}, 401, badCredentials, []string{"Set-Cookie:"}},
		{"logout", sessionLogout(cookie(c)...), 503, down, none},
		{"the page", call{do: "GET /session/", header: html}, 503, "~Service Unavailable", none},
		{"the page of nobody", call{do: "GET /session/", header: []string{"Accept: text/html"}}, 200, "~Sign in", nil},
		{"an access token", call{do: "GET /refresh/profile", header: bearer(pair.Access)}, 503, down, none},
		{"a forged one", call{do: "GET /refresh/profile", header: bearer("garbage")}, 401, e(401, "Invalid token"), nil},
		{"refresh", refreshCall(pair.Refresh), 503, down, none},
		{"refresh, forged", refreshCall("garbage"), 401, badRefresh, nil},
		{"refresh, login", call{do: "POST /refresh/login", body: alice}, 503, down, none},
		{"refresh, logout", call{do: "POST /refresh/logout", body: refreshBody(pair.Refresh), header: bearer(pair.Access)}, 503, down, none},
		{"a limit", call{do: "POST /practices/login", body: alice}, 503, down, none},
		{"failed logins are counted here meanwhile", call{do: "POST /complete/login", body: alice}, 200, "", nil},
		{"no key of the ring", call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_12345"}}, 200, "", nil},
		{"tokens need no store", call{do: "GET /jwt/profile", header: bearer(token)}, 200, "", nil},
	})
	restart()
	harness.Eventually(t, "the sessions are back", func() bool { return p.send(t, sessionProfile(cookie(c)...)).status != 503 })
	p.rows(t, []row{ // it is back, and has forgotten all
		{"a session that is gone", sessionProfile(cookie(c)...), 401, e(401, "Invalid session"), nil},
		{"a refresh token that is gone", refreshCall(pair.Refresh), 401, badRefresh, nil},
	})
	row{status: 200}.check(t, p.send(t, sessionProfile(cookie(p.signIn(t, bob))...)))
}
