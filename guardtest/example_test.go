package guardtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
	"github.com/go-guard/guard/webhook"
)

type User struct{ ID, Role string }

type Profile struct{ Name string }

// T stands for the *testing.T of a test, and prints failures.
type T struct{ testing.TB }

func (T) Helper() {}

func (T) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Routes takes its authenticator as a parameter, so that a test can replace it.
func Routes(users guard.Authenticator[User]) http.Handler {
	authenticated := guard.Require(users)
	roles := guard.Must(rbac.New(rbac.Roles("admin", "user"), func(u User) string { return u.Role }, nil))
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })

	mux := http.NewServeMux()
	mux.Handle("GET /profile", authenticated(ok))
	mux.Handle("GET /admin/users", guard.Chain(authenticated, roles.RequireRole("admin"))(ok))
	mux.Handle("GET /admin/export", ok) // a mistake: no guard
	return mux
}

// A matrix of routes and callers. Here it finds a route without a guard.
func Example() {
	t := T{} // in a test: its t *testing.T

	guardtest.Routes(t, Routes(guardtest.Authenticator[User]()), guardtest.Matrix{
		Callers: guardtest.Callers{
			"anonymous": nil,
			"bob":       guardtest.Caller(User{"2", "user"}, nil),
			"alice":     guardtest.Caller(User{"1", "admin"}, nil),
		},
		Want: guardtest.Want{
			"GET /profile":      {"anonymous": 401, "bob": 200, "alice": 200},
			"GET /admin/users":  {"anonymous": 401, "bob": 403, "alice": 200},
			"GET /admin/export": {"anonymous": 401, "bob": 403, "alice": 200},
		},
	})
	// Output:
	// GET /admin/export as anonymous: status 200, want 401
	// no decisions
	// GET /admin/export as bob: status 200, want 403
	// no decisions
	// GET /admin/export has no guard: none decided about the request as alice, anonymous, bob
}

// A handler that reads its principal and its session is tested alone.
func ExampleAs() {
	profile := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		s, _ := guard.CredentialFrom[*session.Session[Profile]](r.Context())
		fmt.Fprintf(w, "%s is user %s", s.Data().Name, u.ID)
	})

	r := httptest.NewRequest("GET", "/profile", nil)
	r = guardtest.As(r, User{"1", "admin"}, guardtest.Session("1", Profile{"Alice"}))
	w := httptest.NewRecorder()
	profile.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 Alice is user 1
}

// An *apikey.Record is a plain value. Its scopes limit what the user may do.
func ExampleAs_apiKey() {
	roles := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"posts:read", "posts:write"},
		Roles:       map[string]rbac.Role[string]{"admin": {Grants: []string{"posts:*"}}},
	}, func(u User) string { return u.Role }, nil))
	publish := roles.RequireAll("posts:write")(http.NotFoundHandler())

	readOnly := &apikey.Record{ID: "k1", Subject: "1", Scopes: []string{"posts:read"}}
	r := guardtest.As(httptest.NewRequest("POST", "/posts", nil), User{"1", "admin"}, readOnly)
	w := httptest.NewRecorder()
	publish.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output: 403
}

// The application's own steps, with requests of As in place of real credentials.
func ExampleAuthenticator() {
	h := Routes(guardtest.Authenticator[User]())

	anonymous := httptest.NewRequest("GET", "/profile", nil)
	for _, r := range []*http.Request{anonymous, guardtest.As(anonymous, User{"2", "user"}, nil)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 401 {"error":"Unauthorized","message":"Authentication required"}
	// 200 ok
}

// A session that is itself the principal.
func ExampleSession() {
	hello := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[Profile]) {
		fmt.Fprintf(w, "Hello, %s!", s.Data().Name)
	})

	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	hello.ServeHTTP(w, guardtest.As(r, guardtest.Session("1", Profile{"Alice"}), nil))
	fmt.Println(w.Body)
	// Output: Hello, Alice!
}

// A delivery goes through the whole chain, as its sender's.
func ExampleDelivery() {
	const secret = "It's a Secret to Everybody"
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(secret), nil)).Handler(func(_ context.Context, d *webhook.Delivery) error {
		fmt.Println("deploy", string(d.Body))
		return nil
	})

	d := &webhook.Delivery{ID: "1", Type: "push", Body: []byte(`{"ref":"refs/heads/main"}`)}
	w := httptest.NewRecorder()
	hooks.ServeHTTP(w, guardtest.Delivery("/hooks", webhook.GitHub, secret, d))
	fmt.Println(w.Code)
	// Output:
	// deploy {"ref":"refs/heads/main"}
	// 200
}

// A route that wants a recent sign-in.
func ExampleSessionSince() {
	remove := stepup.Require(stepup.Within(5 * time.Minute))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	for _, age := range []time.Duration{time.Minute, time.Hour} {
		s := guardtest.SessionSince("1", Profile{"Alice"}, time.Now().Add(-age))
		w := httptest.NewRecorder()
		remove.ServeHTTP(w, guardtest.As(httptest.NewRequest("DELETE", "/account", nil), User{"1", "user"}, s))
		fmt.Println(age, w.Code)
	}
	// Output:
	// 1m0s 200
	// 1h0m0s 401
}

// A handler that reads a verified token.
func ExampleToken() {
	type Claims struct{ Role string }
	show := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, t *jwtauth.Token[Claims]) {
		fmt.Fprintln(w, t.Sub(), t.Claims.Role, t.Scopes(), t.Issuer)
	})

	token := guardtest.Token("1", Claims{"admin"}, "posts:read", "posts:write")
	token.Issuer = "https://id.example.com" // what else the handler reads
	w := httptest.NewRecorder()
	show.ServeHTTP(w, guardtest.As(httptest.NewRequest("GET", "/", nil), token, nil))
	fmt.Print(w.Body)
	// Output: 1 admin [posts:read posts:write] https://id.example.com
}

// Callers of a matrix: one is anonymous, one has a session, one a key.
func ExampleCaller() {
	callers := guardtest.Callers{
		"anonymous": nil,
		"bob":       guardtest.Caller(User{"2", "user"}, guardtest.Session("2", Profile{"Bob"})),
		"a program": guardtest.Caller(User{"1", "admin"}, &apikey.Record{Subject: "1"}),
	}
	r := callers["bob"](httptest.NewRequest("GET", "/", nil))
	fmt.Println(guard.PrincipalFrom[User](r.Context()))
	// Output: {2 user} true
}

// The real authenticator, with real credentials.
func ExampleHeader() {
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (User, bool, error) {
		return User{"1", "admin"}, key == "key_12345", nil
	}, nil))
	t := T{} // in a test: its t *testing.T

	guardtest.Routes(t, Routes(keys), guardtest.Matrix{
		Callers: guardtest.Callers{
			"a wrong key": guardtest.Header("X-API-Key", "guess"),
			"alice":       guardtest.Header("X-API-Key", "key_12345"),
		},
		Want: guardtest.Want{
			"GET /profile":     {"a wrong key": 401, "alice": 200},
			"GET /admin/users": {"a wrong key": 401, "alice": 403}, // a mistake of the test
		},
	})
	// Output:
	// GET /admin/users as alice: status 200, want 403
	// apikey: allowed
	// rbac, role admin: allowed
}

// A session in a store, for handlers that update, rotate or destroy it.
func ExampleHeader_session() {
	sessions := guard.Must(session.New[Profile](nil))
	rename := sessions.Wrap(guard.Handler(func(w http.ResponseWriter, r *http.Request, s *session.Session[Profile]) error {
		s, err := sessions.Update(r.Context(), s, func(p *Profile) error { p.Name = "Alicia"; return nil })
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "Hello, %s!", s.Data().Name)
		return nil
	}))

	login := httptest.NewRecorder()
	if _, err := sessions.Create(login, httptest.NewRequest("POST", "/login", nil), "1", Profile{"Alice"}); err != nil {
		fmt.Println(err)
		return
	}
	cookie := login.Result().Cookies()[0]
	alice := guardtest.Header("Cookie", cookie.Name+"="+cookie.Value)

	w := httptest.NewRecorder()
	rename.ServeHTTP(w, alice(httptest.NewRequest("POST", "/rename", nil)))
	fmt.Println(w.Code, w.Body)
	// Output: 200 Hello, Alicia!
}

// Requests with a body.
func ExampleRoutes() {
	users := guard.Require(guardtest.Authenticator[User]())
	h := users(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t := T{} // in a test: its t *testing.T

	guardtest.Routes(t, h, guardtest.Matrix{
		Callers: guardtest.Callers{"anonymous": nil, "bob": guardtest.Caller(User{"2", "user"}, nil)},
		Want:    guardtest.Want{"POST /posts": {"anonymous": 401, "bob": 200}},
		Request: func(method, target string) *http.Request {
			return httptest.NewRequest(method, target, strings.NewReader(`{"title":"Post 1"}`))
		},
	})
	fmt.Println("done")
	// Output: done
}

// Which guard refused a request, and why.
func ExampleRecorder() {
	var rec guardtest.Recorder
	h := rec.Observe(Routes(guardtest.Authenticator[User]()))

	r := guardtest.As(httptest.NewRequest("GET", "/admin/users", nil), User{"2", "user"}, guardtest.Session("2", Profile{"Bob"}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code)
	fmt.Println(&rec)
	for _, d := range rec.Decisions() {
		if d.Outcome == guard.Refused {
			fmt.Println("refused by", d.Package)
		}
	}
	// Output:
	// 403
	// guardtest: allowed, subject "2"
	// rbac, role admin: refused 403, subject "2": rbac: not granted: "user"
	// refused by rbac
}
