package main

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/signin/password"
)

// Claims are the claims of our tokens in addition to the registered ones.
type Claims struct {
	Email string `json:"email,omitempty"`
	Role  string `json:"role,omitempty"`
}

// Token is a verified token that this program issued.
type Token = jwtauth.Token[Claims]

// jwtSection shows signed tokens: a login issues one, and routes authenticate
// requests by it without a database. It returns the authenticator, because other
// sections accept the same tokens.
func jwtSection(mux *http.ServeMux, set settings, users *Users) guard.Authenticator[User] {
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", set.secret), &jwtauth.IssuerOptions{
		Issuer:   "jwt",
		Lifetime: 24 * time.Hour,
	}))
	tokens := guard.Map(issuer.Verifier(), userFromToken)
	attempts := guard.Must(newAttempts(set, "jwt logins", guideAttempts))
	logins := newLogin(users, password.LoginOptions[User]{Attempts: attempts})

	mux.Handle("POST /jwt/login", loginErrors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := checkLogin(r, logins)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		answerTokens(w, r, issuer, u)
	})))
	mux.Handle("GET /jwt/profile", tokens.Wrap(guard.HandlerFunc(showProfile)))
	return tokens
}

// userFromToken takes the user from the token's claims. The default role is
// "user", as in the guide. Section complete loads the user from the database
// instead.
func userFromToken(_ context.Context, t *Token) (User, bool, error) {
	return User{ID: t.Sub(), Email: t.Claims.Email, Role: cmp.Or(t.Claims.Role, "user")}, true, nil
}

// answerTokens issues a token for u and sends it.
func answerTokens(w http.ResponseWriter, r *http.Request, issuer *jwtauth.Issuer[Claims], u User) {
	tokens, err := issuer.Issue(u.ID, Claims{Email: u.Email, Role: u.Role})
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	tokens.Respond(w)
}

func showProfile(w http.ResponseWriter, _ *http.Request, u User) {
	reply(w, http.StatusOK, object{"user": u})
}
