package main

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/jwtauth"
)

// dpopSection shows access tokens of the authorization server that are bound to a key of
// the client (RFC 9449): a stolen token is useless without the key. The nonces are made
// from SEAL_KEY, and the used proofs are in the shared store, so that a nonce is good, and
// a proof is used, in every process.
func dpopSection(mux *http.ServeMux, set settings, keys jwtauth.KeySource, log *slog.Logger) error {
	if set.oidc.issuer == "" {
		return nil
	}
	nonceKeys := set.sealKeys("dpop nonces")
	if len(nonceKeys) == 0 {
		log.Warn("SEAL_KEY is not set: /dpop is not mounted")
		return nil
	}
	proofs, err := dpop.New(set.publicURL, &dpop.Options{
		Once:         set.stores.Once,
		NonceKey:     nonceKeys[0],
		OldNonceKeys: nonceKeys[1:],
	})
	if err != nil {
		log.Warn("PUBLIC_URL must be https or on loopback: /dpop is not mounted", "error", err)
		return nil
	}
	tokens, err := jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{
		Issuer:   set.oidc.issuer,
		Audience: []string{set.oidc.audience},
		Bound:    proofs,
	})
	if err != nil {
		return fmt.Errorf("OIDC_ISSUER: %w", err)
	}
	mux.Handle("GET /dpop/profile", tokens.Wrap(guard.HandlerFunc(showSubject)))
	return nil
}
