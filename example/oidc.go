package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// oidcSettings describe the authorization server whose access tokens are accepted.
type oidcSettings struct {
	issuer, audience, jwks string
	refetch                time.Duration
}

func readOIDC(getenv func(string) string) (set oidcSettings, err error) {
	set = oidcSettings{issuer: getenv("OIDC_ISSUER"), audience: getenv("OIDC_AUDIENCE"), jwks: getenv("OIDC_JWKS_URL")}
	refetch := getenv("OIDC_REFETCH")
	switch {
	case set.issuer == "" && set.audience+set.jwks != "":
		return set, errors.New("OIDC_ISSUER is not set, but another of OIDC_AUDIENCE and OIDC_JWKS_URL is")
	case set.issuer == "" && refetch != "" && getenv("OAUTH_ISSUER") == "":
		return set, errors.New("OIDC_REFETCH is set, but neither OIDC_ISSUER nor OAUTH_ISSUER is")
	case set.issuer != "" && set.audience == "":
		return set, errors.New("OIDC_AUDIENCE is not set: tokens for other services of OIDC_ISSUER would be accepted")
	}
	if refetch != "" {
		if set.refetch, err = time.ParseDuration(refetch); err != nil || set.refetch <= 0 {
			return set, fmt.Errorf("OIDC_REFETCH: %q is not a positive duration such as 10s", refetch)
		}
	}
	return set, nil
}

// oidcKeys returns the keys of the authorization server, which are fetched from it.
func oidcKeys(set oidcSettings) jwtauth.KeySource {
	fetch := &jwtauth.RemoteOptions{Refetch: set.refetch}
	if set.jwks != "" {
		return jwtauth.RemoteKeys(set.jwks, fetch)
	}
	return jwtauth.Discover(set.issuer, fetch)
}

// oidcSection shows access tokens of an authorization server. Without the settings
// there is no route.
func oidcSection(mux *http.ServeMux, set oidcSettings, keys jwtauth.KeySource) error {
	if set.issuer == "" {
		return nil
	}
	tokens, err := jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{
		Issuer:   set.issuer,
		Audience: []string{set.audience},
	})
	if err != nil {
		return fmt.Errorf("OIDC_ISSUER: %w", err)
	}
	mux.Handle("GET /oidc/profile", tokens.Wrap(guard.HandlerFunc(showSubject)))
	return nil
}

func showSubject(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[struct{}]) {
	reply(w, http.StatusOK, struct {
		Subject string   `json:"subject"`
		Issuer  string   `json:"issuer"`
		Scopes  []string `json:"scopes"`
	}{t.Sub(), t.Issuer, append([]string{}, t.Scopes()...)}) // never null
}
