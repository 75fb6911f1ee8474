package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var (
	//go:embed index.html
	indexHTML string

	indexTemplate = template.Must(template.New("index").Parse(indexHTML))
)

// An entry describes a section on the page at /. In Command, SITE stands for the
// URL of this server.
type entry struct{ Prefix, Shows, Command, Page string }

const (
	asAlice = `-d '{"email":"alice@example.com","password":"secret"}'`
	byToken = `-H "Authorization: Bearer $TOKEN"`
)

var index = []entry{
	{Prefix: "/apikey", Shows: "API keys in a header.", Command: `curl -H 'X-API-Key: key_12345' SITE/apikey/protected`},
	{Prefix: "/bearer", Shows: "Opaque tokens, which the application looks up.", Command: `curl -H 'Authorization: Bearer valid_token_123' SITE/bearer/profile`},
	{Prefix: "/jwt", Shows: "Signed tokens. This one is the $TOKEN of commands further down.",
		Command: `TOKEN=$(curl -s ` + asAlice + ` SITE/jwt/login | cut -d '"' -f 4); curl ` + byToken + ` SITE/jwt/profile`},
	{Prefix: "/refresh", Shows: "Refresh tokens that work once, and a logout that ends them.", Command: `curl ` + asAlice + ` SITE/refresh/login`},
	{Prefix: "/rbac", Shows: "Roles.", Command: `curl ` + byToken + ` SITE/rbac/admin/users`},
	{Prefix: "/permissions", Shows: "Permissions, and which roles have them.", Command: `curl ` + byToken + ` SITE/permissions/users`},
	{Prefix: "/owner", Shows: "Authors edit their own posts, admins any.", Command: `curl -X PUT ` + byToken + ` -d '{"title":"Another title"}' SITE/owner/posts/1`},
	{Prefix: "/optional", Shows: "Everyone is served, and those who say who they are see more.", Command: `curl SITE/optional/posts`},
	{Prefix: "/session", Shows: "Logins that live in a cookie.", Page: "/session/",
		Command: `curl -c jar ` + asAlice + ` SITE/session/login; curl -b jar SITE/session/profile`},
	{Prefix: "/practices", Shows: "Five logins in 15 minutes from one address, right or wrong.", Command: `curl ` + asAlice + ` SITE/practices/login`},
	{Prefix: "/complete", Shows: "All of it at once: logins that fail are limited, roles come from the database, posts have owners.", Command: `curl ` + asAlice + ` SITE/complete/login`},
	{Prefix: "/oidc", Shows: "Access tokens of an authorization server, where OIDC_ISSUER and OIDC_AUDIENCE are set.", Command: `curl -H "Authorization: Bearer $ACCESS_TOKEN" SITE/oidc/profile`},
}

// showIndex lists the sections: as HTML for a browser, otherwise as text.
func showIndex(w http.ResponseWriter, r *http.Request) {
	entries := slices.Clone(index)
	for i := range entries {
		entries[i].Command = strings.ReplaceAll(entries[i].Command, "SITE", site(r))
	}
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		showPage(w, http.StatusOK, indexTemplate, struct {
			Style   template.CSS
			Entries []entry
		}{template.CSS(pageCSS), entries})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store") // it contains the Host of the request
	fmt.Fprint(w, "Every way to authenticate and authorize, each under a prefix. The users are alice@example.com\n",
		"(admin), bob@example.com (user) and carol@example.com (moderator), all with the password \"secret\".\n")
	for _, e := range entries {
		fmt.Fprintf(w, "\n%s\n  %s\n  %s\n", e.Prefix, e.Shows, e.Command)
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
