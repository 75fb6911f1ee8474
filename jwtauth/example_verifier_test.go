package jwtauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Keys of another issuer need its name and an audience. All mistakes are reported at once.
func ExampleNewVerifier() {
	type Claims struct {
		Email string `json:"email"`
	}
	keys := jwtauth.RemoteKeys("https://login.example.com/jwks.json", nil)
	verifier, err := jwtauth.NewVerifier[Claims](keys, &jwtauth.VerifierOptions{
		Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"}, Leeway: 10 * time.Second,
	})
	fmt.Println(verifier != nil, err)

	_, err = jwtauth.NewVerifier[Claims](keys, nil)
	fmt.Println(err)
	// Output:
	// true <nil>
	// jwtauth: keys of an authorization server without Issuer
	// jwtauth: keys of an authorization server without Audience
}

// A token that came in the first message of a WebSocket.
func ExampleVerifier_Verify() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	token := guard.Must(issuer.Issue("alice", struct{}{})).AccessToken

	for _, message := range []string{token, "guess"} {
		t, err := issuer.Verifier().Verify(context.Background(), message)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(t.Sub())
	}
	// Output:
	// alice
	// guard: 401 Unauthorized: Invalid token: jwtauth: the token does not have three segments
}

// A route for holders of a token. The principal is the token with its claims.
func ExampleVerifier_Wrap() {
	type Claims struct {
		Role string `json:"role"`
	}
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	mux := http.NewServeMux()
	mux.Handle("GET /profile", issuer.Verifier().Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[Claims]) {
		fmt.Fprintf(w, "%s is %s", t.Sub(), t.Claims.Role)
	})))

	r := httptest.NewRequest("GET", "/profile", nil)
	r.Header.Set("Authorization", "Bearer "+guard.Must(issuer.Issue("alice", Claims{"admin"})).AccessToken)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 alice is admin
}

// A logout denies the token that it was sent with.
func ExampleVerifier_Revoke() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	verifier := issuer.Verifier()
	logout := verifier.Wrap(guard.Handler(func(w http.ResponseWriter, r *http.Request, t *jwtauth.Token[struct{}]) error {
		if err := verifier.Revoke(r.Context(), t); err != nil {
			return err // the token is still accepted
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))

	r := httptest.NewRequest("POST", "/logout", nil)
	r.Header.Set("Authorization", "Bearer "+guard.Must(issuer.Issue("alice", struct{}{})).AccessToken)
	for range 2 {
		w := httptest.NewRecorder()
		logout.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 204
	// 401
}

// Whose token it is, for a table of the application.
func ExampleToken_Sub() {
	orders := map[string][]string{"alice": {"three books"}}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))

	t, err := issuer.Verifier().Verify(context.Background(), guard.Must(issuer.Issue("alice", struct{}{})).AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(orders[t.Sub()])
	// Output: [three books]
}

// An administrator denies a token of a log by its jti.
func ExampleDeniedToken() {
	ctx := context.Background()
	denylist := guard.Must(jwtauth.NewMemory(nil)) // several processes: stores.Denylist() of redisstore or sqlstore
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")),
		&jwtauth.IssuerOptions{Issuer: "my-app", Denylist: denylist}))
	tokens := guard.Must(issuer.Issue("alice", struct{}{}))
	t, err := issuer.Verifier().Verify(ctx, tokens.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}

	until := t.ExpiresAt.Add(jwtauth.MaxLeeway)
	fmt.Println(denylist.Deny(ctx, until, "", jwtauth.DeniedToken("my-app", t.ID)))
	_, err = issuer.Verifier().Verify(ctx, tokens.AccessToken)
	fmt.Println(err)
	// Output:
	// <nil>
	// guard: 401 Unauthorized: Token revoked: jwtauth: the token or its session is denied
}

// The back-channel logout of an authorization server denies all tokens of its session.
func ExampleDeniedSession() {
	ctx := context.Background()
	const issuer, sid = "https://login.example.com", "08a5019c" // of the logout token: see package signin/oauth
	denylist := guard.Must(jwtauth.NewMemory(nil))
	until := time.Now().Add(time.Hour + jwtauth.MaxLeeway) // tokens of this server live for an hour
	if err := denylist.Deny(ctx, until, "", jwtauth.DeniedSession(issuer, sid)); err != nil {
		fmt.Println(err)
		return
	}

	denied, err := denylist.Denied(ctx, time.Now(), "", jwtauth.DeniedSession(issuer, sid)) // as a Verifier asks
	fmt.Println(denied, err)
	// Output: true <nil>
}

// A denylist of one process, with its bounds.
func ExampleNewMemory() {
	denylist, err := jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 10_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")),
		&jwtauth.IssuerOptions{Denylist: denylist}))
	http.Handle("GET /profile", issuer.Verifier().Wrap(http.NotFoundHandler()))

	_, err = jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: -1, MaxPerSubject: -1})
	fmt.Println(err)
	// Output:
	// jwtauth: Max -1 is negative
	// jwtauth: MaxPerSubject -1 is negative
}
