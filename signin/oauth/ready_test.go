package oauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

func TestReady(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*provider)
		want string // in the error; empty is none
	}{
		{"right", func(*provider) {}, ""},
		{"down", at("/.well-known/openid-configuration", down), "connection refused"},
		{"another issuer", func(p *provider) { p.metadata = func(m object) { m["issuer"] = "https://evil.example" } }, `is that of "https://evil.example"`},
		{"no token endpoint", func(p *provider) { p.metadata = func(m object) { delete(m, "token_endpoint") } }, "token_endpoint"},
		{"keys that are down", at("/jwks", down), "connection refused"},
	} {
		p := newProvider()
		tt.do(p)
		err := newApp(t, p, oauth.Options{}).login.Ready(t.Context())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	p := newProvider()
	login := guard.Must(oauth.New[claims](oauth.Endpoints{Authorize: issuer + "/authorize", Token: issuer + "/token", UserInfo: issuer + "/user"},
		oauth.Client{ID: clientID}, callback, &oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: p}}))
	if err := login.Ready(t.Context()); err != nil || p.count("") != 0 {
		t.Errorf("Endpoints: %v, %d requests", err, p.count(""))
	}
}
