package jwtauth_test

import (
	"crypto/ed25519"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/hostiletoken"
	"github.com/go-guard/guard/jwtauth"
)

// TestHostileTokensOfAnIssuer: the tokens that the example is shown over TCP.
func TestHostileTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	k := guard.Must(hostiletoken.NewKeys())
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.Keys(
		jwtauth.RSA("RS256", &k.RSA.PublicKey).WithID("RS256"),
		jwtauth.ECDSA("ES256", &k.EC.PublicKey).WithID("ES256"),
		jwtauth.Ed25519("EdDSA", k.Ed.Public().(ed25519.PublicKey)).WithID("EdDSA"),
	), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	for _, tt := range guard.Must(hostiletoken.Table(k, "me", "api", noon.Unix())) {
		t.Run(tt.Name, func(t *testing.T) {
			g := sendToken(t, v, tt.Token)
			if tt.Control() {
				if g.status != http.StatusOK {
					t.Errorf("status %d: %s", g.status, g.reason)
				}
				return
			}
			if g.status != http.StatusUnauthorized || g.message != tt.Message || g.reason != tt.Reason || g.challenge != `Bearer error="invalid_token"` {
				t.Errorf("status %d, %q, %q, challenge %q; want %q, %q", g.status, g.message, g.reason, g.challenge, tt.Message, tt.Reason)
			}
		})
	}
}
