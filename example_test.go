package guard_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
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
	hasher := guard.Must(password.New(&password.Options{MinLength: 6})) // for "secret"; the default is 8
	hash := guard.Must(hasher.Hash(ctx, "secret"))
	users := map[string]User{"1": {"1", "admin", hash}, "2": {"2", "user", hash}}
	byEmail := map[string]string{"alice@example.com": "1", "bob@example.com": "2"}
	posts := map[string]Post{"1": {"1", "1"}, "2": {"2", "2"}}

	// Authentication: the token names a subject, and the database has the user.
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](
		jwtauth.HMAC("HS256", []byte("32 bytes or more from the environment")),
		&jwtauth.IssuerOptions{Issuer: "example", Lifetime: time.Hour, Missing: "Authentication required"}))
	authenticated := guard.BySubject(issuer.Verifier(), func(_ context.Context, id string) (User, bool, error) {
		u, found := users[id]
		return u, found, nil // an error here is an outage: 5xx, never 401
	}).Wrap

	// Authorization: by role, and by ownership.
	roles := guard.Must(rbac.New(rbac.Roles("admin", "user"), func(u User) string { return u.Role }, nil))
	adminOnly := roles.WithMessage("Admin access required").RequireRole("admin")
	post := guard.Must(owner.New(func(r *http.Request, _ User) (Post, bool, error) {
		p, found := posts[r.PathValue("id")]
		return p, found, nil
	}, nil)).WithMessage("Not authorized to modify this post")
	authorOrAdmin := post.Require(func(u User, p Post) bool { return u.Role == "admin" || owner.Same(u.ID, p.Author) })

	// The login: failures are limited, per address and per account.
	logins := guard.Must(password.NewLogin(func(_ context.Context, email string) (User, string, bool, error) {
		u, found := users[byEmail[email]]
		return u, u.hash, found, nil
	}, &password.LoginOptions[User]{Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))}))
	login := func(w http.ResponseWriter, r *http.Request) {
		u, err := logins.Check(r, r.PostFormValue("email"), r.PostFormValue("password"))
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
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

// A guard outside of authentication has no principal to check. It answers 500,
// and the log says what is wrong. A misordered chain never grants access it should
// not.
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
	// GET /wrong: 500 {"error":"Internal Server Error","message":"The request could not be processed"}
}

// ServiceTokens authenticates other services by a token of their own in a header
// of its own. It is an [guard.Authenticator] outside of this module: two methods.
type ServiceTokens map[string][sha256.Size]byte // the digest of each service's token

// Authenticate returns the name of the service.
func (s ServiceTokens) Authenticate(r *http.Request) (string, error) {
	values := r.Header.Values("X-Service-Token")
	switch len(values) {
	case 0:
		return "", guard.ErrNoCredentials // the next authenticator is asked
	case 1:
	default:
		return "", &guard.Error{Status: http.StatusBadRequest, Message: "More than one token was sent"}
	}
	digest := sha256.Sum256([]byte(values[0]))
	for name, want := range s {
		if subtle.ConstantTimeCompare(digest[:], want[:]) == 1 {
			return name, nil
		}
	}
	return "", guard.Unauthorized("Invalid service token")
}

// Scheme names the challenge of a 401 and the header that answers depend on.
func (s ServiceTokens) Scheme() guard.Scheme {
	return guard.Scheme{Challenge: "ServiceToken", Vary: []string{"X-Service-Token"}}
}

// An authenticator of one's own.
func ExampleAuthenticator() {
	services := ServiceTokens{"billing": sha256.Sum256([]byte("token-of-billing"))}
	hello := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, service string) { fmt.Fprint(w, "hello, "+service) })
	h := guard.Require(services)(hello)
	for _, token := range []string{"token-of-billing", "guess"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Service-Token", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 200  hello, billing
	// 401 ServiceToken {"error":"Unauthorized","message":"Invalid service token"}
}

// A guard of one's own: it decides, reports its decision, and refuses or passes
// the request on.
func ExampleDecision_Refuse() {
	type User struct{ Confirmed bool }
	confirmed := func(next http.Handler) http.Handler {
		d := guard.Decision{Package: "app", Guard: "confirmed e-mail"}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u, err := guard.Authenticated[User](r.Context())
			if err == nil && !u.Confirmed {
				err = guard.Forbidden("Confirm your e-mail address first")
			}
			if err != nil {
				d.Refuse(w, r, err)
				return
			}
			allowed := d
			allowed.Outcome = guard.Allowed
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
	h := confirmed(http.NotFoundHandler())
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{Confirmed: false})))
	fmt.Println(w.Code, w.Body)
	// Output: 403 {"error":"Forbidden","message":"Confirm your e-mail address first"}
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
