package jwtauth_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// A login that issues tokens, and a profile that requires one.
func Example() {
	type Claims struct {
		Role string `json:"role"`
	}
	secret := []byte("32 random bytes or more, not this")

	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "my-app"}))

	login := func(w http.ResponseWriter, r *http.Request) {
		// Check the password here; see package signin/password.
		tokens, err := issuer.Issue("1", Claims{Role: "admin"})
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	}
	profile := func(w http.ResponseWriter, r *http.Request, t *jwtauth.Token[Claims]) {
		fmt.Fprintf(w, "user %s is %s", t.Sub(), t.Claims.Role)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", login)
	mux.Handle("GET /profile", issuer.Verifier().Wrap(guard.HandlerFunc(profile)))

	// In a program: log.Fatal(http.ListenAndServe("127.0.0.1:8080", mux))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil {
		log.Fatal(err)
	}
	for _, token := range []string{tokens.AccessToken, tokens.AccessToken + "x"} {
		r := httptest.NewRequest("GET", "/profile", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w = httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 user 1 is admin
	// 401 {"error":"Unauthorized","message":"Invalid token"}
}

// Access tokens of an authorization server, whose keys are discovered.
func ExampleDiscover() {
	keys := jwtauth.Discover("https://login.example.com/", nil)
	tokens, err := jwtauth.NewVerifier[struct {
		ClientID string `json:"client_id"`
	}](keys, &jwtauth.VerifierOptions{
		Audience: []string{"https://api.example.com"},
		Types:    []string{"at+jwt"}, // RFC 9068 alone: no ID tokens
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /orders", tokens.Wrap(http.HandlerFunc(http.NotFound)))
	fmt.Println(tokens.Scheme().Challenge)
	// Output: Bearer
}

// Two issuers, each with its keys and audience: a token of one is never verified
// with the keys of the other.
func ExampleTrust() {
	secret := []byte("32 random bytes or more, not this")
	_, err := jwtauth.NewVerifier[struct{}](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "my-app",
		Trust: []jwtauth.Trust{{
			Keys:     jwtauth.Discover("https://login.example.com/", nil),
			Audience: []string{"https://api.example.com"},
		}},
	})
	fmt.Println(err)
	// Output: <nil>
}

// All mistakes are reported at once.
func ExampleNewIssuer_mistakes() {
	type Claims struct {
		Subject string `json:"sub"`
	}
	_, err := jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("secret")), nil)
	fmt.Println(err)
	// Output:
	// jwtauth: the secret of HS256 has 6 bytes, and needs 32
	// jwtauth: jwtauth_test.Claims defines "sub", which is not a private claim
}
