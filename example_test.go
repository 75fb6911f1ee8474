package guard_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/signin/password"
)

// The complete chain of the guide: a limited login, tokens whose user is
// loaded at each request, roles, and owners.
func Example() {
	type User struct {
		ID, Role, hash string
	}
	type Post struct {
		ID, Author string
	}
	ctx := context.Background()
	hash := guard.Must(password.Hash(ctx, "secret"))
	users := map[string]User{"1": {"1", "admin", hash}, "2": {"2", "user", hash}}
	byEmail := map[string]string{"alice@example.com": "1", "bob@example.com": "2"}
	posts := map[string]Post{"1": {"1", "1"}, "2": {"2", "2"}}

	// Who: a token says whose it is, the database says who that is.
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](
		jwtauth.HMAC("HS256", []byte("32 bytes or more from the environment")),
		&jwtauth.IssuerOptions{Issuer: "example", Lifetime: time.Hour, Missing: "Authentication required"}))
	authenticated := guard.BySubject(issuer.Verifier(), func(_ context.Context, id string) (User, bool, error) {
		u, found := users[id]
		return u, found, nil // an error here is an outage: 5xx, never 401
	}).Wrap

	// What they may do: by role, and by what is theirs.
	roles := guard.Must(rbac.New(rbac.Roles("admin", "user"), func(u User) string { return u.Role }, nil))
	adminOnly := roles.WithMessage("Admin access required").RequireRole("admin")
	post := guard.Must(owner.New(func(r *http.Request, _ User) (Post, bool, error) {
		p, found := posts[r.PathValue("id")]
		return p, found, nil
	}, nil)).WithMessage("Not authorized to modify this post")
	authorOrAdmin := post.Require(func(u User, p Post) bool { return u.Role == "admin" || owner.Same(u.ID, p.Author) })

	// How often: failed logins count, per address and per account.
	failures := guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))
	login := func(w http.ResponseWriter, r *http.Request) {
		email := r.FormValue("email")
		attempt, err := failures.Attempt(r, email)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		u := users[byEmail[email]] // for an unknown e-mail an empty hash, which takes as long
		ok, _, err := password.Verify(r.Context(), u.hash, r.FormValue("password"))
		if _, err = guard.Resolve(u, ok, err, guard.Unauthorized("Invalid credentials")); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		_ = attempt.Succeed(r.Context())
		tokens, err := issuer.Issue(u.ID, struct{}{})
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", login)
	mux.Handle("GET /profile", authenticated(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) {
		fmt.Fprintf(w, "user %s, %s", u.ID, u.Role)
	})))
	mux.Handle("GET /admin/users", guard.Chain(authenticated, adminOnly)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d users", len(users))
	})))
	mux.Handle("DELETE /posts/{id}", guard.Chain(authenticated, authorOrAdmin)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delete(posts, post.From(r.Context()).ID) // the checked one
		w.WriteHeader(http.StatusNoContent)
	})))
	server := httptest.NewServer(mux)
	defer server.Close()

	bob := tokenOf(server.URL+"/login", "bob@example.com", "secret")
	show("POST", server.URL+"/login", "", "email=bob@example.com&password=wrong")
	show("GET", server.URL+"/profile", "", "")
	show("GET", server.URL+"/profile", bob, "")
	show("GET", server.URL+"/admin/users", bob, "")
	show("DELETE", server.URL+"/posts/1", "", "")
	show("DELETE", server.URL+"/posts/1", bob, "")
	show("DELETE", server.URL+"/posts/9", bob, "")
	show("DELETE", server.URL+"/posts/2", bob, "")
	// Output:
	// POST /login: 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// GET /profile: 401 {"error":"Unauthorized","message":"Authentication required"}
	// GET /profile: 200 user 2, user
	// GET /admin/users: 403 {"error":"Forbidden","message":"Admin access required"}
	// DELETE /posts/1: 401 {"error":"Unauthorized","message":"Authentication required"}
	// DELETE /posts/1: 403 {"error":"Forbidden","message":"Not authorized to modify this post"}
	// DELETE /posts/9: 404 {"error":"Not Found","message":"Not found"}
	// DELETE /posts/2: 204
}

// A guard in front of authentication knows nobody: it refuses everyone, also
// those who may. Nothing is let on by a wrong order.
func Example_wrongOrder() {
	type User struct{ Role string }
	authenticated := func(next http.Handler) http.Handler { // in place of a real step
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{"admin"})))
		})
	}
	roles := guard.Must(rbac.New(rbac.Roles("admin"), func(u User) string { return u.Role }, nil))
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "all users") })

	mux := http.NewServeMux()
	mux.Handle("GET /right", guard.Chain(authenticated, roles.RequireRole("admin"))(handler))
	mux.Handle("GET /wrong", guard.Chain(roles.RequireRole("admin"), authenticated)(handler))
	server := httptest.NewServer(mux)
	defer server.Close()
	show("GET", server.URL+"/right", "", "")
	show("GET", server.URL+"/wrong", "", "")
	// Output:
	// GET /right: 200 all users
	// GET /wrong: 401 {"error":"Unauthorized","message":"Authentication required"}
}

// show sends a request, with a form as its body, and prints the answer.
func show(method, url, token, form string) {
	status, body := send(method, url, token, form)
	path := url[strings.LastIndex(url, ":"):]
	fmt.Println(method, path[strings.Index(path, "/"):]+":", strings.TrimSpace(fmt.Sprint(status, " ", body)))
}

func tokenOf(url, email, password string) string {
	_, body := send("POST", url, "", "email="+email+"&password="+password)
	_, token, _ := strings.Cut(body, `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)
	return token
}

func send(method, url, token, form string) (int, string) {
	r := guard.Must(http.NewRequest(method, url, strings.NewReader(form)))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res := guard.Must(http.DefaultClient.Do(r))
	defer res.Body.Close()
	return res.StatusCode, string(guard.Must(io.ReadAll(res.Body)))
}
