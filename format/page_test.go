package format_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// TestPagesLeadOn: no page is a dead end, and a form that was refused learns that
// nothing was done.
func TestPagesLeadOn(t *testing.T) {
	tooMany := func(wait time.Duration) error {
		return &guard.Error{Status: 429, Header: http.Header{"Retry-After": {strconv.Itoa(int(wait / time.Second))}}}
	}
	coded := func(status int, code string) error { return &guard.Error{Status: status, Code: code} }
	enroll := func(page string) error { // as stepup.Enroll does
		return &guard.Error{Status: 403, Code: "insufficient_user_authentication", Header: http.Header{"Location": {page}}}
	}
	const signInOrStart = `<p><a href="/login">Sign in</a><a href="/">Go to the start page</a></p>`
	const nothing = "<p>Nothing was changed. Sign in and try again.</p>"
	tests := []struct {
		name, method, login, target, referer string
		err                                  error
		want                                 []string
	}{
		{"a form without a session", "POST", "/login", "/posts/1", "", guard.Unauthorized("Session expired"), []string{"<title>You are not signed in</title>", "<h1>You are not signed in</h1><p>Session expired</p>", nothing, `<a href="/login">Sign in</a>`}},
		{"a form of a page of this site", "POST", "/login", "/posts", "http://example.com/posts/new?draft=1", guard.Unauthorized(""), []string{nothing, `<a href="/login?next=%2Fposts%2Fnew">Sign in</a>`}},
		{"a form of another site", "POST", "/login", "/posts", "https://evil.example/a", guard.Unauthorized(""), []string{`<a href="/login">Sign in</a>`}},
		{"the login form", "POST", "/login", "/login", "http://example.com/login?next=%2Fa%22", guard.Unauthorized("Invalid credentials"), []string{"<p>Invalid credentials</p>", `<a href="/login?next=%2Fa%22">Sign in</a>`}},
		{"no login page", "GET", "", "/a", "", guard.Unauthorized(""), []string{`<a href="/">Go to the start page</a>`}},
		{"forbidden", "GET", "/login", "/admin", "http://example.com/a?b=\"><b>", guard.Forbidden(""), []string{`<a href="/a?b=&#34;&gt;&lt;b&gt;">Go back</a>`}},
		{"forbidden after itself", "GET", "/login", "/admin", "http://example.com/admin", guard.Forbidden(""), []string{`<a href="/">Go to the start page</a>`}},
		{"not found", "GET", "/login", "/a", "http://example.com//evil.example/", guard.NotFound(""), []string{`<a href="/">Go to the start page</a>`}},
		{"a limit", "GET", "/login", "/a?b=c", "", tooMany(time.Second), []string{"<p>Try again in 1 second.</p>", `<a href="/a?b=c">Try again</a>`}},
		{"a limit of a form", "POST", "/login", "/login", "http://example.com/login", tooMany(15 * time.Minute), []string{"<p>Try again in 15 minutes.</p>", `<a href="/login">Go back</a>`}},
		{"a long limit", "POST", "/login", "/a", "", tooMany(25 * time.Hour), []string{"<p>Try again in 25 hours.</p>", `<a href="/">Go to the start page</a>`}},
		{"a very long limit", "POST", "/login", "/a", "", tooMany(1 << 62), []string{"days.</p>"}},
		{"a sign-in that was declined", "GET", "/login", "/callback?error=access_denied", "https://provider.example/consent", coded(403, "signin_declined"), []string{"<h1>Sign-in not completed</h1>", "<p>Nothing was changed. You can sign in again at any time.</p>", signInOrStart}},
		{"the callback from the history", "GET", "/login", "/callback?code=c", "", coded(400, "signin_invalid"), []string{"<h1>Sign-in not completed</h1>", "<p>You may be signed in already. If not, sign in again.</p>", signInOrStart}},
		{"an answer that is not accepted", "GET", "/login", "/callback?code=c", "", coded(401, "signin_failed"), []string{"<h1>Sign-in not completed</h1>", "<p>Sign in again. If that fails as well, contact", signInOrStart}},
		{"a posted answer that is not accepted", "POST", "/login", "/callback", "https://provider.example/", coded(400, "signin_failed"), []string{"<h1>Sign-in not completed</h1>", signInOrStart}},
		{"declined, and no login page", "GET", "", "/callback", "", coded(403, "signin_declined"), []string{"<p>Nothing was changed.", `<p><a href="/">Go to the start page</a></p>`}},
		{"the login page is the start page", "GET", "/", "/callback", "", coded(403, "signin_declined"), []string{`<a href="/">Sign in</a>`}},
		{"a link of a mail", "GET", "/login", "/reset?token=t", "", coded(400, "link_invalid"), []string{"<h1>This link does not work</h1>", "<p>A link works once", `<a href="/">Go to the start page</a>`}},
		{"a wrong code of one who is signed in", "POST", "/login", "/factor/disable", "http://example.com/account", coded(401, "code_invalid"), []string{"<h1>This code does not work</h1>", "<p>Nothing was changed. Check the code", `<a href="/account">Go back</a>`}},
		{"a wrong code in its form", "POST", "/login", "/login/code", "http://example.com/login/code", coded(400, "code_invalid"), []string{`<a href="/login/code">Go back</a>`}},
		{"a mistake in a form", "POST", "/login", "/posts", "http://example.com/posts/new", coded(422, ""), []string{"<h1>Check what you entered</h1>", `<a href="/posts/new">Go back</a>`}},
		{"a mistake in the form of a link", "POST", "/login", "/reset", "", coded(422, "password_too_short"), []string{"<p>Use the back button of your browser to correct it.</p>", `<a href="/">Go to the start page</a>`}},
		{"another method", "GET", "/login", "/logout", "", coded(405, "method_not_allowed"), []string{`<h1>Method Not Allowed</h1><p><a href="/">Go to the start page</a>`}},
		{"an outage", "GET", "/login", "/a", "", guard.Unavailable(nil), []string{`<a href="/a">Try again</a>`}},
		{"a sign-in that is not recent", "POST", "/login", "/keys", "http://example.com/account", coded(401, "insufficient_user_authentication"), []string{"<h1>Sign in again</h1>", "<p>Nothing was changed. Sign in again, then repeat it.</p>", `<a href="/login?next=%2Faccount">Sign in</a>`}},
		{"a factor that is missing", "POST", "/login", "/keys", "http://example.com/account", enroll("/account/factor"), []string{"<p>Nothing was changed.</p>", `<a href="/account/factor?next=%2Faccount">Continue</a>`}},
		{"a factor on another site", "POST", "/login", "/keys", "", enroll("https://evil.example/"), []string{`<a href="/login">Sign in</a>`}},
		{"a long referer", "POST", "/login", "/posts", "http://example.com/" + strings.Repeat("a", 9000), guard.Forbidden(""), []string{`<a href="/">Go to the start page</a>`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, nil)
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Referer", tt.referer)
			w := httptest.NewRecorder()
			refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, tt.err) })
			guard.OnError(format.HTML(tt.login, nil))(refuse).ServeHTTP(w, r)
			for _, want := range tt.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("no %s in\n%s", want, w.Body)
				}
			}
			links := 1
			if strings.Contains(w.Body.String(), "<h1>Sign-in not completed</h1>") && tt.login == "/login" {
				links = 2
			}
			if strings.Count(w.Body.String(), "<a ") != links {
				t.Errorf("want %d links:\n%s", links, w.Body)
			}
		})
	}
}
