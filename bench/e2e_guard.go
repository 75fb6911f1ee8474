package main

import (
	"context"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/password"
)

// guardAPI is the API of the tables e2e with guard. The stores are in memory if nil.
func guardAPI(store session.Store, limits ratelimit.Store) http.Handler {
	type token = *jwtauth.Token[claims]
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: issuer, Audience: []string{audience}}))
	tokens := issuer.Verifier()
	roles := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"posts:read", "posts:write"},
		Roles: map[string]rbac.Role[string]{
			"viewer": {Grants: []string{"posts:read"}},
			"editor": {Grants: []string{"posts:read", "posts:write"}},
		},
	}, func(t token) string { return t.Claims.Role }, nil))
	post := guard.Must(owner.New(func(r *http.Request, _ token) (*article, bool, error) {
		a, found := apiPosts[r.PathValue("id")]
		return a, found, nil
	}, nil))
	author := func(t token, a *article) bool { return owner.Same(t.Sub(), a.Author) }
	limit := func(name string, quota int) *ratelimit.Limiter {
		return guard.Must(ratelimit.New(ratelimit.Limit{Name: name, Quota: quota, Window: window}, byIP,
			&ratelimit.Options{Store: limits, Headers: ratelimit.RateLimit}))
	}
	sessions := guard.Must(session.New[profile](&session.Options{Store: store}))
	logins := guard.Must(password.NewLogin(func(_ context.Context, email string) (account, string, bool, error) {
		a, found := accounts[email]
		return a, a.hash, found, nil
	}, &password.LoginOptions[account]{Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))}))
	type step = func(w http.ResponseWriter, r *http.Request, a account) error
	checked := func(next step) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			a, err := logins.Check(r, r.PostFormValue("email"), r.PostFormValue("password"))
			if err == nil {
				err = next(w, r, a)
			}
			if err != nil {
				guard.Refuse(w, r, err)
			}
		}
	}
	unchecked := func(next step) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := next(w, r, accounts[r.PostFormValue("email")]); err != nil {
				guard.Refuse(w, r, err)
			}
		}
	}

	mux := http.NewServeMux()
	mux.Handle("GET /me", tokens.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t token) {
		answer(w, person{t.Sub(), t.Claims.Email, t.Claims.Role})
	})))
	mux.Handle("PUT /posts/{id}", guard.Chain(tokens.Wrap, roles.RequireAll("posts:write"), post.Require(author))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, post.From(r.Context())) })))
	mux.Handle("GET /limited", limit("limited", plenty).Wrap(open))
	mux.Handle("GET /exhausted", limit("exhausted", 1).Wrap(open))
	mux.Handle("GET /session", sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[profile]) {
		answer(w, person{s.Sub(), s.Data().Email, s.Data().Role})
	})))
	issue := func(w http.ResponseWriter, _ *http.Request, a account) error {
		issued, err := issuer.Issue(a.ID, claims{a.Email, a.Role})
		if err == nil {
			issued.Respond(w)
		}
		return err
	}
	create := func(w http.ResponseWriter, r *http.Request, a account) error {
		_, err := sessions.Create(w, r, a.ID, profile{a.Email, a.Role})
		if err == nil {
			answer(w, a.person)
		}
		return err
	}
	mux.Handle("POST /login", checked(issue))
	mux.Handle("POST /session", checked(create))
	mux.Handle("POST /issue", limit("issue", plenty).Wrap(unchecked(issue)))
	mux.Handle("POST /create", limit("create", plenty).Wrap(unchecked(create)))
	return mux
}
