package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"

	"github.com/go-guard/guard"
)

// auth0 is auth0/go-jwt-middleware as its README has it. It cannot do without an
// audience, which its token has beside what all tokens have.
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

// echoJWT is labstack/echo-jwt v4 in an echo of its own: the proxy has no v5.
func echoJWT() http.Handler {
	e := echo.New()
	e.Use(echojwt.WithConfig(echojwt.Config{
		SigningKey:    secret,
		NewClaimsFunc: func(echo.Context) jwt.Claims { return new(peerClaims) },
	}))
	e.GET("/", func(c echo.Context) error {
		t, _ := c.Get("user").(*jwt.Token)
		own, _ := t.Claims.(*peerClaims)
		if own == nil || own.Type != "access" || own.Issuer != issuer || own.Email == "" || own.Role == "" {
			panic("echo-jwt: claims")
		}
		return c.NoContent(200)
	})
	return e
}
