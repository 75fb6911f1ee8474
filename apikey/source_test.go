package apikey_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

func TestSources(t *testing.T) {
	all := guard.Must(apikey.New(byKey, &apikey.Options{
		Sources: []source.Source{
			source.Header("x-api-key"), source.Authorization("Bearer"), source.Cookie("key"), source.InsecureQuery("api key"),
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
		{"header and cookie", "GET", "/", []string{"X-API-Key", alice, "Cookie", "key=" + alice}, 200, "Alice"},
		{"header and cookie, two keys", "GET", "/", []string{"X-API-Key", alice, "Cookie", "key=" + bob}, 400, e(400, twice)},
		{"header and query", "GET", "/?api+key=" + bob, []string{"X-API-Key", alice}, 400, e(400, twice)},
		{"header and bearer", "GET", "/", []string{"X-API-Key", alice, "Authorization", "Bearer " + bob}, 400, e(400, twice)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.headers...)
			r.Method = tt.method
			r.RequestURI = tt.target
			r.URL.RawQuery, _ = strings.CutPrefix(tt.target, "/?")
			w, inner := serve(t, all.Wrap, r)
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

// Any page may open a WebSocket here, and the browser adds the cookie.
func TestWebSocketFromAnotherSite(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []source.Source{source.Cookie("key")}}))
	for origin, want := range map[string]int{"https://evil.example": 403, "https://example.com": 200, "": 200} {
		h := []string{"Cookie", "key=key_12345", "Upgrade", "websocket", "Connection", "Upgrade"}
		if origin != "" {
			h = append(h, "Origin", origin)
		}
		w, inner := serve(t, keys.Wrap, request(h...))
		if w.Code != want || (inner != nil) != (want == 200) {
			t.Errorf("origin %q: %d, reached %t; want %d", origin, w.Code, inner != nil, want)
		}
	}
}

// A cookie that net/http cannot parse is a bad credential, not none: it is refused
// as one and, under guard.Optional, cleared.
func TestUnreadableCookieIsNotNone(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []source.Source{source.Cookie("key")}}))
	for cookie, want := range map[string]struct {
		status, optional int
		body             string
		cleared          bool
	}{
		`key=a"b`:                {401, 200, e(401, "Invalid API key"), true},
		"key=\x80":               {401, 200, e(401, "Invalid API key"), true},
		`key=a\b; key=key_12345`: {400, 400, e(400, "More than one credential was sent"), false},
		`key="key_12345"`:        {200, 200, "Alice", false},
		"other=x":                {401, 200, e(401, "API key required"), false},
	} {
		w, inner := serve(t, keys.Wrap, request("Cookie", cookie))
		if w.Code != want.status || w.Body.String() != want.body || (inner != nil) != (want.status == 200) {
			t.Errorf("%q: %d %s, reached %t; want %d %s", cookie, w.Code, w.Body, inner != nil, want.status, want.body)
		}
		w, inner = serve(t, guard.Optional(keys), request("Cookie", cookie))
		if w.Code != want.optional || (inner != nil) != (want.optional == 200) {
			t.Errorf("%q, optional: %d, reached %t; want %d", cookie, w.Code, inner != nil, want.optional)
		}
		if cleared := w.Header().Get("Set-Cookie") != ""; cleared != want.cleared {
			t.Errorf("%q, optional: cleared %t, want %t", cookie, cleared, want.cleared)
		}
	}
}
