package main_test

import "testing"

// TestOAuthPage: a browser reads a page, from which a person can sign out also at the
// provider. As JSON it was a dead end, and under form-action 'self' alone browsers blocked
// the redirect to the provider, so that the next sign-in asked nothing.
func TestOAuthPage(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	v := newVisitor(p)
	v.signIn(t, server)
	row{
		status: 200,
		body:   `~(?s)<a href="/">All sections</a>.*<form method="post" action="/oauth/logout"><button.*<code>` + p.url + `</code>.*<code>user-1</code>`,
		header: []string{"Content-Type: ~^text/html", "Cache-Control: no-store", "Vary: ~Accept", "Content-Security-Policy: ~; form-action 'self' " + p.url + ";"},
	}.check(t, v.do(t, server, call{do: "GET /oauth/me", header: []string{"Accept: text/html,*/*;q=0.8"}}))
	row{status: 200, body: me(p, "user-1", "dana@example.com"), header: []string{"Content-Type: application/json"}}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
}
