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

// TestRevokeNoSubject: a program that has lost the subject learns that no login has
// ended.
func TestRevokeNoSubject(t *testing.T) {
	g := newRig(t, nil)
	for _, subject := range []string{"", "\xff", strings.Repeat("x", 1025)} {
		if err := g.refresher.RevokeSubject(t.Context(), subject); err == nil {
			t.Errorf("%q: no error", subject)
		}
	}
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
	for name, handler := range map[string]func(*rig) http.Handler{
		"logout":     (*rig).guardedLogout,
		"everywhere": func(g *rig) http.Handler { return g.refresher.LogoutAllHandler() },
	} {
		g := newRig(t, nil) // tokens live an hour
		old := g.start("1")
		g.issuer = guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
			Issuer: "app", Lifetime: time.Minute, Now: g.clock.Now, Denylist: g.deny,
		}))
		g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: g.store}))
		if w := g.serve(handler(g), "POST", old.AccessToken, tokenBody(old.RefreshToken)); w.Code != 200 {
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
		Trust: []jwtauth.Trust{{Issuer: "other", Keys: jwtauth.HMAC("HS256", []byte(strings.Repeat("o", 32))), Audience: []string{"api"}, Prefix: "other:"}},
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

// TestRevokeSubjectDeniesEndedLogins: a login that ended while the denylist failed, in
// whatever way, is denied by RevokeSubject.
func TestRevokeSubjectDeniesEndedLogins(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(g *rig, tokens *jwtauth.Tokens) error
	}{
		{"logout", func(g *rig, tokens *jwtauth.Tokens) error {
			return g.refresher.Revoke(t.Context(), "1", tokens.RefreshToken)
		}},
		{"reuse", func(g *rig, tokens *jwtauth.Tokens) error {
			g.refresh(tokens.RefreshToken)
			g.clock.Advance(10 * time.Second)
			_, err := g.refresher.Refresh(t.Context(), tokens.RefreshToken)
			return err
		}},
		{"eviction", func(g *rig, _ *jwtauth.Tokens) error {
			g.start("1")
			_, err := g.refresher.Start(t.Context(), "1", nil)
			return err
		}},
		{"a subject that does not exist", func(g *rig, tokens *jwtauth.Tokens) error {
			delete(g.users, "1")
			_, err := g.refresher.Refresh(t.Context(), tokens.RefreshToken)
			return err
		}},
		{"all", func(g *rig, _ *jwtauth.Tokens) error { return g.refresher.RevokeSubject(t.Context(), "1") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, nil)
			g.store.Store = guard.Must(refresh.NewMemory(&refresh.MemoryOptions{MaxPerSubject: 2}))
			tokens := g.start("1")
			g.deny.err = errors.New("down")
			if err := tt.end(g, tokens); err == nil {
				t.Fatal("no error without a denylist")
			}
			g.alive(true, tokens)
			if err := g.refresher.RevokeSubject(t.Context(), "1"); err == nil {
				t.Error("RevokeSubject without a denylist")
			}
			g.deny.err = nil
			g.clock.Advance(30 * time.Minute)
			if err := g.refresher.RevokeSubject(t.Context(), "1"); err != nil {
				t.Error(err)
			}
			g.alive(false, tokens)
		})
	}
}

// TestTokenOfAConcurrentRefresh: an access token that a refresh signs while
// RevokeSubject runs is refused for as long as a Verifier with the maximum Leeway
// would accept it.
func TestTokenOfAConcurrentRefresh(t *testing.T) {
	for name, end := range map[string]func(g *rig, tokens *jwtauth.Tokens) error{
		"RevokeSubject": func(g *rig, _ *jwtauth.Tokens) error { return g.refresher.RevokeSubject(t.Context(), "1") },
		"Revoke": func(g *rig, tokens *jwtauth.Tokens) error {
			return g.refresher.Revoke(t.Context(), "1", tokens.RefreshToken)
		},
	} {
		g := newRig(t, nil)
		lenient := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "app", Type: "access", Denylist: g.deny, Now: g.clock.Now, Leeway: jwtauth.MaxLeeway,
		}))
		first := g.start("1")
		var late *jwtauth.Tokens
		g.store.revoking = func() {
			if late == nil {
				g.clock.Advance(4 * time.Second)
				late = g.refresh(first.RefreshToken)
			}
		}
		if err := end(g, first); err != nil || late == nil {
			t.Fatalf("%s: %v, %v", name, late, err)
		}
		for range int((time.Hour + jwtauth.MaxLeeway) / time.Second) {
			if _, err := lenient.Verify(t.Context(), late.AccessToken); err == nil {
				t.Fatalf("%s: the access token works at %v", name, g.clock.Now())
			}
			g.clock.Advance(time.Second)
		}
	}
}

// TestEndedLoginStaysListed: as long as an access token of it may be accepted, and no
// longer in memory.
func TestEndedLoginStaysListed(t *testing.T) {
	for name, wait := range map[string]time.Duration{"ended": 0, "expired": 30 * 24 * time.Hour} {
		g := newRig(t, &refresh.Options{Idle: 30 * 24 * time.Hour})
		tokens := g.start("1")
		if wait == 0 {
			g.endedBy(tokens)
			wait = time.Hour
		}
		listed := func() int {
			g.store.calls = nil
			g.start("2") // removes what is no longer listed
			if err := g.refresher.RevokeSubject(t.Context(), "1"); err != nil {
				t.Error(err)
			}
			return len(g.store.calls) - 2 // Start and List; Revoke
		}
		g.clock.Advance(wait + jwtauth.MaxLeeway)
		if listed() != 1 {
			t.Errorf("%s: it is not listed", name)
		}
		g.clock.Advance(time.Hour + 2*jwtauth.MaxLeeway)
		if listed() != 0 {
			t.Errorf("%s: it is still listed", name)
		}
	}
}
