package main

import (
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/password"
)

// practicesSection shows the guide's best practices: passwords are hashed
// (users.go), secrets come from the environment (settings.go), logins are limited,
// tokens expire, and every claim is checked.
func practicesSection(mux *http.ServeMux, set settings, users *Users) {
	limit := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "login", Quota: 5, Window: 15 * time.Minute},
		ratelimit.ByIP(set.clientIP()),
		&ratelimit.Options{
			Message: "Too many login attempts. Try again later.",
			Store:   set.stores.Limits,
			Secret:  set.derive("addresses"),
			Timeout: time.Second, // a login waits for a slow store rather than be refused
		},
	))
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", set.secret), &jwtauth.IssuerOptions{
		Issuer:   "your-app",
		Lifetime: 24 * time.Hour,
	}))
	tokens := guard.Map(issuer.Verifier(), userFromToken)
	// limit counts every attempt, as in the guide, and not failures alone.
	logins := newLogin(users, password.LoginOptions[User]{InsecureUnlimited: true})

	mux.Handle("POST /practices/login", guard.Chain(loginErrors, limit.Wrap)(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u, err := checkLogin(r, logins)
			if err != nil {
				guard.Refuse(w, r, err)
				return
			}
			answerTokens(w, r, issuer, u)
		})))
	mux.Handle("GET /practices/profile", tokens.Wrap(guard.HandlerFunc(showProfile)))
}
