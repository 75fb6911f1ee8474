package guard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// A handler that serves everyone, and greets the principal if there is one.
func ExamplePrincipalFrom() {
	type User struct{ Name string }
	home := func(w http.ResponseWriter, r *http.Request) {
		name := "stranger"
		if u, ok := guard.PrincipalFrom[User](r.Context()); ok {
			name = u.Name
		}
		fmt.Fprintln(w, "Hello,", name)
	}

	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	home(w, r)
	home(w, r.WithContext(guard.WithPrincipal(r.Context(), User{"Alice"})))
	fmt.Print(w.Body)
	// Output:
	// Hello, stranger
	// Hello, Alice
}

// A test of a handler authenticates its request.
func ExampleWithPrincipal() {
	type User struct{ Name string }
	profile := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) {
		fmt.Fprintf(w, "profile of %s", u.Name)
	})

	r := httptest.NewRequest("GET", "/profile", nil)
	r = r.WithContext(guard.WithPrincipal(r.Context(), User{"Alice"}))
	w := httptest.NewRecorder()
	profile.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 profile of Alice
}

// A middleware for confirmed users. The error of Authenticated is the answer to an
// anonymous request, with the challenges of the authentication step.
func ExampleAuthenticated() {
	type User struct{ Confirmed bool }
	confirmed := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u, err := guard.Authenticated[*User](r.Context())
			if err == nil && !u.Confirmed {
				err = guard.Forbidden("Confirm your e-mail address first")
			}
			if err != nil {
				guard.Refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	h := confirmed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "welcome") }))

	r := httptest.NewRequest("GET", "/", nil)
	for _, u := range []*User{{Confirmed: true}, {}, nil} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), u)))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 welcome
	// 403 {"error":"Forbidden","message":"Confirm your e-mail address first"}
	// 401 {"error":"Unauthorized","message":"Authentication required"}
}

// The principal is a user; the credential is the key that the request was sent with.
func ExampleCredentialFrom() {
	type User struct{ Name string }
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	key, _, err := ring.Issue(ctx, apikey.Grant{Subject: "1", Name: "laptop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	users := guard.BySubject(ring, func(context.Context, string) (User, bool, error) { return User{"Alice"}, true, nil })
	whoami := users.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		fmt.Fprint(w, u.Name)
		if rec, ok := guard.CredentialFrom[*apikey.Record](r.Context()); ok {
			fmt.Fprintf(w, " by the key %q", rec.Name)
		}
	}))

	r := httptest.NewRequest("GET", "/whoami", nil)
	r.Header.Set("X-API-Key", key.Reveal())
	w := httptest.NewRecorder()
	whoami.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: Alice by the key "laptop"
}

// A route for the keys of one team, whatever user they are mapped to.
func ExampleAuthenticatedBy() {
	deploy := func(w http.ResponseWriter, r *http.Request) {
		key, err := guard.AuthenticatedBy[*apikey.Record](r.Context())
		if err == nil && key.Metadata["team"] != "web" {
			err = guard.Forbidden("This key is not of the team")
		}
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprintf(w, "deployed by %q", key.Name)
	}

	r := httptest.NewRequest("POST", "/deploy", nil)
	for _, team := range []string{"web", "mobile"} {
		key := &apikey.Record{Name: "CI", Metadata: map[string]string{"team": team}} // of a ring
		w := httptest.NewRecorder()
		deploy(w, r.WithContext(guard.WithPrincipal(r.Context(), key)))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 deployed by "CI"
	// 403 {"error":"Forbidden","message":"This key is not of the team"}
}

// A guard of one's own that honours the scopes of API keys and tokens.
func ExampleScopeLimits() {
	allowed := func(ctx context.Context, permission string) bool {
		for _, limit := range guard.ScopeLimits(ctx) {
			if !slices.Contains(limit, permission) {
				return false
			}
		}
		return true
	}

	key := &apikey.Record{Subject: "1", Scopes: []string{"posts:read"}}
	ctx := guard.WithPrincipal(context.Background(), key)
	fmt.Println(allowed(ctx, "posts:read"), allowed(ctx, "posts:write"))
	// Output: true false
}

// A guard that sends the challenges of the authentication step and adds one of its own.
func ExampleChallenges() {
	type User struct{ Name string }
	negotiate := func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, &guard.Error{
			Status: http.StatusUnauthorized, Challenges: append(guard.Challenges(r.Context()), "Negotiate"),
		})
	}
	keys := guard.Must(apikey.New(func(context.Context, string) (User, bool, error) { return User{}, false, nil }, nil))
	h := guard.Optional(keys)(http.HandlerFunc(negotiate))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Printf("%d %q\n", w.Code, w.Header().Values("WWW-Authenticate"))
	// Output: 401 ["ApiKey" "Negotiate"]
}
