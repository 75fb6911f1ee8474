package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

type user struct{ ID, Name string }

var users = map[string]user{"key_12345": {"1", "Alice"}, "key_67890": {"2", "Bob"}}

func byKey(_ context.Context, key string) (user, bool, error) {
	switch key {
	case "outage":
		return user{}, false, context.DeadlineExceeded
	case "bug":
		return user{}, false, errors.New("a bug that mentions key_12345")
	case "abstains":
		return user{}, false, guard.ErrNoCredentials
	case "forgot":
		return user{ID: "1"}, false, nil
	case "typednil":
		var e *guard.Error
		return user{}, false, e
	}
	u, found := users[key]
	return u, found, nil
}

// serve sends r through h and tells whether the handler behind it ran, and with
// which request.
func serve(h guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, inner *http.Request) {
	w = httptest.NewRecorder()
	h(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner = r
		u, _ := guard.PrincipalFrom[user](r.Context())
		fmt.Fprint(w, u.Name)
	})).ServeHTTP(w, r)
	return w, inner
}

func e(status int, message string) string {
	return fmt.Sprintf(`{"error":"%s","message":"%s"}`, http.StatusText(status), message)
}

func request(headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/protected", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestKeys(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, nil))
	const invalid, internal = "Invalid API key", "The request could not be processed"
	tests := []struct {
		name    string
		headers []string
		want    int
		body    string
	}{
		{"none", nil, 401, e(401, "API key required")},
		{"empty", []string{"X-API-Key", ""}, 401, e(401, "API key required")},
		{"elsewhere", []string{"Authorization", "ApiKey key_12345", "Cookie", "X-API-Key=key_12345"}, 401, e(401, "API key required")},
		{"unknown", []string{"X-API-Key", "key_99999"}, 401, e(401, invalid)},
		{"in another case", []string{"X-API-Key", "KEY_12345"}, 401, e(401, invalid)},
		{"two in one", []string{"X-API-Key", "key_12345, key_67890"}, 401, e(401, invalid)},
		{"too long", []string{"X-API-Key", strings.Repeat("k", 1025)}, 401, e(401, invalid)},
		{"Alice", []string{"X-API-Key", "key_12345"}, 200, "Alice"},
		{"Bob, header in another case", []string{"x-api-key", "key_67890"}, 200, "Bob"},
		{"twice", []string{"X-API-Key", "key_12345", "X-API-Key", "key_12345"}, 400, e(400, "More than one credential was sent")},
		{"twice, once empty", []string{"X-API-Key", "", "X-API-Key", "key_12345"}, 400, e(400, "More than one credential was sent")},
		{"outage", []string{"X-API-Key", "outage"}, 503, e(503, "The service is unavailable. Try again later.")},
		{"bug", []string{"X-API-Key", "bug"}, 500, e(500, internal)},
		{"the lookup abstains", []string{"X-API-Key", "abstains"}, 500, e(500, internal)},
		{"the lookup returns a user it did not find", []string{"X-API-Key", "forgot"}, 401, e(401, invalid)},
		{"the lookup returns a typed nil", []string{"X-API-Key", "typednil"}, 500, e(500, internal)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, inner := serve(keys.Wrap, request(tt.headers...))
			if w.Code != tt.want || w.Body.String() != tt.body || (inner != nil) != (tt.want == 200) {
				t.Errorf("%d %s, reached %t; want %d %s", w.Code, w.Body, inner != nil, tt.want, tt.body)
			}
			challenge := ""
			if tt.want == 401 {
				challenge = "ApiKey"
			}
			if got := w.Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("challenge %q, want %q", got, challenge)
			}
			if tt.want != 200 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
			if got := w.Header().Get("Vary"); got != "X-Api-Key" {
				t.Errorf("Vary %q", got)
			}
		})
	}
}

func TestSources(t *testing.T) {
	all := guard.Must(apikey.New(byKey, &apikey.Options{
		Sources: []apikey.Source{
			apikey.Header("x-api-key"), apikey.Authorization("Bearer"), apikey.Cookie("key"), apikey.InsecureQuery("api key"),
		},
		Realm: `the "API"`, Missing: "Key, please",
	}))
	const alice, bob, twice = "key_12345", "key_67890", "More than one credential was sent"
	tests := []struct {
		name    string
		method  string
		target  string
		headers []string
		want    int
		body    string
	}{
		{"none", "GET", "/", nil, 401, e(401, "Key, please")},
		{"header", "GET", "/", []string{"X-API-Key", alice}, 200, "Alice"},
		{"bearer", "GET", "/", []string{"Authorization", "bearer  " + bob}, 200, "Bob"},
		{"another scheme", "GET", "/", []string{"Authorization", "Digest " + bob}, 401, e(401, "Key, please")},
		{"bearer, malformed", "GET", "/", []string{"Authorization", "Bearer a b"}, 401, e(401, "Invalid API key")},
		{"bearer, twice", "GET", "/", []string{"Authorization", "Bearer " + bob, "Authorization", "Bearer " + bob}, 400, e(400, twice)},
		{"cookie", "GET", "/", []string{"Cookie", "key=" + alice}, 200, "Alice"},
		{"cookie, twice", "GET", "/", []string{"Cookie", "key=" + alice + "; key=" + alice}, 400, e(400, twice)},
		{"cookie, cross-site, safe", "GET", "/", []string{"Cookie", "key=" + alice, "Sec-Fetch-Site", "cross-site"}, 200, "Alice"},
		{"cookie, cross-site", "POST", "/", []string{"Cookie", "key=" + alice, "Sec-Fetch-Site", "cross-site"}, 403, e(403, "Cross-site request refused")},
		{"cookie, other origin", "POST", "/", []string{"Cookie", "key=" + alice, "Origin", "https://evil.example"}, 403, e(403, "Cross-site request refused")},
		{"cookie, same site", "POST", "/", []string{"Cookie", "key=" + alice, "Sec-Fetch-Site", "same-origin"}, 200, "Alice"},
		{"cookie, no browser", "POST", "/", []string{"Cookie", "key=" + alice}, 200, "Alice"},
		{"header, cross-site", "POST", "/", []string{"X-API-Key", alice, "Sec-Fetch-Site", "cross-site"}, 200, "Alice"},
		{"query", "GET", "/?a=1&api+key=" + alice, nil, 200, "Alice"},
		{"query, empty", "GET", "/?api%20key=", nil, 401, e(401, "Key, please")},
		{"query, twice", "GET", "/?api+key=" + alice + "&api%20key=" + bob, nil, 400, e(400, twice)},
		{"header and cookie", "GET", "/", []string{"X-API-Key", alice, "Cookie", "key=" + alice}, 400, e(400, twice)},
		{"header and query", "GET", "/?api+key=" + bob, []string{"X-API-Key", alice}, 400, e(400, twice)},
		{"header and bearer", "GET", "/", []string{"X-API-Key", alice, "Authorization", "Bearer " + bob}, 400, e(400, twice)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.headers...)
			r.Method = tt.method
			r.RequestURI = tt.target
			r.URL.RawQuery, _ = strings.CutPrefix(tt.target, "/?")
			w, inner := serve(all.Wrap, r)
			if w.Code != tt.want || w.Body.String() != tt.body || (inner != nil) != (tt.want == 200) {
				t.Errorf("%d %s, reached %t; want %d %s", w.Code, w.Body, inner != nil, tt.want, tt.body)
			}
			switch got := w.Header().Get("WWW-Authenticate"); {
			case tt.want == 401 && strings.Contains(tt.body, "Invalid"):
				if got != `Bearer realm="the \"API\"", error="invalid_token"` {
					t.Errorf("challenge %q", got)
				}
			case tt.want == 401:
				if got != `Bearer realm="the \"API\""` {
					t.Errorf("challenge %q", got)
				}
			}
		})
	}
}

// The key leaves the URL that inner handlers see; what is outside keeps its own.
func TestQueryIsHidden(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []apikey.Source{apikey.InsecureQuery("key")}}))
	id := func(_ context.Context, u user) (user, bool, error) { return u, true, nil }
	steps := map[string]guard.Middleware{
		"alone": keys.Wrap, "optional": guard.Optional(keys), "lenient": guard.Lenient(keys), "mapped": guard.Map(keys, id).Wrap,
	}
	for name, step := range steps {
		for target, want := range map[string]string{
			"/p?key=key_12345":                     "/p",
			"/p?a=1&key=key_12345&b=%20&c;d":       "/p?a=1&b=%20&c;d",
			"/p?%6bey=key_12345&keys=1":            "/p?keys=1",
			"http://example.com/p?x&key=key_12345": "http://example.com/p?x",
		} {
			r := httptest.NewRequest("GET", target, nil)
			if err := r.ParseForm(); err != nil && !strings.Contains(target, ";") {
				t.Fatal(err)
			}
			w, inner := serve(step, r)
			if w.Code != 200 || inner == nil {
				t.Fatalf("%s: %s: %d %s", name, target, w.Code, w.Body)
			}
			if inner.RequestURI != want || strings.Contains(inner.URL.String(), "key_12345") || inner.Form.Has("key") || inner.FormValue("key") != "" {
				t.Errorf("%s: %s: inner handlers see %q, %v and %v", name, target, inner.RequestURI, inner.URL, inner.Form)
			}
			if !strings.Contains(r.URL.RawQuery, "key_12345") || r.RequestURI != target {
				t.Errorf("%s: %s: the outer request was changed", name, target)
			}
		}
	}
	w, inner := serve(guard.Optional(keys), httptest.NewRequest("GET", "/p?a=1", nil))
	if w.Code != 200 || inner.URL.RawQuery != "a=1" {
		t.Error("a query without a key was changed")
	}
}

func TestNewErrors(t *testing.T) {
	tests := []struct {
		name string
		opts *apikey.Options
		want []string
	}{
		{"realm", &apikey.Options{Realm: "a\nb"}, []string{"realm"}},
		{"sources", &apikey.Options{Sources: []apikey.Source{
			{}, apikey.Header(""), apikey.Header("Authorization"), apikey.Header("a b"), apikey.Authorization("Bear er"),
			apikey.Cookie("a;b"), apikey.InsecureQuery(""), apikey.Header("X"), apikey.Header("x"),
		}}, []string{"zero Source", `""`, "source of its own", `"A b"|"a b"`, `"Bear er"`, `"a;b"`, "no name", "twice"}},
	}
	for _, tt := range tests {
		_, err := apikey.New(byKey, tt.opts)
		for _, want := range tt.want {
			if err == nil || !containsAny(err.Error(), want) {
				t.Errorf("%s: error %v does not mention %s", tt.name, err, want)
			}
		}
	}
	if _, err := apikey.New[user](nil, nil); err == nil {
		t.Error("a nil lookup is no error")
	}
}

func containsAny(s, alternatives string) bool {
	for a := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(s, a) {
			return true
		}
	}
	return false
}

// Options are copied: what the caller does to them later changes nothing.
func TestOptionsAreCopied(t *testing.T) {
	opts := &apikey.Options{Sources: []apikey.Source{apikey.Header("A")}}
	keys := guard.Must(apikey.New(byKey, opts))
	opts.Sources[0] = apikey.Header("B")
	if w, _ := serve(keys.Wrap, request("B", "key_12345")); w.Code != 401 {
		t.Errorf("status %d", w.Code)
	}
}
