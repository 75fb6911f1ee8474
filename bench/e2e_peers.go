package main

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	"github.com/go-chi/httprate"
	chijwt "github.com/go-chi/jwtauth/v5"
	jwx2 "github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/go-guard/guard"
)

// peersAPI is the API of the tables e2e with chi/jwtauth, casbin, scs and a limiter, each
// as in its README, and an owner by hand. An idle timeout, which guard's sessions have,
// makes scs write the session at every request.
func peersAPI(store scs.Store, idle time.Duration, limit func(quota int) func(http.Handler) http.Handler) http.Handler {
	auth := chijwt.New("HS256", secret, nil, jwx2.WithIssuer(issuer), jwx2.WithAudience(audience),
		jwx2.WithRequiredClaim("exp"), jwx2.WithRequiredClaim("sub"), jwx2.WithClaimValue("type", "access"))
	authenticated := guard.Chain(chijwt.Verifier(auth), chijwt.Authenticator(auth))
	roles := guard.Must(casbin.NewEnforcer(guard.Must(model.NewModelFromString(casbinModel))))
	guard.Must(roles.AddPolicies([][]string{{"viewer", "posts:read"}, {"editor", "posts:read"}, {"editor", "posts:write"}}))
	sessions := scs.New()
	sessions.Store, sessions.IdleTimeout, sessions.Cookie.Secure = store, idle, true
	refuse := func(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

	mux := http.NewServeMux()
	mux.Handle("GET /me", authenticated(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, c, _ := chijwt.FromContext(r.Context())
		answer(w, person{c["sub"].(string), c["email"].(string), c["role"].(string)})
	})))
	mux.Handle("PUT /posts/{id}", authenticated(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, c, _ := chijwt.FromContext(r.Context())
		allowed, err := roles.Enforce(c["role"], "posts:write")
		if err != nil {
			refuse(w, 500)
			return
		}
		a, found := apiPosts[r.PathValue("id")]
		switch {
		case !allowed:
			refuse(w, 403)
		case !found:
			refuse(w, 404)
		case a.Author != c["sub"]:
			refuse(w, 403)
		default:
			answer(w, a)
		}
	})))
	mux.Handle("GET /limited", limit(plenty)(open))
	mux.Handle("GET /exhausted", limit(1)(open))
	mux.Handle("GET /session", sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := sessions.GetString(r.Context(), "subject")
		if id == "" {
			refuse(w, 401)
			return
		}
		answer(w, person{id, sessions.GetString(r.Context(), "email"), sessions.GetString(r.Context(), "role")})
	})))
	issue := func(w http.ResponseWriter, _ *http.Request, a account) {
		now := time.Now()
		_, token, err := auth.Encode(map[string]any{"sub": a.ID, "iss": issuer, "aud": audience, "type": "access", "jti": rand.Text(),
			"email": a.Email, "role": a.Role, "iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix()})
		if err != nil {
			refuse(w, 500)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		answer(w, handAnswer{AccessToken: token, TokenType: "bearer", ExpiresIn: 900})
	}
	create := func(w http.ResponseWriter, r *http.Request, a account) {
		if err := sessions.RenewToken(r.Context()); err != nil {
			refuse(w, 500)
			return
		}
		sessions.Put(r.Context(), "subject", a.ID)
		sessions.Put(r.Context(), "email", a.Email)
		sessions.Put(r.Context(), "role", a.Role)
		answer(w, a.person)
	}
	mux.Handle("POST /login", limit(plenty)(byPassword(issue)))
	mux.Handle("POST /session", limit(plenty)(sessions.LoadAndSave(byPassword(create))))
	mux.Handle("POST /issue", limit(plenty)(byEmail(issue)))
	mux.Handle("POST /create", limit(plenty)(sessions.LoadAndSave(byEmail(create))))
	return mux
}

func httprateLimit(quota int) func(http.Handler) http.Handler {
	return httprate.LimitBy(quota, window, byAddress)
}
