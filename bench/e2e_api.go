package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/argon2"

	"github.com/go-guard/guard"
)

const (
	audience = "bench-api"
	right    = "battery staple" // the password of every account
)

// A person is the answer to requests for oneself, and a session's content.
type person struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Role  string `json:"role"`
}

// An account has the argon2id hash of the one password, and its sum.
type account struct {
	person
	hash string
	sum  []byte
}

var (
	aliceHerself = person{"1", "alice@example.com", "editor"}
	bobHimself   = person{"2", "bob@example.com", "viewer"}
	accounts     = map[string]account{aliceHerself.Email: newAccount(aliceHerself), bobHimself.Email: newAccount(bobHimself)}
	apiPosts     = map[string]*article{"7": {"7", "1"}, "8": {"8", "3"}}
)

func newAccount(p person) account {
	b64, sum := base64.RawStdEncoding.EncodeToString, argonSum(right)
	return account{p, "$argon2id$v=19$m=19456,t=2,p=1$" + b64(salt) + "$" + b64(sum), sum}
}

var salt = []byte("a salt of 16 byt")

// argonSum has the parameters that guard has by default.
func argonSum(pw string) []byte { return argon2.IDKey([]byte(pw), salt, 2, 19<<10, 1, 32) }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// open answers requests that need no identity.
var open = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, aliceHerself) })

// apiToken returns a token with the claims that every server verifies.
func apiToken() string { return changedToken(jwt.SigningMethodHS256, secret, func(*peerClaims) {}) }

func changedToken(method jwt.SigningMethod, key any, change func(c *peerClaims)) string {
	now := time.Now()
	c := peerClaims{
		claims: claims{aliceHerself.Email, aliceHerself.Role}, Type: "access",
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: "1", Issuer: issuer, Audience: jwt.ClaimStrings{audience}, ID: "0b7ff94a1e",
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(24 * time.Hour)),
		},
	}
	change(&c)
	return guard.Must(jwt.NewWithClaims(method, c).SignedString(key))
}

// An apiCase is a request, and the status and a part of the body of its answer.
type apiCase struct {
	name, request string
	status        int
	body          string
}

// apiRequest returns a request with header fields, and with a form if it has one.
func apiRequest(line, fields, form string) string {
	if form != "" {
		fields += fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	return line + " HTTP/1.1\r\nHost: bench\r\n" + fields + "\r\n" + form
}

func loginRequest(path, email, pw string) string {
	return apiRequest("POST "+path, "", url.Values{"email": {email}, "password": {pw}}.Encode())
}

func bearerField(token string) string { return "Authorization: Bearer " + token + "\r\n" }

// fieldWith returns the field of a valid token, but for change.
func fieldWith(change func(c *peerClaims)) string {
	return bearerField(changedToken(jwt.SigningMethodHS256, secret, change))
}

// apiCases are what is measured. The cookie is that of a session.
func apiCases(cookie string) []apiCase {
	valid, self := bearerField(apiToken()), string(guard.Must(json.Marshal(aliceHerself)))
	viewer := fieldWith(func(c *peerClaims) { c.Role = "viewer" })
	forged := bearerField(changedToken(jwt.SigningMethodHS256, []byte("another secret of 32 bytes or so"), func(*peerClaims) {}))
	return []apiCase{
		{byToken, apiRequest("GET /me", valid, ""), 200, self},
		{byOwner, apiRequest("PUT /posts/7", valid, ""), 200, `{"ID":"7","Author":"1"}`},
		{byLimit, apiRequest("GET /limited", "", ""), 200, self},
		{bySession, apiRequest("GET /session", cookie, ""), 200, self},
		{tokenLogins, loginRequest("/login", bobHimself.Email, right), 200, `"access_token":"ey`},
		{cookieLogins, loginRequest("/session", bobHimself.Email, right), 200, "viewer"},
		{issuing, loginRequest("/issue", bobHimself.Email, ""), 200, `"access_token":"ey`},
		{creating, loginRequest("/create", bobHimself.Email, ""), 200, "viewer"},
		{refusals[0], apiRequest("GET /me", "", ""), 401, ""},
		{refusals[1], apiRequest("GET /me", forged, ""), 401, ""},
		{refusals[2], apiRequest("PUT /posts/7", viewer, ""), 403, ""},
		{refusals[3], apiRequest("PUT /posts/9", valid, ""), 404, ""},
		{refusals[4], apiRequest("GET /exhausted", "", ""), 429, ""},
	}
}

// attacks are requests that every server refuses, and that are not measured.
func attacks() []apiCase {
	past := jwt.NewNumericDate(time.Now().Add(-time.Hour))
	refused := func(name string, change func(c *peerClaims)) apiCase {
		return apiCase{name, apiRequest("GET /me", fieldWith(change), ""), 401, ""}
	}
	none := changedToken(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, func(*peerClaims) {})
	return []apiCase{
		refused("expired", func(c *peerClaims) { c.ExpiresAt = past }),
		refused("no exp", func(c *peerClaims) { c.ExpiresAt = nil }),
		refused("no sub", func(c *peerClaims) { c.Subject = "" }),
		refused("another issuer", func(c *peerClaims) { c.Issuer = "x" }),
		refused("another audience", func(c *peerClaims) { c.Audience[0] = "x" }),
		refused("another type", func(c *peerClaims) { c.Type = "refresh" }),
		{"alg none", apiRequest("GET /me", bearerField(none), ""), 401, ""},
		{"another alg", apiRequest("GET /me", bearerField(changedToken(jwt.SigningMethodHS512, secret, func(*peerClaims) {})), ""), 401, ""},
		{"another's post", apiRequest("PUT /posts/8", bearerField(apiToken()), ""), 403, ""},
		{"a missing post, no token", apiRequest("PUT /posts/9", "", ""), 401, ""},
		{"a wrong password", loginRequest("/login", bobHimself.Email, "wrong"), 401, ""},
		{"an unknown account", loginRequest("/login", "dave@example.com", right), 401, ""},
	}
}
