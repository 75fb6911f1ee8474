package leak_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

type claims struct {
	Role string `json:"role"`
}

func ofJWTAuth(t *testing.T) map[string]leak.Instance {
	key := jwtauth.HMAC("HS256", leak.Secret("hmac", 40))
	private := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	options := jwtauth.IssuerOptions{
		Issuer: "me", CacheSize: 8, Previous: []jwtauth.Key{jwtauth.HMAC("HS256", leak.Secret("old", 40)), jwtauth.ECDSA("ES256", private)},
	}
	issuer := guard.Must(jwtauth.NewIssuer[claims](key, &options))
	tokens := guard.Must(issuer.Issue("1", claims{"admin"}))
	tokens.RefreshToken = string(leak.Secret("refresh", 40))
	tokens.Cookie = &http.Cookie{Name: "refresh", Value: tokens.RefreshToken}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	token := guard.Must(issuer.Verifier().Authenticate(r))
	memory := guard.Must(jwtauth.NewMemory(nil))
	trust := jwtauth.Trust{Issuer: "other", Keys: key, Prefix: "other:"}
	remote := jwtauth.RemoteOptions{Timeout: time.Second}
	verifier := guard.Must(jwtauth.NewVerifier[claims](jwtauth.Keys(key), &jwtauth.VerifierOptions{Issuer: "me", Trust: []jwtauth.Trust{trust}, CacheSize: 8}))
	if _, err := verifier.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	text := tokens.AccessToken
	//lint:ignore SA1019 it is what fmt prints
	secrets := []string{text, text[len(text)-30:], private.D.String()}
	return map[string]leak.Instance{
		"Issuer":          {Value: issuer, Secrets: secrets, Digests: true}, // its JWKS, which is public
		"Key":             {Value: key, Secrets: secrets},
		"RemoteOptions":   {Value: remote},
		"MemoryOptions":   {Value: jwtauth.MemoryOptions{}},
		"Memory":          {Value: memory},
		"VerifierOptions": {Value: jwtauth.VerifierOptions{Trust: []jwtauth.Trust{trust}}, Secrets: secrets},
		"IssuerOptions":   {Value: options, Secrets: secrets},
		"Trust":           {Value: trust, Secrets: secrets},
		"Token":           {Value: token, Secrets: secrets},
		"Tokens":          {Value: tokens, Secrets: secrets, Exposed: "its fields are exported, for responses of one's own"},
		"Verifier":        {Value: verifier, Secrets: secrets},
	}
}

func ofRefresh(t *testing.T) map[string]leak.Instance {
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", leak.Secret("hmac", 40)), nil))
	memory := guard.Must(refresh.NewMemory(nil))
	options := refresh.Options{Store: memory, Key: leak.Secret("key", 40), PreviousKeys: []guard.Secret{leak.Secret("old", 40)}}
	reload := func(context.Context, string, map[string]any) (claims, bool, error) { return claims{}, true, nil }
	refresher := guard.Must(refresh.New(issuer, reload, &options))
	tokens := guard.Must(refresher.Start(t.Context(), "1", nil))
	secrets := []string{tokens.RefreshToken, tokens.AccessToken}
	return map[string]leak.Instance{
		"MemoryOptions": {Value: refresh.MemoryOptions{}},
		"Memory":        {Value: memory, Secrets: secrets},
		"Options":       {Value: options, Exposed: aSecret},
		"ReuseError":    {Value: &refresh.ReuseError{Subject: "1", SessionID: "s"}},
		"Refresher":     {Value: refresher, Secrets: secrets},
		"Family":        {Value: refresh.Family{Subject: "1", ID: "s", Started: time.Now()}},
		"Rotation":      {Value: refresh.Rotation{Subject: "1"}},
		"RefRevocation": {Value: refresh.RefRevocation{Ref: "sid", Subject: "1"}},
		"StartOptions":  {Value: refresh.StartOptions[claims]{}},
		"Result":        {Value: refresh.Rotated},
	}
}
