// Command guard-jwtauth is a server with one guard: a signed token.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

type claims struct {
	Role string `json:"role"`
}

func main() {
	tokens := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", []byte(os.Getenv("SECRET"))), &jwtauth.VerifierOptions{Issuer: "bench"}))
	http.Handle("GET /", tokens.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[claims]) {
		fmt.Fprintln(w, t.Sub(), t.Claims.Role)
	})))
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
