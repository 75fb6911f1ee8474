//go:build go1.27

package jwtauth_test

import (
	"context"
	"crypto/mldsa"
	"fmt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// A key pair that a quantum computer does not break.
func ExampleMLDSA() {
	private := guard.Must(mldsa.GenerateKey(mldsa.MLDSA44()))
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.MLDSA("ML-DSA-44", private), nil))
	verifier := guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.MLDSA("ML-DSA-44", private.PublicKey()), nil))

	tokens := guard.Must(issuer.Issue("alice", struct{}{}))
	t, err := verifier.Verify(context.Background(), tokens.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Sub())
	// Output: alice
}
