package main

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-guard/guard/session"
)

// personTemplate is the page of a person who signed in at the provider.
var personTemplate = template.Must(template.New("person").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Your account</title>
<style>{{.Style}}</style>
</head>
<body>
<main>
<nav><a href="/">All sections</a></nav>
<header>
<div>
<h1>Your account</h1>
<p>Signed in as <strong>{{or .Email .Subject}}</strong></p>
</div>
<form method="post" action="/oauth/logout"><button type="submit" class="quiet">Sign out</button></form>
</header>
<section class="card" aria-labelledby="provider">
<h2 id="provider">What the provider says</h2>
<p>Issuer: <code>{{.Issuer}}</code></p>
<p>Subject: <code>{{.Subject}}</code></p>
</section>
</main>
</body>
</html>
`))

// showPerson answers browsers with a page, and programs with JSON.
func (p people) showPerson(w http.ResponseWriter, r *http.Request, s *session.Session[Person]) {
	who := s.Data()
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Add("Vary", "Accept")
		showPage(w, http.StatusOK, p.pagePolicy, personTemplate, struct {
			Person
			Style template.CSS
		}{who, template.CSS(pageCSS)})
		return
	}
	reply(w, http.StatusOK, struct {
		Issuer  string `json:"issuer"`
		Subject string `json:"subject"`
		Email   string `json:"email"`
	}{who.Issuer, who.Subject, who.Email})
}

// logoutPolicy is the policy of a page with a form that signs out.
func logoutPolicy(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return pagePolicy // of plain OAuth 2.0, which has no logout
	}
	return formsTo(pagePolicy, u)
}

// formsTo allows forms whose answer redirects to the provider: browsers apply form-action
// to redirects, too.
func formsTo(policy string, provider *url.URL) string {
	return strings.Replace(policy, "form-action 'self'", "form-action 'self' "+provider.Scheme+"://"+provider.Host, 1)
}
