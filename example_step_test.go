package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
)

// Tokens of people and API keys of programs lead to one type of user.
func ExampleRequire() {
	type User struct{ ID string }
	load := func(_ context.Context, id string) (User, bool, error) { return User{id}, true, nil }
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	ring := guard.Must(apikey.NewRing(nil))
	authenticated := guard.Require(guard.BySubject(issuer.Verifier(), load), guard.BySubject(ring, load))
	h := authenticated(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) { fmt.Fprint(w, "user ", u.ID) }))

	tokens := guard.Must(issuer.Issue("1", struct{}{}))
	for _, header := range [][2]string{{"Authorization", "Bearer " + tokens.AccessToken}, {"X-API-Key", "ak_live_guess"}, {}} {
		r := httptest.NewRequest("GET", "/", nil)
		if header[0] != "" {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 user 1
	// 401 {"error":"Unauthorized","message":"Invalid API key"}
	// 401 {"error":"Unauthorized","message":"JWT token required"}
}

// A page that everyone may read, with more for users. A bad key is still refused.
func ExampleOptional() {
	type User struct{ Name string }
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (User, bool, error) {
		return User{"Alice"}, key == "key_12345", nil
	}, nil))
	h := guard.Optional(keys)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := guard.PrincipalFrom[User](r.Context())
		fmt.Fprintf(w, "%q %t", u.Name, ok)
	}))

	for _, key := range []string{"key_12345", "", "guess"} {
		r := httptest.NewRequest("GET", "/", nil)
		if key != "" {
			r.Header.Set("X-API-Key", key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 "Alice" true
	// 200 "" false
	// 401 {"error":"Unauthorized","message":"Invalid API key"}
}

// A health check that shows details to operators, and stays readable with an old key.
func ExampleLenient() {
	type Operator struct{}
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (Operator, bool, error) {
		return Operator{}, key == "key_12345", nil
	}, nil))
	h := guard.Lenient(keys)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "ok")
		if _, ok := guard.PrincipalFrom[Operator](r.Context()); ok {
			fmt.Fprint(w, ", 3 of 20 connections")
		}
	}))

	for _, key := range []string{"key_12345", "an old key"} {
		r := httptest.NewRequest("GET", "/health", nil)
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 ok, 3 of 20 connections
	// 200 ok
}

// A chain of middlewares, the outermost first.
func ExampleChain() {
	step := func(name string) guard.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Println(name)
				next.ServeHTTP(w, r)
			})
		}
	}
	admin := guard.Chain(step("authenticate"), step("check the role"))

	mux := http.NewServeMux()
	mux.Handle("GET /users", admin(http.NotFoundHandler()))
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users", nil))
	// Output:
	// authenticate
	// check the role
}

// A token's claims become the application's user, without a lookup.
func ExampleMap() {
	type Claims struct {
		Name string `json:"name"`
	}
	type User struct{ ID, Name string }
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	users := guard.Map(issuer.Verifier(), func(_ context.Context, t *jwtauth.Token[Claims]) (User, bool, error) {
		return User{t.Sub(), t.Claims.Name}, true, nil
	})
	h := users.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) { fmt.Fprint(w, u.ID, " ", u.Name) }))

	tokens := guard.Must(issuer.Issue("1", Claims{"Alice"}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 1 Alice
}

// A user is loaded at each request: a deleted one has no access any more, although its
// token is valid.
func ExampleBySubject() {
	type User struct{ Name string }
	users := map[string]User{"1": {"Alice"}}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	authenticated := guard.BySubject(issuer.Verifier(), func(_ context.Context, id string) (User, bool, error) {
		u, found := users[id]
		return u, found, nil // an error here is an outage: 5xx, never 401
	})
	h := authenticated.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) { fmt.Fprint(w, u.Name) }))

	for _, id := range []string{"1", "2"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+guard.Must(issuer.Issue(id, struct{}{})).AccessToken)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Alice
	// 401 {"error":"Unauthorized","message":"Invalid token"}
}

// A route for users whose keys a ring verifies.
func ExampleMapped_Wrap() {
	type User struct{ Name string }
	users := guard.BySubject(guard.Must(apikey.NewRing(nil)), func(context.Context, string) (User, bool, error) {
		return User{"Alice"}, true, nil
	})
	mux := http.NewServeMux()
	mux.Handle("GET /profile", users.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) { fmt.Fprint(w, u.Name) })))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/profile", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":"Unauthorized","message":"API key required"}
}

// A handler that receives the principal cannot run without one.
func ExampleHandlerFunc() {
	type User struct{ Name string }
	hello := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u *User) {
		fmt.Fprintf(w, "Hello, %s!", u.Name)
	})

	r := httptest.NewRequest("GET", "/", nil)
	for _, u := range []*User{{"Alice"}, nil} { // nil is anonymous, as behind guard.Optional
		w := httptest.NewRecorder()
		hello(w, r.WithContext(guard.WithPrincipal(r.Context(), u)))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Hello, Alice!
	// 401 {"error":"Unauthorized","message":"Authentication required"}
}

// A handler that returns its errors.
func ExampleHandler() {
	type User struct{ ID string }
	orders := map[string]string{"7": "three books"}
	show := guard.Handler(func(w http.ResponseWriter, r *http.Request, _ User) error {
		order, found := orders[r.PathValue("id")]
		if !found {
			return guard.NotFound("No such order")
		}
		_, err := fmt.Fprint(w, order)
		return err
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", show)

	for _, path := range []string{"/orders/7", "/orders/8"} {
		r := httptest.NewRequest("GET", path, nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{"1"})))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 three books
	// 404 {"error":"Not Found","message":"No such order"}
}

// A mistake in the configuration ends the program when it starts.
func ExampleMust() {
	defer func() { fmt.Println("panic:", recover()) }()
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "Acme"}))
	http.Handle("GET /report", ring.Wrap(http.NotFoundHandler()))
	// Output: panic: apikey: prefix "Acme" is not 2 to 16 lower-case letters and digits, a letter first
}

// A lookup in an authenticator of one's own.
func ExampleResolve() {
	names := map[string]string{"1": "Alice"}
	load := func(id string) (string, bool, error) {
		if id == "" {
			return "", false, errors.New("the database is down")
		}
		name, found := names[id]
		return name, found, nil
	}
	for _, id := range []string{"1", "2", ""} {
		name, found, err := load(id)
		name, err = guard.Resolve(name, found, err, guard.Unauthorized("Unknown user"))
		fmt.Printf("%q %v\n", name, err)
	}
	// Output:
	// "Alice" <nil>
	// "" guard: 401 Unauthorized: Unknown user
	// "" the database is down
}
