package jwtauth_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/golang-jwt/jwt/v5"
)

// FuzzToken: an accepted token re-encodes to itself, golang-jwt accepts it, too, and
// reads the same claims, as does encoding/json.
func FuzzToken(f *testing.F) {
	for _, tt := range append(hostileHeaders(), hostileClaims()...) {
		parts := strings.Split(tt.token, ".")
		if len(parts) != 3 {
			continue
		}
		header, err := rawURL(parts[0])
		payload, err2 := rawURL(parts[1])
		if err == nil && err2 == nil {
			f.Add(header, payload)
		}
	}
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	// Pointers go through encoding/json, strings do not.
	type pointers struct {
		Email *string `json:"email"`
		Role  *string `json:"role"`
	}
	twin := guard.Must(jwtauth.NewVerifier[pointers](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	deref := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	// golang-jwt cuts fractions off dates, and nbf has 5 seconds here.
	peer := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithIssuer("me"), jwt.WithAudience("api"),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(atNoon), jwt.WithLeeway(6*time.Second))
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		token := forge(string(header), string(payload), hs256(secret))
		tok, err := v.Verify(t.Context(), token)
		slow, err2 := twin.Verify(t.Context(), token)
		if reasonOf(err) != reasonOf(err2) {
			t.Fatalf("with encoding/json %v, without it %v", err2, err)
		}
		if err != nil {
			return
		}
		if want := (profile{deref(slow.Claims.Email), deref(slow.Claims.Role)}); tok.Claims != want {
			t.Errorf("with encoding/json %+v, without it %+v", want, tok.Claims)
		}
		parts := strings.Split(token, ".")
		for i, p := range parts {
			b, err := base64.RawURLEncoding.DecodeString(p)
			if err != nil {
				t.Fatal(err)
			}
			parts[i] = base64.RawURLEncoding.EncodeToString(b)
		}
		if strings.Join(parts, ".") != token {
			t.Error("the token has another spelling")
		}
		claims := jwt.MapClaims{}
		if _, err := peer.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return secret, nil }); err != nil {
			t.Fatalf("golang-jwt refuses it: %v", err)
		}
		text := func(name string) string { s, _ := claims[name].(string); return s }
		if tok.Sub() != text("sub") || tok.ID != text("jti") || tok.SessionID != text("sid") || tok.Claims != (profile{text("email"), text("role")}) {
			t.Errorf("read %+v; the payload holds %v", tok, claims)
		}
	})
}

// FuzzSpelling: of all spellings of a token one is accepted.
func FuzzSpelling(f *testing.F) {
	good := forge(jwtHeader, payload(), hs256(secret))
	f.Add(good)
	for _, tt := range hostileSpellings() {
		if len(tt.token) < 10000 {
			f.Add(tt.token)
		}
	}
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := v.Verify(t.Context(), token); err == nil && token != good {
			// Another token can only be one with other segments and a right signature.
			parts := strings.Split(token, ".")
			if len(parts) != 3 || forge(string(guard.Must(rawURL(parts[0]))), string(guard.Must(rawURL(parts[1]))), hs256(secret)) != token {
				t.Errorf("accepted %q", token)
			}
		}
	})
}
