package main_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	tooMany   = e(429, "Too many login attempts. Try again later.")
	wrong     = credentials("alice@example.com", "wrong")
	retryTrue = []string{"Retry-After: ~^[1-9][0-9]*$"}
)

func forwardedFor(address string) []string { return []string{"X-Forwarded-For: " + address} }

func TestPracticesLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	for i, tt := range loginRows("/practices/login") {
		tt.call.from = 10 + i // an address each: every attempt counts
		p.rows(t, []row{tt})
	}
	post := func(body string, header ...string) call {
		return call{do: "POST /practices/login", body: body, header: header}
	}
	for i := range 5 { // right or wrong
		if i%2 == 0 {
			p.login(t, "/practices/login", alice)
		} else {
			row{status: 401, body: badCredentials}.check(t, p.send(t, post(wrong)))
		}
	}
	sixth := p.send(t, post(alice))
	row{status: 429, body: tooMany, header: retryTrue}.check(t, sixth)
	wait, _ := strconv.Atoi(sixth.header.Get("Retry-After"))
	if wait < 840 || wait > 900 {
		t.Errorf("Retry-After %d, want nearly 15 min", wait)
	}
	var last int
	for range 20 {
		a := p.send(t, post(wrong))
		row{status: 429, body: tooMany, header: retryTrue}.check(t, a)
		last, _ = strconv.Atoi(a.header.Get("Retry-After"))
	}
	if last > wait {
		t.Errorf("refused attempts extend the wait: %d, then %d s", wait, last)
	}
	row{status: 429, body: tooMany}.check(t, p.send(t, post(alice, forwardedFor("203.0.113.7")...)))
	row{status: 200}.check(t, p.send(t, call{do: "POST /practices/login", body: alice, from: 2})) // another address
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	p := start(t, "TRUSTED_PROXIES=127.0.0.1/32, 10.0.0.0/8")
	post := func(from int, address string) call {
		return call{do: "POST /practices/login", body: wrong, header: forwardedFor(address), from: from}
	}
	for range 5 {
		row{status: 401}.check(t, p.send(t, post(1, "203.0.113.7")))
	}
	row{status: 429, body: tooMany}.check(t, p.send(t, post(1, "203.0.113.7")))
	row{status: 429, body: tooMany}.check(t, p.send(t, post(1, "198.51.100.1, 203.0.113.7"))) // forged left of it
	row{status: 429, body: tooMany}.check(t, p.send(t, post(1, "203.0.113.7, 10.1.2.3")))     // through one more proxy
	row{status: 401}.check(t, p.send(t, post(1, "203.0.113.8")))
	for i := range 5 { // 127.0.0.2 is no proxy: its header is not believed
		row{status: 401}.check(t, p.send(t, post(2, fmt.Sprintf("203.0.113.%d", i+20))))
	}
	row{status: 429, body: tooMany}.check(t, p.send(t, post(2, "203.0.113.99")))
	row{status: 400, body: e(400, "")}.check(t, p.send(t, post(1, "nonsense")))
}

func TestPractices(t *testing.T) {
	t.Parallel()
	p := start(t)
	token := p.login(t, "/practices/login", bob).Access
	if c := payload(t, token); c["type"] != "access" || c["iss"] != "your-app" || c["exp"] == nil {
		t.Errorf("claims %v", c)
	}
	with := func(change map[string]any) call {
		return call{do: "GET /practices/profile", header: bearer(sign(secret, hs256, claims("your-app", change)))}
	}
	gone := time.Now().Unix() - 10
	p.rows(t, []row{
		{"valid", call{do: "GET /practices/profile", header: bearer(token)}, 200, `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`, nil},
		{"made elsewhere", with(nil), 200, "", nil},
		{"none", call{do: "GET /practices/profile"}, 401, e(401, "JWT token required"), nil},
		{"without type", with(map[string]any{"type": nil}), 401, e(401, "Invalid token type"), nil},
		{"another type", with(map[string]any{"type": "refresh"}), 401, e(401, "Invalid token type"), nil},
		{"without exp", with(map[string]any{"exp": nil}), 401, e(401, "Token expired"), nil},
		{"expired", with(map[string]any{"exp": gone}), 401, e(401, "Token expired"), nil},
		{"without iss", with(map[string]any{"iss": nil}), 401, e(401, "Invalid issuer"), nil},
		{"another iss", with(map[string]any{"iss": "jwt"}), 401, e(401, "Invalid issuer"), nil},
		{"all wrong: type first", with(map[string]any{"type": "x", "exp": gone, "iss": "x"}), 401, e(401, "Invalid token type"), nil},
		{"exp and iss wrong: exp first", with(map[string]any{"exp": gone, "iss": "x"}), 401, e(401, "Token expired"), nil},
		{"all wrong and forged: signature first", call{do: "GET /practices/profile",
			header: bearer(sign(strings.Repeat("x", 32), hs256, claims("x", map[string]any{"type": "x"})))}, 401, e(401, "Invalid token"), nil},
		{"of /jwt/login", call{do: "GET /practices/profile", header: bearer(p.login(t, "/jwt/login", bob).Access)}, 401, e(401, "Invalid issuer"), nil},
	})
}

func TestCompleteLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	post := func(body string, from int) call {
		return call{do: "POST /complete/login", body: body, from: from}
	}
	invalid := `~^\{"error":"Validation failed","details":\[.+\]\}$`
	p.rows(t, []row{
		{"nothing in it", post(`{}`, 1), 422, invalid, nil},
		{"no password", post(`{"email":"alice@example.com"}`, 1), 422, invalid, nil},
		{"empty password", post(credentials("alice@example.com", ""), 1), 422, invalid, nil},
		{"no e-mail", post(`{"password":"hunter2hunter2"}`, 1), 422, `~^[^2]*$`, nil},
		{"malformed e-mail", post(credentials("alice", "hunter2hunter2"), 1), 422, `~^[^2]*$`, nil},
		{"e-mail with a name", post(credentials("Alice <alice@example.com>", "hunter2hunter2"), 1), 422, `~^[^2]*$`, nil},
		{"e-mail of another type", post(`{"email":7,"password":"hunter2hunter2"}`, 1), 422, `~^[^2]*$`, nil},
		{"password of another type", post(`{"email":"alice@example.com","password":77}`, 1), 422, `~^[^7]*$`, nil},
		{"null", post(`{"email":null,"password":null}`, 1), 422, invalid, nil},
		{"not JSON", post(`{`, 1), 400, e(400, ""), nil},
		{"no body", post(``, 1), 400, e(400, ""), nil},
		{"an array", post(`[]`, 1), 400, e(400, ""), nil},
		{"none of these was an attempt", post(alice, 1), 200, `~"expires_in":86400`, nil},
	})
	for range 4 {
		row{status: 401, body: badCredentials}.check(t, p.send(t, post(wrong, 1)))
	}
	p.login(t, "/complete/login", bob) // gives its own attempt back, and no other
	nobody := credentials("nobody@example.com", "secret")
	row{status: 401, body: badCredentials}.check(t, p.send(t, post(nobody, 1)))
	row{status: 429, body: tooMany, header: retryTrue}.check(t, p.send(t, post(wrong, 1)))
	row{status: 429, body: tooMany, header: retryTrue}.check(t, p.send(t, post(alice, 1)))
	row{status: 200}.check(t, p.send(t, post(alice, 2)))
}

// TestCompleteAccount: ten failures in an hour, from whatever addresses.
func TestCompleteAccount(t *testing.T) {
	t.Parallel()
	p := start(t)
	post := func(body string, from int) call {
		return call{do: "POST /complete/login", body: body, from: from}
	}
	for i := range 9 {
		row{status: 401}.check(t, p.send(t, post(wrong, 10+i)))
	}
	row{status: 200}.check(t, p.send(t, post(alice, 30))) // clears the account's failures
	for i := range 10 {
		row{status: 401}.check(t, p.send(t, post(wrong, 50+i)))
	}
	row{status: 429, body: tooMany, header: retryTrue}.check(t, p.send(t, post(wrong, 100)))
	row{status: 429, body: tooMany}.check(t, p.send(t, post(alice, 101)))
	row{status: 429, body: tooMany}.check(t, p.send(t, post(credentials("ALICE@example.com", "x"), 102)))
	row{status: 200}.check(t, p.send(t, post(bob, 103)))
	for i := range 10 { // nor may accounts that do not exist be told from those that do
		row{status: 401}.check(t, p.send(t, post(credentials("nobody@example.com", "x"), 110+i)))
	}
	row{status: 429, body: tooMany}.check(t, p.send(t, post(credentials("nobody@example.com", "x"), 130)))
}

// TestLoginsShareTheirFailures: /session/login did not limit failures, so that it was a way
// around the limit of /app/login, whose accounts it shares; /totp/login had a limit of its
// own.
func TestLoginsShareTheirFailures(t *testing.T) {
	t.Parallel()
	p := start(t)
	ways := []func(email, password string) call{
		func(email, password string) call {
			return call{do: "POST /session/login", body: credentials(email, password)}
		},
		func(email, password string) call {
			return form("POST /session/login", url.Values{"email": {email}, "password": {password}})
		},
		func(email, password string) call {
			return call{do: "POST /totp/login", body: credentials(email, password)}
		},
		func(email, password string) call {
			return form("POST /app/login", url.Values{"email": {email}, "password": {password}})
		},
	}
	send := func(way int, email, password string, from int, want int) {
		t.Helper()
		c := ways[way](email, password)
		c.from = from
		row{call: c, status: want, header: []string{"Set-Cookie:"}}.check(t, p.send(t, c))
	}
	for i := range 10 { // an address each
		send(i%len(ways), "alice@example.com", "wrong", 10+i, 401)
	}
	for way := range ways {
		send(way, "alice@example.com", "secret", 30+way, 429)
	}
	for i := range 20 { // an account each
		send(i%len(ways), fmt.Sprintf("nobody%d@example.com", i), "wrong", 50, 401)
	}
	for way := range ways {
		send(way, "bob@example.com", "secret", 50, 429)
	}
	p.signIn(t, bob) // from elsewhere
}

// TestGuideLogins: the logins of the guide's sections stop a search for a password, and
// nothing else.
func TestGuideLogins(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, path := range []string{"/jwt/login", "/refresh/login"} {
		guess := func(from int) int { return p.send(t, call{do: "POST " + path, body: wrong, from: from}).status }
		checked := 0
		for i := 0; i < 200 && guess(10+i%50) == 401; i++ {
			checked++
		}
		if checked != 100 {
			t.Errorf("%s: %d guesses were checked, want 100", path, checked)
		}
		row{status: 429, body: tooMany, header: retryTrue}.check(t, p.send(t, call{do: "POST " + path, body: alice, from: 2}))
		p.login(t, path, bob)
	}
}

func TestCompleteRightLogins(t *testing.T) {
	t.Parallel()
	p := start(t)
	n := 300
	if testing.Short() {
		n = 30
	}
	for range n {
		p.login(t, "/complete/login", alice)
	}
}

// TestCompleteParallelGuesses: guesses at one instant cannot all pass.
func TestCompleteParallelGuesses(t *testing.T) {
	t.Parallel()
	p := start(t)
	var wg sync.WaitGroup
	var checked, unchecked atomic.Int32
	for range 40 {
		wg.Go(func() {
			switch a := p.send(t, call{do: "POST /complete/login", body: wrong}); a.status {
			case 401:
				checked.Add(1)
			case 503: // it waited too long for its turn to hash, and is given back
				unchecked.Add(1)
			case 429:
			default:
				t.Error(a)
			}
		})
	}
	wg.Wait()
	if n, m := checked.Load(), unchecked.Load(); n > 5 || n+m < 5 {
		t.Errorf("%d guesses were checked, want 5, as %d were 503", n, m)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	p := start(t)
	admin, user, moderator := p.logins(t, "/complete/login")
	gone := bearer(sign(secret, hs256, claims("complete", map[string]any{"sub": "99"})))
	promoted := bearer(sign(secret, hs256, claims("complete", map[string]any{"sub": "2", "role": "admin", "email": "x@example.com"})))
	get := func(path string, h []string) call { return call{do: "GET /complete/" + path, header: h} }
	remove := func(id string, h []string) call { return call{do: "DELETE /complete/posts/" + id, header: h} }
	required, adminOnly, notYours := e(401, "Authentication required"), e(403, "Admin access required"), e(403, "Not authorized to modify this post")
	p.rows(t, []row{
		{"profile, anonymous", get("profile", nil), 401, required, nil},
		{"profile", get("profile", user), 200, `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`, nil},
		{"role and e-mail come from the database", get("profile", promoted), 200, `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`, nil},
		{"a deleted user's token", get("profile", gone), 401, e(401, "Invalid token"), nil},
		{"garbage", get("profile", bearer("garbage")), 401, e(401, "Invalid token"), nil},
		{"of /jwt/login", get("profile", bearer(p.login(t, "/jwt/login", alice).Access)), 401, e(401, "Invalid issuer"), nil},
		{"users, anonymous", get("admin/users", nil), 401, required, nil},
		{"users, user", get("admin/users", user), 403, adminOnly, nil},
		{"users, moderator", get("admin/users", moderator), 403, adminOnly, nil},
		{"users, said to be admin", get("admin/users", promoted), 403, adminOnly, nil},
		{"users, admin", get("admin/users", admin), 200, everyone, nil},
		{"post, anonymous", get("posts/1", nil), 401, required, nil},
		{"post, anonymous, missing", get("posts/9", nil), 401, required, nil},
		{"post", get("posts/1", user), 200, `{"id":"1","title":"Post 1","author_id":"1"}`, nil},
		{"post, missing", get("posts/9", user), 404, e(404, ""), nil},
		{"delete, anonymous", remove("1", nil), 401, required, nil},
		{"delete, anonymous, missing", remove("9", nil), 401, required, nil},
		{"delete, another's", remove("1", user), 403, notYours, nil},
		{"delete, moderator", remove("1", moderator), 403, notYours, nil},
		{"delete, missing", remove("9", user), 404, e(404, ""), nil},
		{"delete, admin, missing", remove("9", admin), 404, e(404, ""), nil},
		{"delete, own", remove("2", user), 204, "", nil},
		{"delete, own, again", remove("2", user), 404, e(404, ""), nil},
		{"delete, admin", remove("3", admin), 204, "", nil},
	})
}
