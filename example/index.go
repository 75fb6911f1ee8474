package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	//go:embed index.html
	indexHTML string
	//go:embed index.js
	indexJS string

	indexTemplate = template.Must(template.New("index").Parse(indexHTML))
	indexPolicy   = contentPolicy(pageCSS, indexJS)
)

// An entry describes a section on the page at /, with a command that succeeds and
// one that is refused. In commands, SITE stands for the URL of this server.
type entry struct {
	Prefix  string // of its paths
	Route   string // one of its routes: the section is listed if this is served
	Shows   string
	Command string // which succeeds
	Refused string // a command that is refused
	Answer  string // to Refused: its status and message
	Page    string // if not empty, a page of the section, which is for Link; PUBLIC is PUBLIC_URL
	Link    string
}

// tokenCommands set $ALICE and $BOB.
var tokenCommands = []string{tokenOf("ALICE", "alice"), tokenOf("BOB", "bob")}

// tokenOf returns a command that sets variable to a token of user.
func tokenOf(variable, user string) string {
	return variable + "=$(curl -s " + as(user) + ` SITE/jwt/login | cut -d '"' -f 4)`
}

// as returns the body of a login.
func as(user string) string {
	return `-d '{"email": "` + user + `@example.com", "password": "secret"}'`
}

const (
	byAlice = `-H "Authorization: Bearer $ALICE"`
	byBob   = `-H "Authorization: Bearer $BOB"`
)

var index = []entry{
	{Prefix: "/apikey", Route: "GET /apikey/protected",
		Shows: "API keys in a header.", Page: "/apikey/", Link: "Manage yours on a page",
		Command: `curl -H 'X-API-Key: key_12345' SITE/apikey/protected`,
		Refused: `curl SITE/apikey/protected`, Answer: "401 API key required"},
	{Prefix: "/bearer", Route: "GET /bearer/profile",
		Shows:   "Opaque tokens, which the application looks up.",
		Command: `curl -H 'Authorization: Bearer valid_token_123' SITE/bearer/profile`,
		Refused: `curl -H 'Authorization: Bearer guess' SITE/bearer/profile`, Answer: "401 Invalid or expired token"},
	{Prefix: "/jwt", Route: "GET /jwt/profile",
		Shows:   "Signed tokens, which are verified without a database.",
		Command: `curl ` + byAlice + ` SITE/jwt/profile`,
		Refused: `curl -H "Authorization: Bearer x$ALICE" SITE/jwt/profile`, Answer: "401 Invalid token"},
	{Prefix: "/refresh", Route: "GET /refresh/profile",
		Shows:   "Short access tokens, and refresh tokens that work once. A logout ends both.",
		Command: `curl ` + as("alice") + ` SITE/refresh/login`,
		Refused: `curl -H 'Content-Type: application/json' -d '{"refresh_token": "used"}' SITE/refresh/refresh`, Answer: "401 Invalid refresh token"},
	{Prefix: "/rbac", Route: "GET /rbac/admin/users",
		Shows:   "Roles: a route names the roles that it is for. Alice is an admin and may list the users; Bob may not.",
		Command: `curl ` + byAlice + ` SITE/rbac/admin/users`,
		Refused: `curl ` + byBob + ` SITE/rbac/admin/users`, Answer: "403 Admin access required"},
	{Prefix: "/permissions", Route: "GET /permissions/users",
		Shows:   "Permissions: a route names what it does, and one table says which roles may do it.",
		Command: `curl ` + byAlice + ` SITE/permissions/users`,
		Refused: `curl ` + byBob + ` SITE/permissions/users`, Answer: "403 Permission 'users:read' required"},
	{Prefix: "/owner", Route: "PUT /owner/posts/1",
		Shows:   "Owners: authors edit their own posts, admins any.",
		Command: `curl -X PUT ` + byBob + ` -d '{"title": "Another title"}' SITE/owner/posts/2`,
		Refused: `curl -X PUT ` + byBob + ` -d '{"title": "Another title"}' SITE/owner/posts/1`, Answer: "403 You can only edit your own posts"},
	{Prefix: "/optional", Route: "GET /optional/posts",
		Shows:   "Anonymous clients get the published posts, users all of them. Under /strict a bad token is refused.",
		Command: `curl SITE/optional/posts`,
		Refused: `curl -H 'Authorization: Bearer guess' SITE/optional/strict/posts`, Answer: "401 Invalid token"},
	{Prefix: "/session", Route: "GET /session/profile",
		Shows: "Logins that live in a cookie.", Page: "/session/", Link: "Sign in on a page",
		Command: `curl -c jar ` + as("alice") + ` SITE/session/login; curl -b jar SITE/session/profile`,
		Refused: `curl SITE/session/profile`, Answer: "401 Not authenticated"},
	{Prefix: "/practices", Route: "GET /practices/profile",
		Shows:   "Five logins in 15 minutes from one address, right or wrong, and tokens whose every claim is checked.",
		Command: `curl ` + as("alice") + ` SITE/practices/login`,
		Refused: `curl ` + byAlice + ` SITE/practices/profile`, Answer: "401 Invalid issuer"},
	{Prefix: "/complete", Route: "GET /complete/profile",
		Shows:   "All of it: failed logins are limited, roles come from the database, and posts have owners.",
		Command: `curl ` + as("alice") + ` SITE/complete/login`,
		Refused: `curl -d '{"email": "alice@example.com", "password": "guess"}' SITE/complete/login`, Answer: "401 Invalid credentials"},
	{Prefix: "/oidc", Route: "GET /oidc/profile",
		Shows:   "Access tokens of the authorization server that OIDC_ISSUER names.",
		Command: `curl -H "Authorization: Bearer $ACCESS_TOKEN" SITE/oidc/profile`,
		Refused: `curl SITE/oidc/profile`, Answer: "401 JWT token required"},
	{Prefix: "/dpop", Route: "GET /dpop/profile",
		Shows:   "Such tokens that are bound to a key of the client: each request has a proof, signed with the key.",
		Command: `curl -H "Authorization: DPoP $ACCESS_TOKEN" -H "DPoP: $PROOF" SITE/dpop/profile`,
		Refused: `curl SITE/dpop/profile`, Answer: "401 JWT token required"},
	{Prefix: "/mcp", Route: "POST /mcp",
		Shows:   "A server of the Model Context Protocol, whose tools need scopes of such a token.",
		Command: `curl -H "Authorization: Bearer $ACCESS_TOKEN" -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' SITE/mcp`,
		Refused: `curl -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' SITE/mcp`, Answer: "401 JWT token required"},
	{Prefix: "/oauth", Route: "GET /oauth/me",
		Shows: "Signing in with an account at a provider.", Page: "PUBLIC/oauth/login", Link: "Sign in",
		Command: `curl -i SITE/oauth/login`,
		Refused: `curl SITE/oauth/me`, Answer: "401 Not authenticated"},
	{Prefix: "/link", Route: "GET /link/reset",
		Shows:   "Links by mail, each good once: to reset a password, and to sign in.",
		Command: `curl -d '{"email": "alice@example.com"}' SITE/link/reset`,
		Refused: `curl 'SITE/link/reset?token=guess'`, Answer: "400 Invalid or expired link"},
	{Prefix: "/totp", Route: "POST /totp/verify",
		Shows:   "A second factor: codes of an authenticator app, and recovery codes.",
		Command: `curl -c jar ` + as("bob") + ` SITE/totp/login; curl -b jar -X POST SITE/totp/enroll`,
		Refused: `curl -X POST SITE/totp/enroll`, Answer: "401 Recent authentication required"},
	{Prefix: "/passkey", Route: "POST /passkey/login",
		Shows: "Passkeys: by fingerprint, face or PIN, in place of the password or after it.", Page: "PUBLIC/passkey/", Link: "Add one on a page",
		Command: `curl -X POST SITE/passkey/login/options`,
		Refused: `curl -X POST SITE/passkey/register/options`, Answer: "401 Recent authentication required"},
	{Prefix: "/stepup", Route: "POST /stepup/transfer",
		Shows: "An action that needs a recent sign-in with a second factor. Carol adds one, and signs in with a recovery code.",
		Command: `curl -c jar ` + as("carol") + ` SITE/totp/login; SECRET=$(curl -s -b jar -X POST SITE/totp/enroll | cut -d '"' -f 4); ` +
			`CODE=$(curl -s -b jar -d "{\"code\": \"$(oathtool --totp -b $SECRET)\"}" SITE/totp/confirm | cut -d '"' -f 4); ` +
			`curl -c jar ` + as("carol") + ` SITE/totp/login; curl -b jar -c jar -d "{\"code\": \"$CODE\"}" SITE/totp/verify; curl -b jar -X POST SITE/stepup/transfer`,
		Refused: `curl -X POST SITE/stepup/transfer`, Answer: "401 Recent authentication required"},
	{Prefix: "/webhook", Route: "POST /webhook/standard",
		Shows: "Deliveries that their sender signed: Standard Webhooks, GitHub, Stripe and Slack. Each is handled once.",
		Command: `ID=msg_$(date +%s%N) NOW=$(date +%s); SIG=$(printf '%s.%s.{}' $ID $NOW | openssl dgst -sha256 -hmac guard-development-secret-32bytes -binary | base64); ` +
			`curl -H "Webhook-Id: $ID" -H "Webhook-Timestamp: $NOW" -H "Webhook-Signature: v1,$SIG" -d '{}' SITE/webhook/standard`,
		Refused: `curl -H 'Webhook-Signature: v1,guess' -d '{}' SITE/webhook/standard`, Answer: "401 Invalid signature"},
	{Prefix: "/app", Route: "GET /app/login",
		Shows: "A small web application in HTML: sign up, sign in, second factor, passkeys, sessions, a new address.", Page: "PUBLIC/app/", Link: "Open it",
		Command: `curl -I SITE/app/login`,
		Refused: `curl SITE/app/sessions`, Answer: "401 Authentication required"},
}

// indexSection shows the sections that mux serves already.
func indexSection(mux *http.ServeMux, publicURL string) {
	mounted := slices.DeleteFunc(slices.Clone(index), func(e entry) bool {
		method, path, _ := strings.Cut(e.Route, " ")
		_, pattern := mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}})
		return pattern == ""
	})
	for i := range mounted {
		mounted[i].Page = strings.Replace(mounted[i].Page, "PUBLIC", publicURL, 1)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { showIndex(w, r, mounted) })
}

// showIndex lists sections: as HTML for a browser, otherwise as text.
func showIndex(w http.ResponseWriter, r *http.Request, sections []entry) {
	here := strings.NewReplacer("SITE", site(r))
	var entries []entry
	for _, e := range sections {
		e.Command, e.Refused = here.Replace(e.Command), here.Replace(e.Refused)
		entries = append(entries, e)
	}
	var tokens []string
	for _, t := range tokenCommands {
		tokens = append(tokens, here.Replace(t))
	}
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		showPage(w, http.StatusOK, indexPolicy, indexTemplate, struct {
			Style   template.CSS
			Script  template.JS
			Tokens  string
			Entries []entry
		}{template.CSS(pageCSS), template.JS(indexJS), strings.Join(tokens, "\n"), entries})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store") // it contains the Host of the request
	fmt.Fprint(w, "Ways to authenticate and authorize with guard, each under a prefix. The users are alice@example.com\n",
		"(admin), bob@example.com (user) and carol@example.com (moderator), all with the password \"secret\".\n\n",
		"Some commands need the tokens of Alice and Bob:\n")
	for _, t := range tokens {
		fmt.Fprintf(w, "  %s\n", t)
	}
	for _, e := range entries {
		fmt.Fprintf(w, "\n%s\n  %s\n  %s\n  refused, %s:\n  %s\n", e.Prefix, e.Shows, e.Command, e.Answer, e.Refused)
	}
}

// plainHost matches hosts without characters that are special to a shell.
var plainHost = regexp.MustCompile(`^[\w.-]+(:[0-9]+)?$`)

// site returns the URL of this server by the request's Host, or the default one if
// that is not plain: a crafted Host must not inject a command that users copy.
func site(r *http.Request) string {
	if plainHost.MatchString(r.Host) {
		return "http://" + r.Host
	}
	return "http://127.0.0.1:8080"
}
