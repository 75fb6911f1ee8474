package jwtauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// A secret that is shared by those who issue and verify. A short one is refused.
func ExampleHMAC() {
	type Claims struct{}
	key := jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this"))
	issuer, err := jwtauth.NewIssuer[Claims](key, nil)
	fmt.Println(issuer != nil, err)

	_, err = jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS512", []byte("32 random bytes or more, not this")), nil)
	fmt.Println(err)
	// Output:
	// true <nil>
	// jwtauth: the secret of HS512 has 33 bytes, and needs 64
}

// A private key of a PEM file issues, and its public half verifies in another program.
func ExampleECDSA() {
	private := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	file := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: guard.Must(x509.MarshalPKCS8PrivateKey(private))}) // os.ReadFile

	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.ECDSA("ES256", file), nil))
	verifier := guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.ECDSA("ES256", &private.PublicKey), nil))

	tokens := guard.Must(issuer.Issue("alice", struct{}{}))
	t, err := verifier.Verify(context.Background(), tokens.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Sub())
	// Output: alice
}

// A small and fast key pair.
func ExampleEd25519() {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.Ed25519("EdDSA", private), nil))
	verifier := guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.Ed25519("EdDSA", public), nil))

	tokens := guard.Must(issuer.Issue("alice", struct{}{}))
	t, err := verifier.Verify(context.Background(), tokens.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Sub())
	// Output: alice
}

// The key that many authorization servers have. It has one algorithm, which must be of its
// kind.
func ExampleRSA() {
	private := guard.Must(rsa.GenerateKey(rand.Reader, 2048))
	verifier, err := jwtauth.NewVerifier[struct{}](jwtauth.RSA("RS256", &private.PublicKey), nil)
	fmt.Println(verifier != nil, err)

	_, err = jwtauth.NewVerifier[struct{}](jwtauth.RSA("ES256", &private.PublicKey), nil)
	fmt.Println(err)
	// Output:
	// true <nil>
	// jwtauth: RSA has no algorithm "ES256"
}

// A key that a KMS holds, behind the crypto.Signer of the KMS's library.
func ExampleSigner() {
	var signer crypto.Signer = guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) // of the KMS
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.Signer("ES256", signer).WithID("kms-1"), nil))

	tokens, err := issuer.Issue("alice", struct{}{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tokens.ExpiresIn)
	// Output: 15m0s
}

// A key with an ID, which tokens name and the JWKS has.
func ExampleKey_WithID() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(jwtauth.Ed25519("EdDSA", private).WithID("2026-12"))
	// Output: jwtauth.Key(EdDSA "2026-12")
}

// The keys of a service that replaces them. A token names its key.
func ExampleKeys() {
	old := jwtauth.HMAC("HS256", []byte("the old key, 32 random bytes or more")).WithID("2026-11")
	next := jwtauth.HMAC("HS256", []byte("the next key, 32 random bytes or more")).WithID("2026-12")
	verifier := guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.Keys(old, next), nil))

	for _, key := range []jwtauth.Key{old, next} {
		issuer := guard.Must(jwtauth.NewIssuer[struct{}](key, nil))
		_, err := verifier.Verify(context.Background(), guard.Must(issuer.Issue("alice", struct{}{})).AccessToken)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
}

// Keys of an authorization server that are part of the configuration.
func ExampleJWKS() {
	text := []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	tokens, err := jwtauth.NewVerifier[struct{}](jwtauth.JWKS(text), &jwtauth.VerifierOptions{
		Issuer: "https://login.example.com/", Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := tokens.Wrap(http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/orders", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":"Unauthorized","message":"JWT token required"}
}

// Keys that are fetched from an authorization server, and again when they change.
func ExampleRemoteKeys() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	const issuerName, audience = "https://login.example.com/", "https://api.example.com"
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.Ed25519("EdDSA", private),
		&jwtauth.IssuerOptions{Issuer: issuerName, Audience: []string{audience}}))
	server := httptest.NewServer(issuer.JWKS()) // the authorization server
	defer server.Close()

	keys := jwtauth.RemoteKeys(server.URL+"/jwks.json", nil)
	verifier := guard.Must(jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{Issuer: issuerName, Audience: []string{audience}}))
	t, err := verifier.Verify(context.Background(), guard.Must(issuer.Issue("alice", struct{}{})).AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Sub())
	// Output: alice
}
