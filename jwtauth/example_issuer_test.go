package jwtauth_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Tokens of half an hour for one audience.
func ExampleNewIssuer() {
	type Claims struct {
		Role string `json:"role"`
	}
	issuer, err := jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), &jwtauth.IssuerOptions{
		Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"}, Lifetime: 30 * time.Minute,
	})
	if err != nil {
		fmt.Println(err) // all mistakes
		return
	}
	tokens := guard.Must(issuer.Issue("alice", Claims{Role: "admin"}))
	fmt.Println(tokens.ExpiresIn)
	// Output: 30m0s
}

// The private claims of a token are a struct. The issuer sets the registered claims.
func ExampleIssuer_Issue() {
	type Claims struct {
		Role string `json:"role"`
	}
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	tokens, err := issuer.Issue("alice", Claims{Role: "admin"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(tokens.AccessToken, "."), tokens.ExpiresIn)
	fmt.Println(tokens) // for logs: the token is not shown
	// Output:
	// 2 15m0s
	// jwtauth.Tokens(not printed)
}

// The public keys, for those that verify the tokens.
func ExampleIssuer_JWKS() {
	seed := make([]byte, ed25519.SeedSize) // random, not this
	key := jwtauth.Ed25519("EdDSA", ed25519.NewKeyFromSeed(seed)).WithID("2026-12")
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](key, nil))
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/jwks.json", issuer.JWKS())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	fmt.Println(w.Body)
	// Output: {"keys":[{"crv":"Ed25519","kty":"OKP","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik","alg":"EdDSA","kid":"2026-12","use":"sig"}]}
}

// Tokens of this program beside those of a provider.
func ExampleIssuer_Trust() {
	secret := []byte("32 random bytes or more, not this")
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "my-app"}))
	verifier := guard.Must(jwtauth.NewVerifier[struct{}](nil, &jwtauth.VerifierOptions{Trust: []jwtauth.Trust{issuer.Trust(), {
		Keys: jwtauth.Discover("https://login.example.com/", nil), Audience: []string{"https://api.example.com"}, Prefix: "idp:",
	}}}))

	t, err := verifier.Verify(context.Background(), guard.Must(issuer.Issue("alice", struct{}{})).AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Issuer, t.Sub())
	// Output: my-app alice
}

// The verifier of an issuer's tokens has its keys, options and denylist.
func ExampleIssuer_Verifier() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	authenticated := issuer.Verifier().Wrap

	mux := http.NewServeMux()
	mux.Handle("GET /profile", authenticated(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[struct{}]) {
		fmt.Fprint(w, t.Sub())
	})))
	r := httptest.NewRequest("GET", "/profile", nil)
	r.Header.Set("Authorization", "Bearer "+guard.Must(issuer.Issue("alice", struct{}{})).AccessToken)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 alice
}

// The response to a login, as clients of OAuth 2.0 expect it.
func ExampleTokens_Respond() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	login := func(w http.ResponseWriter, r *http.Request) {
		// Check the password here; see package signin/password.
		tokens, err := issuer.Issue("alice", struct{}{})
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	}

	w := httptest.NewRecorder()
	login(w, httptest.NewRequest("POST", "/login", nil))
	var body struct {
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
	}
	err := json.Unmarshal(w.Body.Bytes(), &body)
	fmt.Println(body.Type, body.Expires, w.Header().Get("Cache-Control"), err)
	// Output: bearer 900 no-store <nil>
}
