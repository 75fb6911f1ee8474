package bearer_test

import (
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

// Any page may open a WebSocket here, and the browser adds the cookie.
func TestWebSocketFromAnotherSite(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, &bearer.Options{Cookie: "token"}))
	for origin, want := range map[string]int{"https://evil.example": 403, "https://api.test": 200, "": 200} {
		r := request()
		r.Header.Set("Cookie", "token=valid_token_123")
		r.Header.Set("Upgrade", "WebSocket")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w, reached := serve(tokens.Wrap, r)
		if w.Code != want || reached != (want == 200) {
			t.Errorf("origin %q: %d, reached %t; want %d", origin, w.Code, reached, want)
		}
	}
}
