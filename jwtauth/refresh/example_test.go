package refresh_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// Role is the private claims of an access token.
type Role struct {
	Role string `json:"role"`
}

var roles = map[string]string{"1": "admin"}

// A login, a refresh, and a thief who has an old refresh token.
func ExampleRefresher() {
	issuer := guard.Must(jwtauth.NewIssuer[Role](jwtauth.HMAC("HS256", []byte("a secret of 32 random bytes, say")), nil))
	refresher := guard.Must(refresh.New(issuer, func(_ context.Context, subject string, _ map[string]any) (Role, bool, error) {
		role, found := roles[subject] // called at every refresh, since roles change
		return Role{role}, found, nil
	}, &refresh.Options{NoGrace: true}))

	mux := http.NewServeMux()
	mux.Handle("POST /refresh", refresher.RefreshHandler())
	mux.Handle("POST /logout", refresher.LogoutHandler())
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here.
		tokens, err := refresher.Start(r.Context(), "1", nil)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	})

	post := func(path, body string) (refreshToken string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader(body)))
		var answer struct {
			Refresh string `json:"refresh_token"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%s: %d %q\n", path, w.Code, answer.Message)
		return `{"refresh_token":"` + answer.Refresh + `"}`
	}
	first := post("/login", "")
	second := post("/refresh", first)
	post("/refresh", first)  // a thief has the old token: the login ends
	post("/refresh", second) // for the thief and for the owner
	// Output:
	// /login: 200 ""
	// /refresh: 200 ""
	// /refresh: 401 "Invalid refresh token"
	// /refresh: 401 "Invalid refresh token"
}

// An identity provider ends its session, and with it the logins that began with it.
func ExampleRefresher_RevokeRef() {
	issuer := guard.Must(jwtauth.NewIssuer[Role](jwtauth.HMAC("HS256", []byte("a secret of 32 random bytes, say")), nil))
	refresher := guard.Must(refresh.New(issuer, func(_ context.Context, subject string, _ map[string]any) (Role, bool, error) {
		return Role{"user"}, true, nil
	}, nil))

	const provider, sid = "https://id.example.com", "08a5019c" // from the ID token; later from the logout token
	ctx := context.Background()
	tokens := guard.Must(refresher.Start(ctx, "1", &refresh.StartOptions[Role]{Ref: provider + " " + sid}))
	n, err := refresher.RevokeRef(ctx, provider+" "+sid, "")
	fmt.Println(n, err)
	_, err = refresher.Refresh(ctx, tokens.RefreshToken)
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// guard: 401 Unauthorized: Invalid refresh token: refresh: the login has ended or was idle for too long
}
