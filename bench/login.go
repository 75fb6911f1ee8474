package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

var admin = claims{Email: "alice@example.com", Role: "admin"}

// tokenLogin compares logins after the password was verified: a token, or a pair with a
// refresh token, is issued and sent.
func tokenLogin(settings) (comparison, error) {
	i := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: issuer}))
	start := refresh.StartOptions[claims]{Claims: &admin}
	logins := guard.Must(refresh.New(i, func(context.Context, string, map[string]any) (claims, bool, error) { return admin, true, nil }, nil))
	var users users
	one := func(w http.ResponseWriter, _ *http.Request) { guard.Must(i.Issue(users.next(), admin)).Respond(w) }
	pair := func(w http.ResponseWriter, r *http.Request) {
		guard.Must(logins.Start(r.Context(), users.next(), &start)).Respond(w)
	}
	hand := &byHand{logins: map[string][]string{}}
	r := request("/login")
	return comparison{
		benchmarks: []benchmark{
			{"guard: a token", ours, serving(http.HandlerFunc(one), r, 200)},
			{"guard: a pair", ours, serving(http.HandlerFunc(pair), r, 200)},
			{"golang-jwt by hand: a token", peer, serving(http.HandlerFunc(hand.one), r, 200)},
			{"golang-jwt by hand: a pair", peer, serving(http.HandlerFunc(hand.pair), r, 200)},
		},
		bars: []bar{
			ratio("guard: a token", "golang-jwt by hand: a token", 1.05),
			ratio("guard: a pair", "golang-jwt by hand: a pair", 1.05),
		},
	}, nil
}

// users are subjects in turn, so that none reaches its maximum of logins.
type users int

func (u *users) next() string {
	*u = (*u + 1) % 50_000
	return strconv.Itoa(int(*u))
}

// byHand is what applications write with golang-jwt: claims as a struct, a random jti
// and, for a pair, a refresh token that is a JWT, too, as in the guide, whose jti is stored,
// of at most a hundred logins of a subject.
type byHand struct {
	users  users
	mu     sync.Mutex
	logins map[string][]string
}

type handAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

func (h *byHand) one(w http.ResponseWriter, _ *http.Request) {
	access, _ := h.sign(h.users.next(), "access", admin, 15*time.Minute)
	h.answer(w, handAnswer{AccessToken: access})
}

func (h *byHand) pair(w http.ResponseWriter, _ *http.Request) {
	subject := h.users.next()
	access, _ := h.sign(subject, "access", admin, 15*time.Minute)
	refreshToken, id := h.sign(subject, "refresh", claims{}, 30*24*time.Hour)
	h.mu.Lock()
	list := append(h.logins[subject], id)
	h.logins[subject] = list[max(0, len(list)-100):]
	h.mu.Unlock()
	h.answer(w, handAnswer{AccessToken: access, RefreshToken: refreshToken})
}

func (h *byHand) sign(subject, typ string, c claims, lifetime time.Duration) (token, id string) {
	now := time.Now()
	id = rand.Text()
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, peerClaims{
		claims: c, Type: typ,
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: subject, Issuer: issuer, ID: id,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
		},
	})
	return guard.Must(t.SignedString(secret)), id
}

func (h *byHand) answer(w http.ResponseWriter, a handAnswer) {
	a.TokenType, a.ExpiresIn = "bearer", 900
	check(strings.Count(a.AccessToken, ".") == 2, "golang-jwt by hand")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(a)
}
