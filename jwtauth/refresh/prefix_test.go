package refresh_test

import (
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// TestLogoutBehindAVerifierWithAPrefix: the subject of a refresh token has no Prefix.
func TestLogoutBehindAVerifierWithAPrefix(t *testing.T) {
	g := newRig(t, nil)
	own := g.issuer.Trust()
	own.Prefix = "own:"
	both := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", []byte("another secret of 32 random bytes")), &jwtauth.VerifierOptions{
		Issuer: "idp", Audience: []string{"api"}, Now: g.clock.Now, Trust: []jwtauth.Trust{own},
	}))
	h := g.observe()(both.Wrap(g.refresher.LogoutHandler()))
	post := func(accessToken, refreshToken string) *httptest.ResponseRecorder {
		r, w := request("POST", tokenBody(refreshToken)), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+accessToken)
		h.ServeHTTP(w, r)
		return w
	}
	one, another, theirs := g.start("1"), g.start("1"), g.start("2")
	if w := post(one.AccessToken, theirs.RefreshToken); w.Code != 400 {
		t.Errorf("another subject's: %d", w.Code)
	}
	g.alive(true, one, another, theirs)
	g.seen = nil
	if w := post(one.AccessToken, another.RefreshToken); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	g.alive(false, one, another)
	if d := g.seen[len(g.seen)-1]; d.Action != "sign-out" || d.Subject != "1" {
		t.Errorf("%+v", d)
	}
}
