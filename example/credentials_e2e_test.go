package main_test

import (
	"strings"
	"testing"
	"time"
)

func TestAPIKey(t *testing.T) {
	t.Parallel()
	key := func(keys ...string) (c call) {
		c.do = "GET /apikey/protected"
		for _, k := range keys {
			c.header = append(c.header, "X-API-Key: "+k)
		}
		return c
	}
	start(t).rows(t, []row{
		{"none", key(), 401, e(401, "API key required"), []string{"WWW-Authenticate: ~^ApiKey"}},
		{"empty", key(""), 401, e(401, "API key required"), nil},
		{"unknown", key("key_00000"), 401, e(401, "Invalid API key"), []string{"WWW-Authenticate: ~^ApiKey"}},
		{"in another case", key("KEY_12345"), 401, e(401, "Invalid API key"), nil},
		{"a part of one", key("key_1234"), 401, e(401, "Invalid API key"), nil},
		{"long", key(strings.Repeat("k", 10_000)), 401, e(401, "Invalid API key"), nil},
		{"as the ring's, forged", key("guard_test_0000000000000000_00000000000000000000000000000000000000"), 401, e(401, "Invalid API key"), nil},
		{"Alice's", key("key_12345"), 200, `{"message":"Hello, Alice!","user_id":"1"}`, nil},
		{"Bob's", key("key_67890"), 200, `{"message":"Hello, Bob!","user_id":"2"}`, nil},
		{"twice", key("key_12345", "key_12345"), 400, e(400, ""), nil},
		{"two", key("key_12345", "key_67890"), 400, e(400, ""), nil},
		{"as a bearer token", call{do: "GET /apikey/protected", header: bearer("key_12345")}, 401, e(401, "API key required"), nil},
		{"in the query", call{do: "GET /apikey/protected?api_key=key_12345"}, 401, e(401, "API key required"), nil},
		{"OPTIONS", call{do: "OPTIONS /apikey/protected"}, 405, "", nil},
		{"another method", call{do: "POST /apikey/protected"}, 405, "", []string{"Allow: ~GET"}},
		{"another path", call{do: "GET /apikey/nothing"}, 404, "", nil},
	})
}

func TestBearer(t *testing.T) {
	t.Parallel()
	profile := func(auth ...string) (c call) {
		c.do = "GET /bearer/profile"
		for _, a := range auth {
			c.header = append(c.header, "Authorization: "+a)
		}
		return c
	}
	ok := `{"user":{"id":"1","name":"Alice","role":"admin"}}`
	invalid := []string{`WWW-Authenticate: ~^Bearer .*error="invalid_token"`}
	start(t).rows(t, []row{
		{"none", profile(), 401, e(401, "Bearer token required"), []string{"WWW-Authenticate: ~^Bearer( realm=\"[^\"]*\")?$"}},
		{"other scheme", profile("Basic dXNlcjpwYXNz"), 401, e(401, "Bearer token required"), nil},
		{"longer scheme", profile("BearerX valid_token_123"), 401, e(401, "Bearer token required"), nil},
		{"empty", profile("Bearer "), 401, e(401, "Invalid or expired token"), invalid},
		{"malformed", profile("Bearer valid_token_123 x"), 401, e(401, "Invalid or expired token"), invalid},
		{"unknown", profile("Bearer valid_token_124"), 401, e(401, "Invalid or expired token"), invalid},
		{"valid", profile("Bearer valid_token_123"), 200, ok, nil},
		{"lower case", profile("bearer valid_token_123"), 200, ok, nil},
		{"mixed case", profile("bEaReR valid_token_123"), 200, ok, nil},
		{"twice", profile("Bearer valid_token_123", "Bearer valid_token_123"), 400, e(400, ""), nil},
	})
}

const badCredentials = `{"error":"Invalid credentials"}`

// loginRows hold for every login that is as /jwt/login.
func loginRows(path string) []row {
	post := func(body string) call { return call{do: "POST " + path, body: body} }
	challenge := []string{"WWW-Authenticate: ~.", "Set-Cookie:"}
	return []row{
		{"wrong password", post(credentials("alice@example.com", "wrong")), 401, badCredentials, challenge},
		{"unknown e-mail", post(credentials("nobody@example.com", "secret")), 401, badCredentials, challenge},
		{"nothing in it", post(`{}`), 401, badCredentials, challenge},
		{"a hash as password", post(credentials("alice@example.com", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA")), 401, badCredentials, challenge},
		{"a long password", post(credentials("alice@example.com", strings.Repeat("x", 100_000))), 401, badCredentials, challenge},
		{"not JSON", post(`{"email":`), 400, e(400, ""), nil},
		{"no body", post(""), 400, e(400, ""), nil},
		{"an array", post(`[]`), 400, e(400, ""), nil},
		{"null", post(`null`), 400, e(400, ""), nil},
		{"a string", post(`"alice@example.com"`), 400, e(400, ""), nil},
		{"two objects", post(alice + alice), 400, e(400, ""), nil},
		{"too large", post(`{"email":"` + strings.Repeat("x", 1<<20) + `"}`), 413, e(413, ""), nil},
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.rows(t, loginRows("/jwt/login"))
	tk := p.login(t, "/jwt/login", alice)
	if tk.Expires != 86400 || tk.Refresh != "" {
		t.Errorf("%+v", tk)
	}
	c := payload(t, tk.Access)
	if c["sub"] != "1" || c["email"] != "alice@example.com" || c["role"] != "admin" || c["type"] != "access" || c["iss"] != "jwt" {
		t.Errorf("claims %v", c)
	}
	iat, _ := c["iat"].(float64)
	if exp, _ := c["exp"].(float64); exp-iat != 86400 || time.Since(time.Unix(int64(iat), 0)).Abs() > time.Minute {
		t.Errorf("claims %v", c)
	}
	if strings.Contains(p.login(t, "/jwt/login", bob).Access, tk.Access) {
		t.Error("the same token for two users")
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	p := start(t)
	at := func(auth ...string) (c call) {
		c.do = "GET /jwt/profile"
		for _, a := range auth {
			c.header = append(c.header, "Authorization: "+a)
		}
		return c
	}
	with := func(change map[string]any) call { return at("Bearer " + sign(secret, hs256, claims("jwt", change))) }
	token := p.login(t, "/jwt/login", bob).Access
	ago, later := time.Now().Unix()-10, time.Now().Unix()+600
	invalid := e(401, "Invalid token")
	bad := []string{`WWW-Authenticate: ~^Bearer .*error="invalid_token"`}
	p.rows(t, []row{
		{"none", at(), 401, e(401, "JWT token required"), []string{"WWW-Authenticate: ~^Bearer( realm=\"[^\"]*\")?$"}},
		{"other scheme", at("Basic dXNlcjpwYXNz"), 401, e(401, "JWT token required"), nil},
		{"valid", at("Bearer " + token), 200, `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`, nil},
		{"valid, scheme in lower case", at("bearer " + token), 200, "", nil},
		{"made elsewhere with the key", with(nil), 200, `{"user":{"id":"1","email":"alice@example.com","role":"admin"}}`, nil},
		{"without a role", with(map[string]any{"role": nil}), 200, `{"user":{"id":"1","email":"alice@example.com","role":"user"}}`, nil},
		{"empty", at("Bearer "), 401, invalid, bad},
		{"garbage", at("Bearer garbage"), 401, invalid, bad},
		{"two in one", at("Bearer " + token + " " + token), 401, invalid, bad},
		{"twice", at("Bearer "+token, "Bearer "+token), 400, e(400, ""), nil},
		{"expired", with(map[string]any{"exp": ago}), 401, e(401, "Token expired"), bad},
		{"not yet valid", with(map[string]any{"nbf": later}), 401, e(401, "Token not yet valid"), bad},
		{"issued in the future", with(map[string]any{"iat": later}), 200, "", nil}, // RFC 7519, section 4.1.6, refuses none
		{"without exp", with(map[string]any{"exp": nil}), 401, `~"Token expired"|"Invalid token"`, bad},
		{"exp as a string", with(map[string]any{"exp": "9999999999"}), 401, `~"Token expired"|"Invalid token"`, bad},
		{"without sub", with(map[string]any{"sub": nil}), 401, invalid, bad},
		{"empty sub", with(map[string]any{"sub": ""}), 401, invalid, bad},
		{"without type", with(map[string]any{"type": nil}), 401, e(401, "Invalid token type"), bad},
		{"a refresh token", with(map[string]any{"type": "refresh"}), 401, e(401, "Invalid token type"), bad},
		{"of another issuer", with(map[string]any{"iss": "your-app"}), 401, e(401, "Invalid issuer"), bad},
		{"without issuer", with(map[string]any{"iss": nil}), 401, e(401, "Invalid issuer"), bad},
		{"another key", at("Bearer " + sign(strings.Repeat("x", 32), hs256, claims("jwt", nil))), 401, invalid, bad},
		{"empty key", at("Bearer " + sign("", hs256, claims("jwt", nil))), 401, invalid, bad},
		{"alg none", at("Bearer " + strings.TrimRight(sign(secret, `{"alg":"none"}`, claims("jwt", nil)), "=")), 401, invalid, bad},
		{"alg nOnE, unsigned", at("Bearer " + unsigned(sign(secret, `{"alg":"nOnE"}`, claims("jwt", nil)))), 401, invalid, bad},
		{"alg HS512", at("Bearer " + sign(secret, `{"alg":"HS512"}`, claims("jwt", nil))), 401, invalid, bad},
		{"crit", at("Bearer " + sign(secret, `{"alg":"HS256","crit":["exp"]}`, claims("jwt", nil))), 401, invalid, bad},
		{"cut", at("Bearer " + token[:len(token)-2]), 401, invalid, bad},
		{"padded", at("Bearer " + token + "="), 401, invalid, bad},
		{"800 KB", at("Bearer " + strings.Repeat("A", 800<<10)), 401, invalid, bad},
		{"in the query", call{do: "GET /jwt/profile?access_token=" + token}, 401, e(401, "JWT token required"), nil},
		{"of /refresh/login", at("Bearer " + p.login(t, "/refresh/login", bob).Access), 401, e(401, "Invalid issuer"), nil},
		{"of /complete/login", at("Bearer " + p.login(t, "/complete/login", bob).Access), 401, e(401, "Invalid issuer"), nil},
		{"of /practices/login", at("Bearer " + p.login(t, "/practices/login", bob).Access), 401, e(401, "Invalid issuer"), nil},
	})
}

func unsigned(token string) string { return token[:strings.LastIndexByte(token, '.')+1] }

// TestTooLarge: bodies over 1 MiB, whether their length is told or not.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	p := start(t)
	large := `{"email":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, path := range []string{
		"/jwt/login", "/refresh/login", "/refresh/refresh", "/session/login", "/practices/login", "/complete/login",
	} {
		row{status: 413, body: e(413, "")}.check(t, p.send(t, call{do: "POST " + path, body: large}))
	}
	token := p.login(t, "/jwt/login", alice).Access
	row{status: 413, body: e(413, "")}.check(t, p.send(t, call{do: "PUT /owner/posts/1", header: bearer(token), body: large}))
}
