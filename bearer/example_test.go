package bearer_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

type User struct{ ID, Name string }

// Tokens are kept, and found, by their digest only.
var users = map[[sha256.Size]byte]User{
	sha256.Sum256([]byte("valid_token_123")): {"1", "Alice"},
}

func byToken(_ context.Context, token string) (User, bool, error) {
	u, found := users[sha256.Sum256([]byte(token))]
	return u, found, nil // an error here is an outage: 5xx, never 401
}

func profile(w http.ResponseWriter, _ *http.Request, u User) {
	fmt.Fprintf(w, "Hello, %s!", u.Name)
}

func Example() {
	tokens := guard.Must(bearer.New(byToken, nil))
	mux := http.NewServeMux()
	mux.Handle("GET /profile", tokens.Wrap(guard.HandlerFunc(profile)))

	for _, header := range []string{"Bearer valid_token_123", "Bearer guess", ""} {
		r := httptest.NewRequest("GET", "/profile", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 200  Hello, Alice!
	// 401 Bearer error="invalid_token" {"error":"Unauthorized","message":"Invalid or expired token"}
	// 401 Bearer {"error":"Unauthorized","message":"Bearer token required"}
}

// The tokens of an authorization server that only it can read, and the scopes
// that it granted.
func ExampleIntrospector() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"active":true,"token_type":"Bearer","sub":"1","scope":"posts:read"}`)
	}))
	defer server.Close()

	introspector := guard.Must(bearer.NewIntrospector(server.URL, "my-api", "my-secret", nil))
	tokens := guard.Must(bearer.New(introspector.Verify, nil))
	posts := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, token *bearer.Introspection) {
		fmt.Fprint(w, "posts for ", token.Sub())
	})
	mux := http.NewServeMux()
	mux.Handle("GET /posts", tokens.Wrap(bearer.Scopes("posts:read")(posts)))
	mux.Handle("POST /posts", tokens.Wrap(bearer.Scopes("posts:write")(posts)))

	for _, method := range []string{"GET", "POST"} {
		r := httptest.NewRequest(method, "/posts", nil)
		r.Header.Set("Authorization", "Bearer opaque")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 200  posts for 1
	// 403 Bearer error="insufficient_scope", scope="posts:write" {"error":"Forbidden","message":"Insufficient scope"}
}
