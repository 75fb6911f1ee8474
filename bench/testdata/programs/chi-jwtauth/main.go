// Command chi-jwtauth is a server with chi/jwtauth.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

func main() {
	auth := jwtauth.New("HS256", []byte(os.Getenv("SECRET")), nil, jwt.WithIssuer("bench"), jwt.WithRequiredClaim("exp"))
	http.Handle("GET /", jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprintln(w, claims["sub"], claims["role"])
	}))))
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
