package format_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

func TestHTML(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	tests := []struct {
		name, method, login, target string
		status                      int
		want                        string // Location, or what the page holds
	}{
		{"redirect", "GET", "/login", "/a/b?c=d&e=%20", 303, "/login?next=%2Fa%2Fb%3Fc%3Dd%26e%3D%2520"},
		{"redirect of HEAD", "HEAD", "/login", "/a", 303, "/login?next=%2Fa"},
		{"a login with a query", "GET", "/login?x=1", "/a", 303, "/login?x=1&next=%2Fa"},
		{"an absolute target", "GET", "/login", "http://example.com/a", 303, "/login?next=%2Fa"},
		{"a long target", "GET", "/login", "/a?" + strings.Repeat("%20", 8<<10), 303, "/login?next=%2F"},
		{"another site's path", "GET", "/login", "//evil.example/a", 303, "/login?next=%2F"},
		{"the login page itself", "GET", "/login", "/login?next=%2Fa", 401, "<h1>Unauthorized</h1>"},
		{"the login page itself, with its query", "GET", "/login?x=1", "/login?x=1&next=%2Fa", 401, "<h1>Unauthorized</h1>"},
		{"the login page itself, with its query alone", "GET", "/login?x=1", "/login?x=1", 401, "<h1>Unauthorized</h1>"},
		{"another page of the login's path", "GET", "/?page=login", "/?page=posts", 303, "/?page=login&next=%2F%3Fpage%3Dposts"},
		{"a page whose query begins like the login's", "GET", "/?page=login", "/?page=logins", 303, "/?page=login&next=%2F%3Fpage%3Dlogins"},
		{"a page below the login", "GET", "/login", "/login/code", 303, "/login?next=%2Flogin%2Fcode"},
		{"POST", "POST", "/login", "/a", 401, "<p>&lt;b&gt;no</p>"},
		{"no login page", "GET", "", "/a", 401, "<h1>Unauthorized</h1>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			r.RequestURI = tt.target
			u, err := url.ParseRequestURI(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = u
			r.Header.Set("Accept", browser)
			w := httptest.NewRecorder()
			refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.Unauthorized("<b>no")) })
			guard.OnError(format.HTML(tt.login, nil))(refuse).ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if got := w.Header().Get("Location"); tt.status == 303 && got != tt.want {
				t.Errorf("Location %q, want %q", got, tt.want)
			}
			if tt.status != 303 && (!strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "<b>")) {
				t.Errorf("page %s", w.Body)
			}
			if tt.status != 303 && !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("policy %q", w.Header().Get("Content-Security-Policy"))
			}
			if !slices.Equal(w.Header()["Vary"], []string{"Accept"}) || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", w.Header())
			}
		})
	}
}

// TestRefusedSignInIsNoRedirect: a redirect from a provider's callback to the login page
// led back to the provider and, without a word and without an end, to the next refusal,
// or, after it succeeded, to the used callback.
func TestRefusedSignInIsNoRedirect(t *testing.T) {
	for _, code := range []string{"signin_failed", "signin_ended"} {
		r := httptest.NewRequest("GET", "/callback?code=c&state=s", nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			guard.Refuse(w, r, &guard.Error{Status: 401, Code: code, Message: "Sign-in failed"})
		})
		guard.OnError(format.HTML("/login", nil))(refuse).ServeHTTP(w, r)
		if w.Code != 401 || !strings.Contains(w.Body.String(), `<p>Sign-in failed</p>`) || !strings.Contains(w.Body.String(), `<a href="/login">Sign in</a>`) {
			t.Errorf("%s: %d %q %s", code, w.Code, w.Header().Get("Location"), w.Body)
		}
	}
}

// TestRefusedCredentialIsNotInRedirect: a bad key in the URL does not go on to
// the login page's URL, and so into logs and Referer fields.
func TestRefusedCredentialIsNotInRedirect(t *testing.T) {
	r := httptest.NewRequest("GET", "/a?key=hunter2", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	guard.OnError(format.HTML("/login", nil))(guard.Require(inQuery{})(http.NotFoundHandler())).ServeHTTP(w, r)
	if got := w.Header().Get("Location"); w.Code != 303 || got != "/login?next=%2Fa" {
		t.Errorf("status %d, Location %q", w.Code, got)
	}
	if r.URL.RawQuery == "" || r.RequestURI != "/a?key=hunter2" {
		t.Error("the outer request was changed")
	}
}

// openRedirects are what login pages were tricked with.
var openRedirects = []string{
	"", "evil", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, "/\t/evil.example", "\t//evil.example", "/\n/evil.example",
	" //evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)", "/a\\b", "/a\x00", "/é", "/%", "http:///evil.example", "/ /evil.example",
}

func TestNext(t *testing.T) {
	for _, bad := range openRedirects {
		r := httptest.NewRequest("GET", "/login?next="+url.QueryEscape(bad), nil)
		if got := format.Next(r, "/home"); got != "/home" {
			t.Errorf("next %q: %q", bad, got)
		}
	}
	for _, good := range []string{"/", "/a", "/a/b?c=d&e=//f", "/a:b", "/%2F/evil.example", "/?next=//evil.example"} {
		r := httptest.NewRequest("GET", "/login?next="+url.QueryEscape(good), nil)
		if got := format.Next(r, "/home"); got != good {
			t.Errorf("next %q: %q", good, got)
		}
	}
	for query, want := range map[string]string{
		"next=/a&next=/b": "/home", "x=%zz&next=/a": "/a", "next=/" + strings.Repeat("a", 8<<10-1): "/" + strings.Repeat("a", 8<<10-1),
		"next=/" + strings.Repeat("a", 8<<10): "/home", "next=/a" + strings.Repeat("&x", 10_000): "/home",
	} {
		if got := format.Next(httptest.NewRequest("GET", "/login?"+query, nil), "/home"); got != want {
			t.Errorf("%.40q: %.40q", query, got)
		}
	}
	form := httptest.NewRequest("POST", "/login?next=/query", strings.NewReader(url.Values{"next": {"//evil.example"}}.Encode()))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := format.Next(form, "/home"); got != "/query" {
		t.Errorf("before the form was parsed: %q", got)
	}
	if err := form.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if got := format.Next(form, "/home"); got != "/home" {
		t.Errorf("a form that names another site: %q", got)
	}
	form.PostForm = url.Values{"next": {"/a", "/b"}}
	if got := format.Next(form, "/home"); got != "/home" {
		t.Errorf("a form with two: %q", got)
	}
}

// FuzzNext: wherever Next sends a browser, it is on this site. The property is
// what a browser does: it drops tabs and line breaks and takes "\" for "/".
func FuzzNext(f *testing.F) {
	for _, s := range append(openRedirects, "/a?b=c#d", "/a/../..//evil.example") {
		f.Add(s)
	}
	browser := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/")
	base := &url.URL{Scheme: "https", Host: "app.example", Path: "/login"}
	f.Fuzz(func(t *testing.T, next string) {
		got := format.Next(&http.Request{URL: &url.URL{RawQuery: url.Values{"next": {next}}.Encode()}}, "/fallback")
		seen := browser.Replace(strings.Trim(got, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f "))
		u, err := base.Parse(seen)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.HasPrefix(seen, "//") {
			t.Errorf("next %q: %q goes to %v, %v", next, got, u, err)
		}
	})
}

// inQuery is an authenticator that refuses the key in a URL.
type inQuery struct{}

func (inQuery) Authenticate(*http.Request) (string, error) { return "", guard.Unauthorized("bad key") }

func (inQuery) Scheme() guard.Scheme {
	return guard.Scheme{Challenge: "ApiKey", Strip: func(r *http.Request) {
		u := *r.URL
		u.RawQuery = ""
		r.URL, r.RequestURI = &u, u.Path
	}}
}
