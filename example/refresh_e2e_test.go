package main_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
)

const badRefresh = `{"error":"Invalid refresh token"}`

func refreshBody(token any) string {
	b, _ := json.Marshal(map[string]any{"refresh_token": token})
	return string(b)
}

func refreshCall(token string) call {
	return call{do: "POST /refresh/refresh", body: refreshBody(token)}
}

func (p *process) alive(t *testing.T, access string, want bool) {
	t.Helper()
	a := p.send(t, call{do: "GET /refresh/profile", header: bearer(access)})
	if want {
		row{status: 200}.check(t, a)
	} else {
		row{status: 401, body: e(401, "Token revoked")}.check(t, a)
	}
}

func TestRefreshLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.rows(t, loginRows("/refresh/login"))
	tk := p.login(t, "/refresh/login", alice)
	if tk.Expires != 3600 || tk.Refresh == "" {
		t.Errorf("%+v", tk)
	}
	c := payload(t, tk.Access)
	if c["exp"].(float64)-c["iat"].(float64) != 3600 || c["type"] != "access" || c["iss"] != "refresh" || c["sub"] != "1" {
		t.Errorf("claims %v", c)
	}
	p.rows(t, []row{
		{"profile", call{do: "GET /refresh/profile", header: bearer(tk.Access)}, 200,
			`{"user":{"id":"1","email":"alice@example.com","role":"admin"}}`, nil},
		{"a refresh token as bearer", call{do: "GET /refresh/profile", header: bearer(tk.Refresh)}, 401, `~"Invalid token( type)?"`, nil},
		{"none", call{do: "GET /refresh/profile"}, 401, e(401, "JWT token required"), nil},
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	p := start(t)
	first := p.login(t, "/refresh/login", alice)
	second := p.tokens(t, refreshCall(first.Refresh))
	if second.Expires != 3600 || second.Refresh == first.Refresh || second.Access == first.Access || second.Refresh == "" {
		t.Errorf("%+v", second)
	}
	old, renewed := payload(t, first.Access), payload(t, second.Access)
	for _, name := range []string{"sub", "email", "role", "type", "iss"} {
		if old[name] != renewed[name] || renewed[name] == nil {
			t.Errorf("%s was %v, is %v", name, old[name], renewed[name])
		}
	}
	// Within 10 s, the successor unused: the same successor.
	if again := p.tokens(t, refreshCall(first.Refresh)); again.Refresh != second.Refresh {
		t.Error("another successor")
	}
	third := p.tokens(t, refreshCall(second.Refresh))
	for _, tk := range []tokens{first, second, third} {
		p.alive(t, tk.Access, true)
	}
	// The successor was used: refused, and the login lives on.
	row{status: 401, body: badRefresh}.check(t, p.send(t, refreshCall(first.Refresh)))
	for _, tk := range []tokens{first, second, third} {
		p.alive(t, tk.Access, true)
	}
	p.tokens(t, refreshCall(third.Refresh))
}

func TestRefreshOfNothing(t *testing.T) {
	t.Parallel()
	p := start(t)
	tk := p.login(t, "/refresh/login", alice)
	post := func(body string) call { return call{do: "POST /refresh/refresh", body: body} }
	none := []string{"WWW-Authenticate: ~."}
	p.rows(t, []row{
		{"an access token", refreshCall(tk.Access), 401, badRefresh, none},
		{"garbage", refreshCall("garbage"), 401, badRefresh, none},
		{"empty", refreshCall(""), 401, badRefresh, none},
		{"missing", post(`{}`), 401, badRefresh, none},
		{"null", post(refreshBody(nil)), 401, badRefresh, none},
		{"a number", post(refreshBody(1)), 401, badRefresh, none},
		{"an object", post(refreshBody(map[string]int{})), 401, badRefresh, none},
		{"a list", post(refreshBody([]string{tk.Refresh})), 401, badRefresh, none},
		{"cut", refreshCall(tk.Refresh[:len(tk.Refresh)-1]), 401, badRefresh, none},
		{"longer", refreshCall(tk.Refresh + "A"), 401, badRefresh, none},
		{"too large, in the shape of other refusals", post(refreshBody(strings.Repeat("A", 1<<20))), 413, e(413, "The request is too large"), nil},
		{"forged", refreshCall(sign(secret, hs256, claims("refresh", map[string]any{"type": "refresh"}))), 401, badRefresh, none},
	})
	p.tokens(t, refreshCall(tk.Refresh)) // none of that hurt it
}

// TestRefreshAtOnce: a page that refreshes 64 times at once stays logged in.
func TestRefreshAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t)
	tk := p.login(t, "/refresh/login", alice)
	var wg sync.WaitGroup
	var mu sync.Mutex
	successors := map[string]int{}
	for range 64 {
		wg.Go(func() {
			next := p.tokens(t, refreshCall(tk.Refresh))
			mu.Lock()
			successors[next.Refresh]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(successors) != 1 {
		t.Errorf("%d successors, want 1", len(successors))
	}
}

// TestRefreshAfterGrace waits, once: the program has no other clock.
func TestRefreshAfterGrace(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits 11 s")
	}
	p := start(t)
	first := p.login(t, "/refresh/login", bob)
	second := p.tokens(t, refreshCall(first.Refresh))
	third := p.tokens(t, refreshCall(second.Refresh))
	time.Sleep(11 * time.Second)
	other := p.login(t, "/refresh/login", bob)
	row{status: 401, body: badRefresh}.check(t, p.send(t, refreshCall(first.Refresh)))
	for _, tk := range []tokens{first, second, third} { // reuse kills every token of this login
		row{status: 401, body: badRefresh}.check(t, p.send(t, refreshCall(tk.Refresh)))
		p.alive(t, tk.Access, false)
	}
	p.alive(t, other.Access, true)
}

func TestRefreshLogout(t *testing.T) {
	t.Parallel()
	p := start(t)
	mine, theirs, elsewhere := p.login(t, "/refresh/login", alice), p.login(t, "/refresh/login", bob), p.login(t, "/refresh/login", alice)
	logout := func(access, body string) call {
		c := call{do: "POST /refresh/logout", body: body}
		if access != "" {
			c.header = bearer(access)
		}
		return c
	}
	invalid := `{"error":"Invalid token"}`
	p.rows(t, []row{
		{"anonymous", logout("", refreshBody(mine.Refresh)), 401, e(401, "JWT token required"), nil},
		{"garbage", logout(mine.Access, refreshBody("garbage")), 400, invalid, nil},
		{"an access token", logout(mine.Access, refreshBody(mine.Access)), 400, invalid, nil},
		{"missing", logout(mine.Access, `{}`), 400, invalid, nil},
		{"not a string", logout(mine.Access, refreshBody(7)), 400, invalid, nil},
		{"someone else's", logout(mine.Access, refreshBody(theirs.Refresh)), 400, invalid, nil},
		{"too large, in the shape of other refusals", logout(mine.Access, refreshBody(strings.Repeat("A", 1<<20))), 413, e(413, "The request is too large"), nil},
		{"a bad access token", logout("x", refreshBody(mine.Refresh)), 401, e(401, "Invalid token"), nil},
	})
	p.alive(t, mine.Access, true)
	p.alive(t, theirs.Access, true)
	theirs = p.tokens(t, refreshCall(theirs.Refresh))

	row{status: 200, body: `{"message":"Logged out successfully"}`}.check(t, p.send(t, logout(mine.Access, refreshBody(mine.Refresh))))
	p.alive(t, mine.Access, false)
	row{status: 401, body: badRefresh}.check(t, p.send(t, refreshCall(mine.Refresh)))
	p.alive(t, elsewhere.Access, true)
	p.alive(t, theirs.Access, true)
}

func TestLogoutAll(t *testing.T) {
	t.Parallel()
	p := start(t)
	one, two, theirs := p.login(t, "/refresh/login", alice), p.login(t, "/refresh/login", alice), p.login(t, "/refresh/login", bob)
	row{status: 401, body: e(401, "JWT token required")}.check(t, p.send(t, call{do: "POST /refresh/logout-all"}))
	row{status: 200, body: `{"message":"Logged out everywhere"}`}.check(t, p.send(t, call{do: "POST /refresh/logout-all", header: bearer(one.Access)}))
	for _, tk := range []tokens{one, two} {
		p.alive(t, tk.Access, false)
		row{status: 401, body: badRefresh}.check(t, p.send(t, refreshCall(tk.Refresh)))
	}
	p.alive(t, theirs.Access, true)
	p.alive(t, p.login(t, "/refresh/login", alice).Access, true)
}
