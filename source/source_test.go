package source_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/source"
)

// TestSources: each source reads the credential in its own place, and in no other one. What
// a browser attaches by itself is refused if another site sends it.
func TestSources(t *testing.T) {
	verify := func(_ context.Context, token string) (string, bool, error) { return "alice", token == "t0ken", nil }
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	places := map[string]func(*http.Request){
		"header":        set("X-Token", "t0ken"),
		"proxy header":  set("X-Proxy-Token", "t0ken"),
		"authorization": set("Authorization", "TOKEN t0ken"),
		"cookie":        set("Cookie", "token=t0ken"),
		"socket": func(r *http.Request) {
			r.Method = "GET"
			r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Protocol": {"token, t0ken"}}
		},
		"query":  func(r *http.Request) { r.URL.RawQuery = "token=t0ken" },
		"no one": func(*http.Request) {},
	}
	for name, tt := range map[string]struct {
		source   source.Source
		attached bool // by browsers
	}{
		"header":        {source.Header("X-Token"), false},
		"proxy header":  {source.ProxyHeader("X-Proxy-Token"), true},
		"authorization": {source.Authorization("Token"), false},
		"cookie":        {source.Cookie("token"), true},
		"socket":        {source.WebSocketProtocol("token"), false},
		"query":         {source.InsecureQuery("token"), false},
	} {
		tokens := guard.Must(bearer.New(verify, &bearer.Options{Sources: []source.Source{tt.source}}))
		send := func(place string, headers ...string) (status int, reached bool) {
			r := httptest.NewRequest("POST", "/", nil)
			places[place](r)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w, reached := harness.Serve(t, tokens.Wrap, nil, r)
			return w.Code, reached
		}
		for place := range places {
			want := 401
			if place == name {
				want = 200
			}
			if status, reached := send(place); status != want || reached != (want == 200) {
				t.Errorf("the source %s of a token in the %s: %d, reached %t", name, place, status, reached)
			}
		}
		want := 200
		if tt.attached {
			want = 403
		}
		if status, reached := send(name, "Sec-Fetch-Site", "cross-site"); status != want || reached != (want == 200) {
			t.Errorf("the source %s, from another site: %d, reached %t", name, status, reached)
		}
		if _, err := bearer.New(verify, &bearer.Options{Sources: []source.Source{tt.source, {}}}); err == nil {
			t.Errorf("beside the source %s, a zero Source is accepted", name)
		}
	}
}
