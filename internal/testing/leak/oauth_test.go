package leak_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

// ofOAuth has a sign-in at a provider that answers every request with one body: the
// tokens and the user.
func ofOAuth(t *testing.T) map[string]leak.Instance {
	token := string(leak.Secret("access token", 40))
	options := oauth.Options{
		Key: leak.Secret("key", 40), OldKeys: []guard.Secret{leak.Secret("old key", 40)}, Once: guard.Must(once.NewMemory(nil)), KeepTokens: true,
		HTTPClient: client(`{"id":1,"access_token":"` + token + `","refresh_token":"` + token + `","token_type":"bearer","expires_in":60}`),
	}
	endpoints := oauth.Endpoints{Authorize: "https://idp.example/authorize", Token: "https://idp.example/token", UserInfo: "https://idp.example/user"}
	registered := oauth.Client{ID: "app", Secret: leak.Secret("client secret", 40)}
	login := guard.Must(oauth.New[data](endpoints, registered, "https://app.example/callback", &options))
	private := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	withKey := guard.Must(oauth.New[data](oauth.Discover("https://idp.example"), oauth.Client{ID: "app", Key: jwtauth.ECDSA("ES256", private)}, "https://app.example/callback", &options))
	withApple := guard.Must(oauth.New[data](oauth.Apple("TEAM"), oauth.Client{ID: "app", Key: jwtauth.ECDSA("ES256", private).WithID("KEY")}, "https://app.example.com/callback", &options))

	w := httptest.NewRecorder()
	login.Begin().ServeHTTP(w, httptest.NewRequest("GET", "/login", nil))
	cookie, u := w.Result().Cookies()[0], guard.Must(url.Parse(w.Header().Get("Location")))
	r := httptest.NewRequest("GET", "/callback?code="+leak.Marker+"&state="+u.Query().Get("state"), nil)
	r.AddCookie(cookie)
	var who oauth.Identity[data]
	w = httptest.NewRecorder()
	login.Complete(func(_ http.ResponseWriter, _ *http.Request, identity *oauth.Identity[data]) error {
		who = *identity
		return nil
	}).ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther || string(who.Tokens.AccessToken) != token {
		t.Fatalf("no sign-in: %d %s", w.Code, w.Body)
	}
	who.IDToken = leak.Secret("ID token", 40)
	options.HTTPClient = nil // what it holds is the application's
	//lint:ignore SA1019 it is what fmt prints
	secrets := []string{cookie.Value, u.Query().Get("state"), private.D.String()}
	return map[string]leak.Instance{
		"Auth":        {Value: oauth.Basic},
		"AuthRequest": {Value: oauth.AuthRequest{Prompt: "login", MaxAge: time.Minute}},
		"Client":      {Value: registered, Exposed: aSecret},
		"Endpoints":   {Value: endpoints},
		"Identity":    {Value: who, Exposed: aSecret},
		"LogoutToken": {Value: oauth.LogoutToken{Issuer: "https://idp.example", Subject: "1", SessionID: "2"}},
		"Login":       {Value: []any{login, withKey, withApple}, Secrets: secrets},
		"Options":     {Value: options, Exposed: aSecret},
		"Tokens":      {Value: who.Tokens, Exposed: aSecret},
	}
}
