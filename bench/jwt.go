package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Every implementation verifies the same token: the signature under the one allowed
// algorithm, exp, iat, iss and the type "access". It decodes the e-mail and the role
// for the handler.
type claims struct {
	Email string `json:"email"`
	Role  string `json:"role"`
}

type peerClaims struct {
	claims
	Type string `json:"type"`
	jwt.RegisteredClaims
}

const issuer = "bench"

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	rsaKey = guard.Must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey  = guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))

	edKey    = ed25519.NewKeyFromSeed(secret)
	edPublic = edKey.Public().(ed25519.PublicKey)
)

// sign returns a token with the claims that every implementation verifies.
func sign(method jwt.SigningMethod, key any) string {
	now := time.Now()
	t := jwt.NewWithClaims(method, peerClaims{
		claims: claims{Email: "alice@example.com", Role: "admin"}, Type: "access",
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: "1", Issuer: issuer, ID: "0b7ff94a1e",
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(24 * time.Hour)),
		},
	})
	t.Header["kid"] = "k1"
	return guard.Must(t.SignedString(key))
}

// protected returns guard's whole middleware around a handler that reads the claims.
func protected(key jwtauth.Key, opts jwtauth.VerifierOptions) http.Handler {
	opts.Issuer, opts.Type = issuer, "access"
	v := guard.Must(jwtauth.NewVerifier[claims](key.WithID("k1"), &opts))
	return v.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[claims]) {
		if t.Claims.Email == "" || t.Claims.Role == "" {
			panic("guard: claims")
		}
		w.WriteHeader(200)
	}))
}

// bare reads the header and responds. It is the lower bound of every middleware.
var bare = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "no" {
		panic("bench: never sent")
	}
	w.WriteHeader(200)
})

// bareRefusal reads the header and responds with the header fields and the body of
// guard's refusal.
var bareRefusal = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "no" {
		panic("bench: never sent")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Add("WWW-Authenticate", "Bearer")
	w.WriteHeader(401)
	w.Write([]byte(`{"error":"Unauthorized","message":"JWT token required"}`))
})

func hs256(settings) (comparison, error) {
	token := sign(jwt.SigningMethodHS256, secret)
	r := request("/", "Authorization", "Bearer "+token)
	key := jwtauth.HMAC("HS256", secret)
	second := jwtauth.VerifierOptions{Trust: []jwtauth.Trust{{Issuer: "second", Keys: jwtauth.HMAC("HS256", bytes.Repeat([]byte("2"), 32)), Prefix: "second:"}}}
	auth0Handler, auth0Request := auth0()
	return comparison{
		benchmarks: []benchmark{
			{"guard: whole middleware", ours, serving(protected(key, jwtauth.VerifierOptions{}), r, 200)},
			{"guard: two issuers", ours, serving(protected(key, second), r, 200)},
			{"guard: cached", ours, serving(protected(key, jwtauth.VerifierOptions{CacheSize: 1024}), r, 200)},
			{"golang-jwt: ParseWithClaims alone", peer, golangJWT(token, "HS256", func(*jwt.Token) (any, error) { return secret, nil })},
			{"jwx: Parse alone", peer, jwx(token, jwa.HS256(), secret)},
			{"go-chi/jwtauth: whole middleware", peer, serving(chi(), r, 200)},
			{"auth0/go-jwt-middleware: whole middleware", peer, serving(auth0Handler, auth0Request, 200)},
			{"labstack/echo-jwt: whole middleware and router", peer, serving(echoJWT(), r, 200)},
			{"bare HMAC-SHA256", lowerBound, bareHMAC(token)},
			{"bare handler", lowerBound, serving(bare, r, 200)},
		},
		bars: []bar{
			ratio("guard: whole middleware", "golang-jwt: ParseWithClaims alone", 0.35),
			allocs("guard: whole middleware", 9),
			ratio("guard: two issuers", "guard: whole middleware", 1.1),
			ratio("guard: whole middleware", "go-chi/jwtauth: whole middleware", 1.0/6),
			ratio("guard: whole middleware", "auth0/go-jwt-middleware: whole middleware", 1.0/6),
			ratio("guard: cached", "golang-jwt: ParseWithClaims alone", 0.06),
			allocsDifference("guard: cached", "bare handler", 2),
		},
	}, nil
}

// asymmetric compares each implementation with the bare verification of a signature.
func asymmetric(alg string) func(settings) (comparison, error) {
	return func(settings) (comparison, error) {
		var (
			method = jwt.GetSigningMethod(alg)
			key    jwtauth.Key
			public crypto.PublicKey
			token  string
			jwxAlg jwa.SignatureAlgorithm
			verify func(signed, signature []byte) bool
		)
		switch alg {
		case "RS256":
			key, public, token, jwxAlg = jwtauth.RSA(alg, &rsaKey.PublicKey), &rsaKey.PublicKey, sign(method, rsaKey), jwa.RS256()
			verify = func(signed, signature []byte) bool {
				sum := sha256.Sum256(signed)
				return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, sum[:], signature) == nil
			}
		case "ES256":
			key, public, token, jwxAlg = jwtauth.ECDSA(alg, &ecKey.PublicKey), &ecKey.PublicKey, sign(method, ecKey), jwa.ES256()
			verify = func(signed, signature []byte) bool {
				sum := sha256.Sum256(signed)
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				return ecdsa.Verify(&ecKey.PublicKey, sum[:], r, s)
			}
		case "EdDSA":
			key, public, token, jwxAlg = jwtauth.Ed25519(alg, edPublic), edPublic, sign(method, edKey), jwa.EdDSA()
			verify = func(signed, signature []byte) bool { return ed25519.Verify(edPublic, signed, signature) }
		}
		at := strings.LastIndexByte(token, '.')
		signed, signature := []byte(token[:at]), guard.Must(base64.RawURLEncoding.DecodeString(token[at+1:]))
		fromSet, err := keyfuncFor(alg, public)
		if err != nil {
			return comparison{}, err
		}
		name := "bare " + alg + " verify"
		return comparison{
			benchmarks: []benchmark{
				{"guard: whole middleware", ours, serving(protected(key, jwtauth.VerifierOptions{}), request("/", "Authorization", "Bearer "+token), 200)},
				{"golang-jwt: ParseWithClaims alone", peer, golangJWT(token, alg, func(*jwt.Token) (any, error) { return public, nil })},
				{"golang-jwt with MicahParks/keyfunc", peer, golangJWT(token, alg, fromSet)},
				{"jwx: Parse alone", peer, jwx(token, jwxAlg, public)},
				{name, lowerBound, func(n int) {
					for range n {
						check(verify(signed, signature), name)
					}
				}},
			},
			bars: []bar{ratio("guard: whole middleware", name, 1.15)},
		}, nil
	}
}

// refusedTokens measures the cost of requests that anonymous clients can send.
func refusedTokens(settings) (comparison, error) {
	h := protected(jwtauth.HMAC("HS256", secret), jwtauth.VerifierOptions{})
	huge := strings.Repeat("A", 800<<10)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}))
	anonymous, garbage := request("/"), request("/", "Authorization", "Bearer "+strings.Repeat("x", 200))
	return comparison{
		benchmarks: []benchmark{
			{"guard: no credential", ours, serving(h, anonymous, 401)},
			{"guard: 200 bytes of garbage", ours, serving(h, garbage, 401)},
			{"guard: 800 KB header", ours, serving(h, request("/", "Authorization", "Bearer "+huge+"."+huge[:10]+"."), 401)},
			{"golang-jwt: 800 KB token", peer, func(n int) {
				token := huge + "." + huge[:10] + "."
				for range n {
					_, err := parser.ParseWithClaims(token, &peerClaims{}, func(*jwt.Token) (any, error) { return secret, nil })
					check(err != nil, "golang-jwt accepted an invalid token")
				}
			}},
			{"bare handler that refuses", lowerBound, serving(bareRefusal, garbage, 401)},
		},
		bars: []bar{
			ratio("guard: no credential", "bare handler that refuses", 5),
			ratio("guard: 200 bytes of garbage", "bare handler that refuses", 5),
			heapBytes("guard: 800 KB header", 1024),
			ratio("guard: 800 KB header", "golang-jwt: 800 KB token", 1.0/1000),
		},
	}, nil
}

// bareHMAC computes and compares the HMAC of the signed part of a token.
func bareHMAC(token string) func(n int) {
	at := strings.LastIndexByte(token, '.')
	signed, signature := []byte(token[:at]), guard.Must(base64.RawURLEncoding.DecodeString(token[at+1:]))
	return func(n int) {
		for range n {
			mac := hmac.New(sha256.New, secret)
			mac.Write(signed)
			check(hmac.Equal(mac.Sum(nil), signature), "HMAC")
		}
	}
}
