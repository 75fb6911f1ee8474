package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// newGoogle has the metadata that Google publishes, and ID tokens as it documents them,
// which claims changes.
func newGoogle(t *testing.T, claims func(object)) (s *sites, nonce *string) {
	nonce = new(string)
	p := newProvider()
	p.claims = func(c object) {
		for _, name := range []string{"acr", "amr", "auth_time", "sid", "tenant"} {
			delete(c, name)
		}
		c["iss"], c["sub"], c["azp"], c["email"] = "https://accounts.google.com", "110169484474386276334", clientID, "alice@gmail.com"
		if claims != nil {
			claims(c)
		}
	}
	return &sites{t: t, answers: map[string]func(*http.Request, url.Values) (int, string){
		"accounts.google.com/.well-known/openid-configuration": fixed(`{"issuer":"https://accounts.google.com","authorization_endpoint":"https://accounts.google.com/o/oauth2/v2/auth",
			"token_endpoint":"https://oauth2.googleapis.com/token","userinfo_endpoint":"https://openidconnect.googleapis.com/v1/userinfo","jwks_uri":"https://www.googleapis.com/oauth2/v3/certs",
			"response_types_supported":["code","none"],"id_token_signing_alg_values_supported":["RS256","ES256"],"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]}`),
		"www.googleapis.com/oauth2/v3/certs": fixed(text(object{"keys": []object{jwk(signingKey, "1")}})),
		"oauth2.googleapis.com/token": func(*http.Request, url.Values) (int, string) {
			return 200, text(object{"access_token": "the-access-token", "expires_in": 3920, "token_type": "Bearer", "scope": "openid https://www.googleapis.com/auth/userinfo.email",
				"refresh_token": "1//xEoDL4iW3cxlI7yDbSRFYNG01kVKM2C-259HOF2aQbI", "id_token": p.makeIDToken(url.Values{"nonce": {*nonce}})})
		},
	}}, nonce
}

func TestGoogle(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims func(object)
		want   int
	}{
		{"as documented", nil, 303},
		{"of a Workspace", func(c object) { c["hd"], c["email"] = "example.com", "alice@example.com" }, 303},
		{"iss without https, as in old tokens", func(c object) { c["iss"] = "accounts.google.com" }, 401},
		{"iss with a slash", func(c object) { c["iss"] = "https://accounts.google.com/" }, 401},
		{"iss of another", func(c object) { c["iss"] = "https://accounts.google.com.evil.example" }, 401},
		{"aud of another client", func(c object) { c["aud"] = "another" }, 401},
		{"azp of another client", func(c object) { c["azp"] = "another" }, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, nonce := newGoogle(t, tt.claims)
			a := appAt(t, s, oauth.Google(), registered, oauth.Options{KeepTokens: true})
			q := guard.Must(url.Parse(a.begin(""))).Query()
			if q.Get("access_type") != "offline" || q.Get("scope") != "openid email" {
				t.Error(q)
			}
			*nonce = q.Get("nonce")
			w := a.complete(url.Values{"code": {"4/0A"}, "state": {q.Get("state")}, "scope": {"email openid"}, "authuser": {"0"}, "prompt": {"none"}})
			if w.Code != tt.want || (a.calls == 1) != (tt.want == 303) {
				t.Fatalf("%d %s", w.Code, a.reason())
			}
			a.checkNoSecrets(w)
			if tt.want == 303 && (a.who.Issuer != "https://accounts.google.com" || a.who.Subject != "110169484474386276334" || !a.who.EmailVerified ||
				!slices.Equal(a.who.Tokens.Scopes, []string{"openid", "https://www.googleapis.com/auth/userinfo.email"}) || a.who.Tokens.RefreshToken == nil) {
				t.Errorf("%+v", a.who)
			}
		})
	}
	s, _ := newGoogle(t, nil)
	if u := appAt(t, s, oauth.Google(), registered, oauth.Options{}).begin(""); guard.Must(url.Parse(u)).Query().Has("access_type") {
		t.Error("a refresh token that no one keeps is requested")
	}
}
