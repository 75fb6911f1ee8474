package dpop_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/once"
)

// An API that accepts tokens with a proof alone. The client answers the nonce's challenge,
// and its next request needs none.
func Example() {
	nonceKey := guard.Secret(strings.Repeat("n", 32)) // 32 random bytes, the same in each process
	store := guard.Must(once.NewMemory(nil))          // several processes: stores.Once() of redisstore or sqlstore
	proofs := guard.Must(dpop.New("https://api.example.com", &dpop.Options{Once: store, NonceKey: nonceKey}))

	type Claims struct {
		Confirmation *dpop.Confirmation `json:"cnf,omitempty"`
	}
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Bound: proofs}))
	api := issuer.Verifier().Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[Claims]) {
		fmt.Fprintf(w, "hello %s", t.Sub())
	}))

	key := prover.NewKey("ES256", 0) // the client's
	tokens := guard.Must(issuer.Issue("alice", Claims{&dpop.Confirmation{JKT: key.Thumbprint()}}))
	nonce := ""
	for range 3 {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, key.Request("GET", "/profile", tokens.AccessToken, nonce, time.Now()))
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
		nonce = w.Header().Get("DPoP-Nonce")
	}

	r := httptest.NewRequest("GET", "/profile", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken) // stolen
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 [DPoP algs="ES256 ES384 EdDSA Ed25519 PS256 RS256", error="use_dpop_nonce"]
	// 200 []
	// 200 []
	// 401 DPoP algs="ES256 ES384 EdDSA Ed25519 PS256 RS256", error="invalid_token"
}

// A token endpoint binds what it issues to the key of the request's proof.
func ExampleProofs_Key() {
	proofs := guard.Must(dpop.New("https://api.example.com", nil))
	type Claims struct {
		Confirmation *dpop.Confirmation `json:"cnf,omitempty"`
	}
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Bound: proofs}))
	token := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := "alice" // whom the request authenticates: see package signin/password
		var claims Claims
		thumbprint, found, err := proofs.Key(r)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		if found {
			claims.Confirmation = &dpop.Confirmation{JKT: thumbprint}
		}
		tokens, err := issuer.Issue(subject, claims)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		proofs.Accepted(w.Header()) // the next nonce, if there are nonces
		tokens.Respond(w)           // with token_type "DPoP"
	})

	r := httptest.NewRequest("POST", "/token", nil)
	r.Header.Set("DPoP", prover.NewKey("ES256", 0).Proof("POST", "https://api.example.com/token", "", "", time.Now()))
	for range 2 { // a proof is used once
		w := httptest.NewRecorder()
		token.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.Contains(w.Body.String(), `"token_type":"DPoP"`))
	}
	// Output:
	// 200 true
	// 400 false
}

// Opaque tokens that an authorization server describes, with a DPoP key or a client
// certificate.
func ExampleOptions() {
	proofs := guard.Must(dpop.New("https://api.example.com", &dpop.Options{TLS: guard.Must(dpop.TLS(nil))}))
	in := guard.Must(bearer.NewIntrospector("https://as.example.com/introspect", "api", "s3cret", &bearer.IntrospectorOptions{Cache: time.Minute}))
	tokens := guard.Must(bearer.New(in.Verify, &bearer.Options{Bound: proofs}))
	users := guard.BySubject(tokens, func(context.Context, string) (string, bool, error) { return "alice", true, nil })

	w := httptest.NewRecorder()
	users.Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for _, challenge := range w.Header()["Www-Authenticate"] {
		fmt.Println(challenge)
	}
	// Output:
	// DPoP algs="ES256 ES384 EdDSA Ed25519 PS256 RS256"
	// Bearer
}
