package main

import (
	"crypto"
	"encoding/json"
	"net/http"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	chijwt "github.com/go-chi/jwtauth/v5"
	"github.com/golang-jwt/jwt/v5"
	jwx2 "github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwx3 "github.com/lestrrat-go/jwx/v3/jwt"
)

// golangJWT parses and checks: the parser alone, without a request.
func golangJWT(token string, alg string, key jwt.Keyfunc) func(n int) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(issuer),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	return func(n int) {
		for range n {
			var c peerClaims
			_, err := parser.ParseWithClaims(token, &c, key)
			check(err == nil, "golang-jwt")
			check(c.Type == "access", "golang-jwt's type")
		}
	}
}

// keyfuncFor is the key lookup of MicahParks/keyfunc over a set with one key.
func keyfuncFor(alg string, public crypto.PublicKey) (jwt.Keyfunc, error) {
	key, err := jwkset.NewJWKFromKey(public, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.ALG(alg), KID: "k1"}})
	if err != nil {
		return nil, err
	}
	set, err := json.Marshal(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{key.Marshal()}})
	if err != nil {
		return nil, err
	}
	k, err := keyfunc.NewJWKSetJSON(set)
	if err != nil {
		return nil, err
	}
	return k.Keyfunc, nil
}

// chi is go-chi/jwtauth as its README has it: Verifier, Authenticator, and the
// claims read by the handler.
func chi() http.Handler {
	auth := chijwt.New("HS256", secret, nil, jwx2.WithIssuer(issuer), jwx2.WithRequiredClaim("exp"), jwx2.WithClaimValue("type", "access"))
	return chijwt.Verifier(auth)(chijwt.Authenticator(auth)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, c, err := chijwt.FromContext(r.Context())
		if err != nil || c["email"] == "" || c["role"] == "" {
			panic("chi: claims")
		}
		w.WriteHeader(200)
	})))
}

// jwx parses, verifies and validates; it has no middleware of its own. It is v3:
// v4 builds only with GOEXPERIMENT=jsonv2.
func jwx(token string, alg jwa.SignatureAlgorithm, key any) func(n int) {
	raw := []byte(token)
	return func(n int) {
		for range n {
			t, err := jwx3.Parse(raw, jwx3.WithKey(alg, key), jwx3.WithIssuer(issuer),
				jwx3.WithRequiredClaim("exp"), jwx3.WithClaimValue("type", "access"))
			check(err == nil, "jwx")
			var email, role string
			check(t.Get("email", &email) == nil && t.Get("role", &role) == nil, "jwx's claims")
		}
	}
}
