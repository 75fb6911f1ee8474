package jwtauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard/jwtauth"
)

// TestTokenWithoutID: a token that was signed elsewhere with an Issuer's key,
// and holds the claims that RFC 7519 asks for, needs no jti.
func TestTokenWithoutID(t *testing.T) {
	secret := []byte(strings.Repeat("k", 32))
	issuer, err := jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "1", "type": "access", "exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := issuer.Verifier().Verify(t.Context(), token); err != nil || got.Sub() != "1" {
		t.Errorf("%v, %v", got, err)
	}
}
