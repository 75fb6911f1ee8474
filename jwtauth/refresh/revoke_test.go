package refresh_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// TestRevokeSubjectIsRetried: after the denylist failed, the next attempt ends
// all logins.
func TestRevokeSubjectIsRetried(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.LogoutAllHandler()
	other, mine, bob := g.start("1"), g.start("1"), g.start("2")
	g.deny.err = errors.New("down")
	for range 2 {
		if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 503 {
			t.Errorf("without a denylist: %d %s", w.Code, w.Body)
		}
	}
	if err := g.refresher.RevokeSubject(t.Context(), "1"); err == nil {
		t.Error("RevokeSubject without a denylist")
	}
	g.deny.err = nil
	g.alive(true, mine)
	if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 200 {
		t.Errorf("the third time: %d %s", w.Code, w.Body)
	}
	g.alive(false, other, mine)
	g.refused(other.RefreshToken, 401, "ended")
	g.refused(mine.RefreshToken, 401, "ended")
	g.alive(true, bob)
}

// TestLogoutAllIsRetriedAfterAStoreFailed: a client that could not end the logins
// has an access token to try again with.
func TestLogoutAllIsRetriedAfterAStoreFailed(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.LogoutAllHandler()
	other, mine := g.start("1"), g.start("1")
	for _, at := range []string{"string", "[]string"} { // listing; ending
		g.store.fails = at
		if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 503 {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
		}
		g.alive(true, mine)
	}
	g.store.fails = ""
	if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 200 {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	g.alive(false, other, mine)
}

// TestLogoutAfterLifetimeWasShortened: a token that was issued before is denied
// until it expires.
func TestLogoutAfterLifetimeWasShortened(t *testing.T) {
	for name, handler := range map[string]func(*refresh.Refresher[claims]) http.Handler{
		"logout":     (*refresh.Refresher[claims]).LogoutHandler,
		"everywhere": (*refresh.Refresher[claims]).LogoutAllHandler,
	} {
		g := newRig(t, nil) // tokens live an hour
		old := g.start("1")
		g.issuer = guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
			Issuer: "app", Lifetime: time.Minute, Now: g.clock.Now, Denylist: g.deny,
		}))
		g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: g.store}))
		if w := g.serve(handler(g.refresher), "POST", old.AccessToken, tokenBody(old.RefreshToken)); w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		g.alive(false, old)
		g.clock.Advance(59 * time.Minute)
		g.alive(false, old)
	}
}

// TestVerifierApartFromItsIssuer: a Verifier that has the Denylist of the Issuer
// refuses the tokens of logins that the Refresher ended, also beside other
// issuers.
func TestVerifierApartFromItsIssuer(t *testing.T) {
	g := newRig(t, nil)
	v := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "app", Type: "access", Denylist: g.deny, Now: g.clock.Now,
		Trust: []jwtauth.Trust{{Issuer: "other", Keys: jwtauth.HMAC("HS256", []byte(strings.Repeat("o", 32))), Audience: []string{"api"}}},
	}))
	tokens := g.start("1")
	if _, err := v.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Error(err)
	}
	if err := g.refresher.Revoke(t.Context(), "1", tokens.RefreshToken); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), tokens.AccessToken); err == nil {
		t.Error("a token of a login that has ended was accepted")
	}
}
