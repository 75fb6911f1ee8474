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
		{"an outage", "GET", "/login", "/a", "", guard.Unavailable(nil), []string{`<a href="/a">Try again</a>`}},
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
			if strings.Count(w.Body.String(), "<a ") != 1 {
				t.Errorf("want one link:\n%s", w.Body)
			}
		})
	}
}
