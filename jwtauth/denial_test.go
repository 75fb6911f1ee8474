package jwtauth_test

import (
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// TestIDsOfAnIssuerDenyNoOthers: whoever may choose the jti of its own tokens
// cannot log out another issuer's sessions, nor by it its own.
func TestIDsOfAnIssuerDenyNoOthers(t *testing.T) {
	other := []byte("another secret of 32 random bytes")
	list := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: atNoon}))
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: list,
		Trust: []jwtauth.Trust{{Issuer: "other", Keys: jwtauth.HMAC("HS256", other), Audience: []string{"api"}}},
	}))
	own := func(edits ...string) string { return forge(jwtHeader, payload(edits...), hs256(secret)) }
	theirs := func(edits ...string) string {
		return forge(jwtHeader, payload(append(edits, `iss="other"`)...), hs256(other))
	}
	for _, token := range []string{theirs(`jti="S"`), theirs(`jti="j"`, `sid="S"`), own(`jti="S"`)} {
		tok, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Revoke(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), token); err == nil {
			t.Error("a denied token was accepted")
		}
	}
	if _, err := v.Verify(t.Context(), own(`sid="S"`)); err != nil {
		t.Errorf("a token that nobody denied: %v", err)
	}
	if err := list.Deny(t.Context(), noon.Add(time.Hour), jwtauth.DeniedSession("me", "S")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), own(`sid="S"`)); err == nil {
		t.Error("a token of a denied session was accepted")
	}
}

// TestVerifierApartFromItsIssuer: with the Denylist of the Issuer it knows what
// its Refresher ends, also beside other issuers.
func TestVerifierApartFromItsIssuer(t *testing.T) {
	g := newRefreshRig(t, nil)
	v := guard.Must(jwtauth.NewVerifier[refreshClaims](jwtauth.HMAC("HS256", refreshSecret), &jwtauth.VerifierOptions{
		Issuer: "app", Type: "access", Denylist: g.deny, Now: g.clock,
		Trust: []jwtauth.Trust{{Issuer: "other", Keys: jwtauth.HMAC("HS256", secret), Audience: []string{"api"}}},
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

// TestTokensWithoutIDsAndADenylist: what could not be denied is refused.
func TestTokensWithoutIDsAndADenylist(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: guard.Must(jwtauth.NewMemory(nil)),
	}))
	for edit, want := range map[string]int{"jti=": 401, `jti=""`: 401, `jti="j"`: 200} {
		if g := sendToken(t, v, forge(jwtHeader, payload(edit), hs256(secret))); g.status != want {
			t.Errorf("%s: %d %s, want %d", edit, g.status, g.reason, want)
		}
	}
}
