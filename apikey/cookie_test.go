package apikey_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// Any page may open a WebSocket here, and the browser adds the cookie.
func TestWebSocketFromAnotherSite(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []apikey.Source{apikey.Cookie("key")}}))
	for origin, want := range map[string]int{"https://evil.example": 403, "https://example.com": 200, "": 200} {
		h := []string{"Cookie", "key=key_12345", "Upgrade", "websocket", "Connection", "Upgrade"}
		if origin != "" {
			h = append(h, "Origin", origin)
		}
		w, inner := serve(keys.Wrap, request(h...))
		if w.Code != want || (inner != nil) != (want == 200) {
			t.Errorf("origin %q: %d, reached %t; want %d", origin, w.Code, inner != nil, want)
		}
	}
}

// A cookie that net/http cannot parse is a bad credential, not none.
func TestUnreadableCookieIsNotNone(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []apikey.Source{apikey.Cookie("key")}}))
	for cookie, want := range map[string]int{`key=a"b`: 401, "key=\x80": 401, `key=a\b; key=key_12345`: 400, `key="key_12345"`: 200, "other=x": 200} {
		reached := false
		h := guard.Optional(keys)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("Cookie", cookie))
		if w.Code != want || reached != (want == 200) {
			t.Errorf("%q: %d, reached %t; want %d", cookie, w.Code, reached, want)
		}
	}
}
