package jwtauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

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

// Own tokens and a provider's on one route: each issuer has its keys, audience, type
// and denylist.
func ExampleTrust() {
	secret := []byte("32 random bytes or more, not this")
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "my-app"}))
	_, err := jwtauth.NewVerifier[struct{}](nil, &jwtauth.VerifierOptions{
		Trust: []jwtauth.Trust{issuer.Trust(), {
			Keys:     jwtauth.Discover("https://login.example.com/", nil),
			Audience: []string{"https://api.example.com"},
			Prefix:   "idp:", // Sub is "idp:…": no user of the provider is one of our own
		}},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Keys of a file. It is read again for a token of a new key, and a minute after it
// was read.
func ExampleLoadKeys() {
	keys := jwtauth.LoadKeys(func(context.Context) ([]byte, error) {
		return os.ReadFile("/etc/orders/jwks.json")
	}, &jwtauth.RemoteOptions{OnError: func(err error) { log.Print(err) }})
	tokens, err := jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{
		Issuer: "https://login.example.com/", Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /invoices", tokens.Wrap(http.HandlerFunc(http.NotFound)))
	fmt.Println(tokens.Scheme().Challenge)
	// Output: Bearer
}

// The roles of Keycloak, or with their claim's name the permissions of Auth0, as
// scopes: for bearer.Scopes and, with ScopesLimit, for package rbac.
func ExampleToken_Scopes() {
	secret := []byte("32 random bytes or more, not this")
	issuer := guard.Must(jwtauth.NewIssuer[keycloakClaims](jwtauth.HMAC("HS256", secret), nil))
	var claims keycloakClaims
	claims.RealmAccess.Roles = []string{"orders:read"}
	tokens := guard.Must(issuer.Issue("1", claims))

	t, err := issuer.Verifier().Verify(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.Scopes())
	// Output: [orders:read]
}

type keycloakClaims struct {
	RealmAccess struct {
		Roles []string `json:"roles"`
	} `json:"realm_access"`
}

func (c keycloakClaims) Scopes() []string { return c.RealmAccess.Roles }

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

// A new signing key without a restart, in three steps. With several processes, each
// step ends in all of them before the next one begins.
func ExampleIssuer_SetKeys() {
	type Claims struct{}
	old := jwtauth.HMAC("HS256", []byte("the old key, 32 random bytes or more")).WithID("2026-11")
	next := jwtauth.HMAC("HS256", []byte("the next key, 32 random bytes or more")).WithID("2026-12")

	issuer := guard.Must(jwtauth.NewIssuer[Claims](old, &jwtauth.IssuerOptions{Issuer: "my-app"}))
	before := guard.Must(issuer.Issue("1", Claims{})).AccessToken

	for _, keys := range [][]jwtauth.Key{
		{old, next}, // 1. The next key is accepted, and the JWKS publishes it.
		{next, old}, // 2. It signs, and the tokens of the old key are still accepted.
		{next},      // 3. They have expired: the old key is dropped.
	} {
		if err := issuer.SetKeys(keys[0], keys[1:]...); err != nil {
			log.Fatal(err)
		}
		_, err := issuer.Verifier().Verify(context.Background(), before)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// guard: 401 Unauthorized: Invalid token: jwtauth: no key of this kid and alg
}
