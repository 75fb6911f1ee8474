package refresh_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// The client sends its refresh token, and the login has ended.
func ExampleRefresher_LogoutHandler() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, nil))
	tokens := guard.Must(refresher.Start(context.Background(), "alice", nil))
	mux := http.NewServeMux()
	mux.Handle("POST /logout", refresher.LogoutHandler())

	r := httptest.NewRequest("POST", "/logout", strings.NewReader(`{"refresh_token":"`+tokens.RefreshToken+`"}`))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	_, err := issuer.Verifier().Verify(context.Background(), tokens.AccessToken)
	fmt.Println(err)
	// Output:
	// 200
	// guard: 401 Unauthorized: Token revoked: jwtauth: the token or its session is denied
}

// "Log out everywhere": the access token names the subject.
func ExampleRefresher_LogoutAllHandler() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, nil))
	laptop := guard.Must(refresher.Start(context.Background(), "alice", nil))
	phone := guard.Must(refresher.Start(context.Background(), "alice", nil))
	mux := http.NewServeMux()
	mux.Handle("POST /logout-all", refresher.LogoutAllHandler())

	r := httptest.NewRequest("POST", "/logout-all", nil)
	r.Header.Set("Authorization", "Bearer "+laptop.AccessToken)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	_, err := refresher.Refresh(context.Background(), phone.RefreshToken)
	fmt.Println(err)
	// Output:
	// 200
	// guard: 401 Unauthorized: Invalid refresh token: refresh: the login has ended or was idle for too long
}

// A logout of one's own. A token of another subject ends nothing.
func ExampleRefresher_Revoke() {
	ctx := context.Background()
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, nil))
	tokens := guard.Must(refresher.Start(ctx, "alice", nil))

	fmt.Println(refresher.Revoke(ctx, "bob", tokens.RefreshToken))
	fmt.Println(refresher.Revoke(ctx, "alice", tokens.RefreshToken))
	// Output:
	// guard: 400 Bad Request: Invalid token: refresh: the refresh token belongs to another subject
	// <nil>
}

// After a change of the password, all logins of the subject have ended.
func ExampleRefresher_RevokeSubject() {
	ctx := context.Background()
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, nil))
	tokens := guard.Must(refresher.Start(ctx, "alice", nil))

	if err := refresher.RevokeSubject(ctx, "alice"); err != nil {
		fmt.Println(err) // some logins may not have ended: again
		return
	}
	_, err := issuer.Verifier().Verify(ctx, tokens.AccessToken)
	fmt.Println(err)
	// Output: guard: 401 Unauthorized: Token revoked: jwtauth: the token or its session is denied
}
