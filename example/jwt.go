package main

import (
	"context"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Claims are what our tokens say beyond the registered claims.
type Claims struct {
	Email string `json:"email,omitempty"`
	Role  string `json:"role,omitempty"`
}

// Token is a verified token of ours.
type Token = jwtauth.Token[Claims]

// jwtSection: a login answers with a signed token, and any route can tell from
// it who calls without asking a database. The other sections of JWTs use its
// tokens too.
func jwtSection(mux *http.ServeMux, set settings, users *Users) guard.Authenticator[User] {
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", set.secret), &jwtauth.IssuerOptions{
		Issuer:   "jwt",
		Lifetime: 24 * time.Hour,
	}))
	tokens := guard.Map(issuer.Verifier(), userFromToken)

	mux.Handle("POST /jwt/login", loginErrors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := checkLogin(r, users)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		answerTokens(w, r, issuer, u)
	})))
	mux.Handle("GET /jwt/profile", tokens.Wrap(guard.HandlerFunc(showProfile)))
	return tokens
}

// userFromToken believes what the token says. A token without a role is a
// user's, as in the guide; section complete asks the database instead.
func userFromToken(_ context.Context, t *Token) (User, bool, error) {
	return User{ID: t.Sub(), Email: t.Claims.Email, Role: or(t.Claims.Role, "user")}, true, nil
}

// answerTokens signs a token for u and answers with it.
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
