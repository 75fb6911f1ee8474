package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	zitadelhttp "github.com/zitadel/oidc/v3/pkg/http"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/go-guard/guard"
)

// goOIDC returns what applications write with coreos/go-oidc and x/oauth2: state, nonce and
// the verifier of PKCE in a cookie each, which is not sealed; the ID token with its nonce
// and at_hash. A sign-in that is completed is not spent.
func goOIDC(p *identityProvider) (begin, complete http.Handler) {
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: p})
	provider := guard.Must(oidc.NewProvider(ctx, idpURL))
	verifier := provider.Verifier(&oidc.Config{ClientID: appID})
	config := oauth2.Config{
		ClientID: appID, ClientSecret: "of the registration", Endpoint: provider.Endpoint(), RedirectURL: appCallback, Scopes: []string{oidc.ScopeOpenID, "email"},
	}
	cookie := func(w http.ResponseWriter, name, value string) {
		http.SetCookie(w, &http.Cookie{Name: name, Value: value, MaxAge: 600, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	begin = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
		cookie(w, "state", state)
		cookie(w, "nonce", nonce)
		cookie(w, "verifier", verifier)
		http.Redirect(w, r, config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusFound)
	})
	complete = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := func(name string) string {
			c, err := r.Cookie(name)
			check(err == nil, "go-oidc: the cookie "+name)
			return c.Value
		}
		query := r.URL.Query()
		check(subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(value("state"))) == 1, "go-oidc: the state")
		tokens, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(value("verifier")))
		check(err == nil, "go-oidc: the exchange")
		raw, _ := tokens.Extra("id_token").(string)
		id, err := verifier.Verify(ctx, raw)
		check(err == nil && subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(value("nonce"))) == 1, "go-oidc: the ID token")
		check(id.VerifyAccessToken(tokens.AccessToken) == nil, "go-oidc: at_hash")
		var c struct {
			oauthClaims
			Email    string `json:"email"`
			Verified bool   `json:"email_verified"`
		}
		check(id.Claims(&c) == nil && c.Verified && c.Name == "Alice", "go-oidc: the claims")
		for _, name := range []string{"state", "nonce", "verifier"} {
			http.SetCookie(w, &http.Cookie{Name: name, MaxAge: -1, Path: "/", Secure: true, HttpOnly: true})
		}
		http.Redirect(w, r, "/inbox", http.StatusSeeOther)
	})
	return begin, complete
}

// zitadelRP returns zitadel/oidc's relying party as in its example, with PKCE. It sends no
// nonce, and a sign-in that is completed is not spent. Its cookies are encrypted.
func zitadelRP(p *identityProvider) (begin, complete http.Handler) {
	cookies := zitadelhttp.NewCookieHandler(secret, secret)
	party := guard.Must(rp.NewRelyingPartyOIDC(context.Background(), idpURL, appID, "of the registration", appCallback, []string{"openid", "email"},
		rp.WithHTTPClient(&http.Client{Transport: p}), rp.WithCookieHandler(cookies), rp.WithPKCE(cookies)))
	begin = rp.AuthURLHandler(rand.Text, party)
	complete = rp.CodeExchangeHandler(func(w http.ResponseWriter, r *http.Request, tokens *zitadel.Tokens[*zitadel.IDTokenClaims], _ string, _ rp.RelyingParty) {
		check(tokens.IDTokenClaims.Subject == "248289761001" && bool(tokens.IDTokenClaims.EmailVerified) && tokens.IDTokenClaims.Name == "Alice", "zitadel: the claims")
		http.Redirect(w, r, "/inbox", http.StatusSeeOther)
	}, party)
	return begin, complete
}
