package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// handAPI is the API of the tables e2e as a careful developer writes it with golang-jwt:
// every claim is checked, and refusals are JSON with the fields of their RFCs.
func handAPI() http.Handler {
	rights := map[string]map[string]bool{"viewer": {"posts:read": true}, "editor": {"posts:read": true, "posts:write": true}}
	var hand byHand
	mux := http.NewServeMux()
	mux.Handle("GET /me", handToken(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := r.Context().Value(ctxKey{}).(*peerClaims)
		answer(w, person{c.Subject, c.Email, c.Role})
	})))
	mux.Handle("PUT /posts/{id}", handToken(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := r.Context().Value(ctxKey{}).(*peerClaims)
		a, found := apiPosts[r.PathValue("id")]
		switch {
		case !rights[c.Role]["posts:write"]:
			handRefusal(w, 403, "Forbidden", "You may not write posts")
		case !found:
			handRefusal(w, 404, "Not Found", "Not found")
		case c.Subject != a.Author:
			handRefusal(w, 403, "Forbidden", "It is not your post")
		default:
			answer(w, a)
		}
	})))
	mux.Handle("GET /limited", handLimit(plenty)(open))
	mux.Handle("GET /exhausted", handLimit(1)(open))
	issue := func(w http.ResponseWriter, _ *http.Request, a account) {
		token, _ := hand.sign(a.ID, "access", claims{a.Email, a.Role}, 15*time.Minute)
		hand.answer(w, handAnswer{AccessToken: token})
	}
	mux.Handle("POST /login", handLimit(plenty)(byPassword(issue)))
	mux.Handle("POST /issue", handLimit(plenty)(byEmail(issue)))
	return mux
}

func handToken(next http.Handler) http.Handler {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	key := func(*jwt.Token) (any, error) { return secret, nil }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			handRefusal(w, 401, "Unauthorized", "JWT token required")
			return
		}
		var c peerClaims
		if _, err := parser.ParseWithClaims(token, &c, key); err != nil || c.Type != "access" || c.Subject == "" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			handRefusal(w, 401, "Unauthorized", "Invalid token")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ctxKey{}, &c)))
	})
}

func handRefusal(w http.ResponseWriter, status int, name, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}{name, message})
}

// handLimit is a fixed window for each address.
func handLimit(quota int) func(http.Handler) http.Handler {
	type count struct {
		n     int
		until time.Time
	}
	var mu sync.Mutex
	counts := map[string]count{}
	take := func(addr string) count {
		mu.Lock()
		defer mu.Unlock()
		c, now := counts[addr], time.Now()
		if now.After(c.until) {
			c = count{until: now.Add(window)}
		}
		c.n++
		counts[addr] = c
		return c
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			addr, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				handRefusal(w, 500, "Internal Server Error", "Internal server error")
				return
			}
			c := take(addr)
			reset := strconv.Itoa(int(time.Until(c.until)/time.Second) + 1)
			h := w.Header()
			h.Set("X-RateLimit-Limit", strconv.Itoa(quota))
			h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, quota-c.n)))
			h.Set("X-RateLimit-Reset", reset)
			if c.n > quota {
				h.Set("Retry-After", reset)
				handRefusal(w, 429, "Too Many Requests", "Rate limit exceeded")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// byPassword verifies a password, also for accounts that do not exist.
func byPassword(next func(w http.ResponseWriter, r *http.Request, a account)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, found := accounts[strings.ToLower(r.PostFormValue("email"))]
		if !found {
			a.sum = make([]byte, 32)
		}
		if subtle.ConstantTimeCompare(argonSum(r.PostFormValue("password")), a.sum) != 1 || !found {
			handRefusal(w, 401, "Unauthorized", "Invalid credentials")
			return
		}
		next(w, r, a)
	})
}

// byEmail is for what follows in a login after the password was verified.
func byEmail(next func(w http.ResponseWriter, r *http.Request, a account)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next(w, r, accounts[r.PostFormValue("email")]) })
}

// hmacAPI is the lower bound: the bare HMAC of the token, and the answer.
func hmacAPI(token string) http.Handler {
	verify := bareHMAC(token)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) {
		verify(1)
		answer(w, aliceHerself)
	})
	mux.HandleFunc("PUT /posts/{id}", func(w http.ResponseWriter, r *http.Request) {
		verify(1)
		answer(w, apiPosts[r.PathValue("id")])
	})
	return mux
}

// bareAPI is the mux and the answer, without any guard.
func bareAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) { answer(w, aliceHerself) })
	return mux
}
