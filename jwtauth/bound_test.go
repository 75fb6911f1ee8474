package jwtauth_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// TestBoundTokens: who has a member for cnf checks it; a map is not asked for it.
func TestBoundTokens(t *testing.T) {
	type bound struct {
		Cnf struct {
			JKT string `json:"jkt"`
		} `json:"cnf"`
	}
	type flat struct{ Role string }
	opts := &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}
	key := jwtauth.HMAC("HS256", secret)
	token := forge(jwtHeader, payload(`cnf={"jkt":"thumb"}`), hs256(secret))
	checking := guard.Must(jwtauth.NewVerifier[bound](key, opts))
	tok, err := checking.Verify(t.Context(), token)
	if err != nil || tok.Claims.Cnf.JKT != "thumb" {
		t.Errorf("claims with cnf: %v, %v", tok, err)
	}
	_, asMap := guard.Must(jwtauth.NewVerifier[map[string]any](key, opts)).Verify(t.Context(), token)
	_, asStrings := guard.Must(jwtauth.NewVerifier[flat](key, opts)).Verify(t.Context(), token)
	_, asStruct := guard.Must(jwtauth.NewVerifier[struct{ N int }](key, opts)).Verify(t.Context(), token)
	for name, err := range map[string]error{"map": asMap, "strings": asStrings, "struct": asStruct} {
		var e *guard.Error
		if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
			t.Errorf("%s: a bound token got %v, want 401", name, err)
		}
	}
}
