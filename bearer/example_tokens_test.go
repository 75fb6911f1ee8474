package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

// A lookup that knows why it refuses: clients read its message, and observers its cause.
func ExampleNew() {
	type User struct{ Name string }
	byToken := func(_ context.Context, token string) (User, bool, error) {
		if token == "locked" {
			return User{}, false, &guard.Error{
				Status: http.StatusUnauthorized, Message: "This account is locked", Err: errors.New("locked by the support"),
			}
		}
		return User{}, false, nil // unknown, revoked or expired
	}
	tokens, err := bearer.New(byToken, &bearer.Options{Realm: "api", Missing: "Send a token"})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := tokens.Wrap(http.NotFoundHandler())

	for _, header := range []string{"", "Bearer guess", "Bearer locked"} {
		r := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 401 Bearer realm="api" {"error":"Unauthorized","message":"Send a token"}
	// 401 Bearer realm="api", error="invalid_token" {"error":"Unauthorized","message":"Invalid or expired token"}
	// 401 Bearer realm="api", error="invalid_token" {"error":"Unauthorized","message":"This account is locked"}
}

// One route for holders of a token.
func ExampleTokens_Wrap() {
	type User struct{ Name string }
	tokens := guard.Must(bearer.New(func(context.Context, string) (User, bool, error) { return User{"Alice"}, true, nil }, nil))
	mux := http.NewServeMux()
	mux.Handle("GET /profile", tokens.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) {
		fmt.Fprintf(w, "Hello, %s!", u.Name)
	})))

	r := httptest.NewRequest("GET", "/profile", nil)
	r.Header.Set("Authorization", "Bearer opaque")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 Hello, Alice!
}

// All mistakes in the arguments are reported at once.
func ExampleNewIntrospector() {
	_, err := bearer.NewIntrospector("http://login.example.com/introspect", "", "s3cret", nil)
	fmt.Println(err)
	// Output:
	// bearer: introspection endpoint: "http://login.example.com/introspect" is not https
	// bearer: introspection needs a client id and secret, or Authorize
}

// A token that came in the first message of a WebSocket.
func ExampleIntrospector_Verify() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("token") == "opaque" {
			fmt.Fprint(w, `{"active":true,"token_type":"Bearer","sub":"alice"}`)
			return
		}
		fmt.Fprint(w, `{"active":false}`)
	}))
	defer server.Close()
	in := guard.Must(bearer.NewIntrospector(server.URL, "my-api", "my-secret", nil))

	for _, token := range []string{"opaque", "revoked"} {
		introspection, found, err := in.Verify(context.Background(), token)
		if err != nil || !found {
			fmt.Println("refused:", err)
			continue
		}
		fmt.Println(introspection.Subject)
	}
	// Output:
	// alice
	// refused: <nil>
}

// A member of the response that only this authorization server has.
func ExampleIntrospection_Decode() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"active":true,"token_type":"Bearer","sub":"alice","tenant":"acme"}`)
	}))
	defer server.Close()
	in := guard.Must(bearer.NewIntrospector(server.URL, "my-api", "my-secret", nil))

	introspection, _, err := in.Verify(context.Background(), "opaque")
	if err != nil {
		fmt.Println(err)
		return
	}
	var extension struct {
		Tenant string `json:"tenant"`
	}
	err = introspection.Decode(&extension)
	fmt.Println(extension.Tenant, err)
	// Output: acme <nil>
}

// A token of a client that acts for itself has no subject.
func ExampleIntrospection_Sub() {
	for _, token := range []*bearer.Introspection{{Subject: "alice", ClientID: "app"}, {ClientID: "nightly-export"}} {
		if token.Sub() == "" {
			fmt.Println("client", token.ClientID)
		} else {
			fmt.Println("user", token.Sub())
		}
	}
	// Output:
	// user alice
	// client nightly-export
}
