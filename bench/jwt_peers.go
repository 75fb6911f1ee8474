package main

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	chijwt "github.com/go-chi/jwtauth/v5"
	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
	jwx2 "github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwx3 "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/go-guard/guard"
)

// golangJWT returns a benchmark of golang-jwt's parser, without a request.
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

// keyfuncFor returns the key lookup of MicahParks/keyfunc in a set with one key.
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

// chi returns go-chi/jwtauth as in its README: Verifier, Authenticator, and a handler
// that reads the claims.
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

// jwx returns a benchmark of jwx's parser, which verifies and validates; jwx has no
// middleware. This is v3, since v4 requires GOEXPERIMENT=jsonv2.
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

// auth0 returns auth0/go-jwt-middleware as in its README. It requires an audience, so
// that its token has one in addition to the common claims.
func auth0() (http.Handler, *http.Request) {
	const audience = "bench"
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, peerClaims{
		claims: claims{Email: "alice@example.com", Role: "admin"}, Type: "access",
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: "1", Issuer: issuer, ID: "0b7ff94a1e", Audience: jwt.ClaimStrings{audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(24 * time.Hour)),
		},
	})
	signed := guard.Must(token.SignedString(secret))
	v := guard.Must(validator.New(
		validator.WithKeyFunc(func(context.Context) (any, error) { return secret, nil }),
		validator.WithAlgorithm(validator.HS256), validator.WithIssuer(issuer), validator.WithAudience(audience),
		validator.WithCustomClaims(func() *auth0Claims { return &auth0Claims{} })))
	h := guard.Must(jwtmiddleware.New(jwtmiddleware.WithValidator(v))).CheckJWT(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := jwtmiddleware.GetClaims[*validator.ValidatedClaims](r.Context())
		check(err == nil, "auth0")
		custom, _ := c.CustomClaims.(*auth0Claims)
		if custom == nil || custom.Email == "" || custom.Role == "" {
			panic("auth0: claims")
		}
		w.WriteHeader(200)
	}))
	return h, request("/", "Authorization", "Bearer "+signed)
}

type auth0Claims struct {
	claims
	Type string `json:"type"`
}

func (c *auth0Claims) Validate(context.Context) error {
	if c.Type != "access" {
		return errors.New("type")
	}
	return nil
}

// echoJWT returns labstack/echo-jwt v4 in an echo router; the module proxy has no v5.
func echoJWT() http.Handler {
	e := echo.New()
	e.Use(echojwt.WithConfig(echojwt.Config{
		SigningKey:    secret,
		NewClaimsFunc: func(echo.Context) jwt.Claims { return new(peerClaims) },
	}))
	e.GET("/", func(c echo.Context) error {
		t, _ := c.Get("user").(*jwt.Token)
		parsed, _ := t.Claims.(*peerClaims)
		if parsed == nil || parsed.Type != "access" || parsed.Issuer != issuer || parsed.Email == "" || parsed.Role == "" {
			panic("echo-jwt: claims")
		}
		return c.NoContent(200)
	})
	return e
}
