package main

import (
	"net/http"
	"net/mail"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/signin/password"
)

// completeSection shows the guide's complete system: a validated and limited
// login, tokens whose user is loaded from the database at each request, roles and
// owners.
func completeSection(mux *http.ServeMux, set settings, users *Users) {
	posts := samplePosts()
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", set.secret), &jwtauth.IssuerOptions{
		Issuer:   "complete",
		Lifetime: 24 * time.Hour,
		Missing:  "Authentication required",
	}))
	attempts := guard.Must(newAttempts(set, "logins", ratelimit.LoginOptions{ // and 10 in an hour per account
		Address: ratelimit.Limit{Quota: 5, Window: 15 * time.Minute},
	}))
	logins := newLogin(users, password.LoginOptions[User]{Attempts: attempts})
	roles := guard.Must(rbac.New(rbac.Roles("admin", "moderator", "user"), rolesOf, nil))
	post := guard.Must(owner.New(posts.ByPath, nil)).WithMessage("Not authorized to modify this post")

	authenticated := guard.BySubject(issuer.Verifier(), users.ByID).Wrap
	adminOnly := guard.Chain(authenticated, roles.WithMessage("Admin access required").RequireRole("admin"))
	authorOrAdmin := guard.Chain(authenticated, post.Require(mayEdit))

	mux.Handle("POST /complete/login", loginErrors(completeLogin(logins, issuer)))
	mux.Handle("GET /complete/profile", authenticated(guard.HandlerFunc(showProfile)))
	mux.Handle("GET /complete/admin/users", adminOnly(listUsers(users)))
	mux.Handle("GET /complete/posts/{id}", guard.Chain(authenticated, post.Load)(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := post.From(r.Context())
			reply(w, http.StatusOK, struct {
				ID       string `json:"id"`
				Title    string `json:"title"`
				AuthorID string `json:"author_id"`
			}{p.ID, p.Title, p.AuthorID})
		})))
	mux.Handle("DELETE /complete/posts/{id}", authorOrAdmin(deletePost(posts)))
}

// completeLogin validates the input, checks the password within the limit, and issues
// a token.
func completeLogin(logins *password.Login[User], issuer *jwtauth.Issuer[Claims]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, invalid, err := readLogin(r)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		if invalid != nil {
			w.Header().Set("Cache-Control", "no-store")
			reply(w, http.StatusUnprocessableEntity, validationFailed{"Validation failed", invalid})
			return
		}
		u, err := logins.Check(r, in.Email, in.Password)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		answerTokens(w, r, issuer, u)
	})
}

// validationFailed is the body of a 422.
type validationFailed struct {
	Error   string         `json:"error"`
	Details []invalidField `json:"details"`
}

// invalidField reports the mistake in a field. It never repeats the value.
type invalidField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// readLogin reads a login, and returns the invalid fields.
func readLogin(r *http.Request) (in login, invalid []invalidField, err error) {
	var body struct{ Email, Password any } // a field of another type is an invalid field
	if err := readObject(r, &body); err != nil {
		return in, nil, err
	}
	in.Email, _ = body.Email.(string)
	in.Email = strings.TrimSpace(in.Email)
	in.Password, _ = body.Password.(string)
	if a, err := mail.ParseAddress(in.Email); err != nil || a.Address != in.Email || len(in.Email) > 254 {
		invalid = append(invalid, invalidField{"email", "must be an e-mail address"})
	}
	if in.Password == "" {
		invalid = append(invalid, invalidField{"password", "must be a string that is not empty"})
	}
	return in, invalid, nil
}
