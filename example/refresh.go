package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/signin/password"
)

// refreshSection shows refresh tokens: access tokens expire after an hour, and a
// refresh token gets the next pair. It works once. Its reuse shows that it was
// stolen, and ends the login.
func refreshSection(mux *http.ServeMux, set settings, users *Users) {
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", set.secret), &jwtauth.IssuerOptions{
		Issuer:   "refresh",
		Lifetime: time.Hour,
		Denylist: set.stores.Denylist,
	}))
	// Each refresh loads the user: a changed role is in the next token, and a
	// deleted user gets no more tokens.
	reload := func(ctx context.Context, id string, _ map[string]any) (Claims, bool, error) {
		u, found, err := users.ByID(ctx, id)
		return Claims{Email: u.Email, Role: u.Role}, found, err
	}
	refresher := guard.Must(refresh.New(issuer, reload, &refresh.Options{
		Lifetime: 30 * 24 * time.Hour,
		Idle:     30 * 24 * time.Hour, // as in the guide: whether used or not
		Store:    set.stores.TokenFamilies,
	}))
	tokens := guard.Map(issuer.Verifier(), userFromToken)
	attempts := guard.Must(newAttempts(set, "refresh logins", guideAttempts))
	logins := newLogin(users, password.LoginOptions[User]{Attempts: attempts})

	mux.Handle("POST /refresh/login", loginErrors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := checkLogin(r, logins)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		pair, err := refresher.Start(r.Context(), u.ID, &refresh.StartOptions[Claims]{Claims: &Claims{Email: u.Email, Role: u.Role}})
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		pair.Respond(w)
	})))
	mux.Handle("GET /refresh/profile", tokens.Wrap(guard.HandlerFunc(showProfile)))
	mux.Handle("POST /refresh/refresh", refreshErrors(refresher.RefreshHandler()))
	// A refresh token alone logs out. As in the guide, an access token is needed, too.
	mux.Handle("POST /refresh/logout", refreshErrors(tokens.Wrap(refresher.LogoutHandler())))
	mux.Handle("POST /refresh/logout-all", refresher.LogoutAllHandler())
}

// refreshErrors sets the error format of the routes that take a refresh token: the
// refusal of one has the member "error" alone, as in the guide.
var refreshErrors = guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if strings.HasPrefix(e.Code, "refresh_token_") {
		errorOnly(w, r, e)
		return
	}
	guard.JSON(w, r, e)
})
