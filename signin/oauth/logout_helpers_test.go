package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

// eventName is the member of events that makes a token a logout token.
const eventName = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are those of a right logout token.
func logoutClaims() object {
	now := time.Now().Unix()
	return object{
		"iss": issuer, "aud": clientID, "sub": "user-1", "sid": "session-1", "iat": now, "exp": now + 120, "jti": rand.Text(),
		"events": object{eventName: object{}},
	}
}

// signed is a token with a signature of ES256.
func signed(header, claims any, key *ecdsa.PrivateKey) string {
	return signedText(text(header), text(claims), key)
}

func signedText(header, claims string, key *ecdsa.PrivateKey) string {
	encode := base64.RawURLEncoding.EncodeToString
	s := encode([]byte(header)) + "." + encode([]byte(claims))
	return s + "." + encode(guard.Must(jwt.SigningMethodES256.Sign(s, key)))
}

var logoutHeader = object{"alg": "ES256", "kid": "1", "typ": "logout+jwt"}

func logoutToken(change func(object)) string {
	claims := logoutClaims()
	if change != nil {
		change(claims)
	}
	return signed(logoutHeader, claims, signingKey)
}

// A receiver is a back-channel logout URI under test.
type receiver struct {
	*app
	h    http.Handler
	fail error // of the function of BackChannel

	mu    sync.Mutex
	ended []oauth.LogoutToken
}

func newReceiver(t *testing.T, p *provider, opts oauth.Options) *receiver {
	t.Helper()
	rc := &receiver{app: newApp(t, p, opts)}
	var mu sync.Mutex
	rc.h = guard.Observe(func(_ *http.Request, d guard.Decision) {
		mu.Lock()
		defer mu.Unlock()
		rc.decisions = append(rc.decisions, d)
	})(rc.login.BackChannel(func(_ context.Context, token oauth.LogoutToken) error {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		if rc.fail == nil {
			rc.ended = append(rc.ended, token)
		}
		return rc.fail
	}))
	return rc
}

// post sends a form, and checks what every answer has.
func (rc *receiver) post(form string) *httptest.ResponseRecorder {
	return rc.send(httptest.NewRequest("POST", "/backchannel", strings.NewReader(form)))
}

func (rc *receiver) send(r *http.Request) *httptest.ResponseRecorder {
	if r.Header["Content-Type"] == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	rc.h.ServeHTTP(w, r)
	if got := w.Header()["Cache-Control"]; len(got) != 1 || got[0] != "no-store" {
		rc.t.Errorf("Cache-Control %q", got)
	}
	return w
}

func (rc *receiver) deliver(token string) *httptest.ResponseRecorder {
	return rc.post(url.Values{"logout_token": {token}}.Encode())
}

func (rc *receiver) count() int {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return len(rc.ended)
}

// newOnce is a store of its own, that several processes share.
func newOnce() once.Store { return guard.Must(once.NewMemory(nil)) }

// endings are changes of a logout token, and whether it ends the sign-in of the provider's
// user then.
var endings = map[string]struct {
	change func(object)
	ends   bool
}{
	"sub and sid":                    {func(object) {}, true},
	"sid alone":                      {func(c object) { delete(c, "sub") }, true},
	"sub alone":                      {func(c object) { delete(c, "sid") }, true},
	"another session":                {func(c object) { c["sid"] = "session-2" }, false},
	"the session of another subject": {func(c object) { c["sub"] = "user-2" }, false},
	"another subject":                {func(c object) { c["sub"] = "user-2"; delete(c, "sid") }, false},
	"another issuer":                 {func(c object) { c["iss"] = "https://evil.example" }, false},
}
