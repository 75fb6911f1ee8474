package refresh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// Claims are loaded at each refresh: a deleted user has no next token.
func ExampleNew() {
	type Claims struct {
		Role string `json:"role"`
	}
	roles := map[string]string{"alice": "admin"}
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher, err := refresh.New(issuer, func(_ context.Context, subject string, _ map[string]any) (Claims, bool, error) {
		role, found := roles[subject]
		return Claims{role}, found, nil // an error here is an outage: 5xx, and the login goes on
	}, &refresh.Options{Lifetime: 7 * 24 * time.Hour, Idle: 24 * time.Hour})
	if err != nil {
		fmt.Println(err) // all mistakes
		return
	}

	tokens := guard.Must(refresher.Start(context.Background(), "alice", nil))
	delete(roles, "alice")
	_, err = refresher.Refresh(context.Background(), tokens.RefreshToken)
	fmt.Println(err)
	// Output: guard: 401 Unauthorized: Invalid refresh token: refresh: the subject does not exist
}

// A login whose tenant every access token has.
func ExampleRefresher_Start() {
	type Claims struct {
		Tenant string `json:"tenant"`
	}
	ctx := context.Background()
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(_ context.Context, _ string, login map[string]any) (Claims, bool, error) {
		tenant, ok := login["tenant"].(string)
		return Claims{tenant}, ok, nil
	}, nil))

	// The password is verified: see package signin/password.
	tokens, err := refresher.Start(ctx, "alice", &refresh.StartOptions[Claims]{Login: map[string]any{"tenant": "acme"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := issuer.Verifier().Verify(ctx, tokens.AccessToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Sub(), t.Claims.Tenant)
	// Output: alice acme
}

// The next pair of tokens, in a protocol of one's own. A token is used once.
func ExampleRefresher_Refresh() {
	ctx := context.Background()
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, &refresh.Options{NoGrace: true}))

	first := guard.Must(refresher.Start(ctx, "alice", nil))
	second, err := refresher.Refresh(ctx, first.RefreshToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(second.RefreshToken != first.RefreshToken)
	_, err = refresher.Refresh(ctx, first.RefreshToken) // a thief's
	if reuse, ok := errors.AsType[*refresh.ReuseError](err); ok {
		fmt.Println("the token was stolen from", reuse.Subject)
	}
	// Output:
	// true
	// the token was stolen from alice
}

// The endpoint that gives clients their next tokens.
func ExampleRefresher_RefreshHandler() {
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, nil))
	tokens := guard.Must(refresher.Start(context.Background(), "alice", nil))
	mux := http.NewServeMux()
	mux.Handle("POST /refresh", refresher.RefreshHandler())

	for _, token := range []string{tokens.RefreshToken, "guess"} {
		r := httptest.NewRequest("POST", "/refresh", strings.NewReader(`{"refresh_token":"`+token+`"}`))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		var body struct {
			Expires int    `json:"expires_in"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d %d %q\n", w.Code, body.Expires, body.Message)
	}
	// Output:
	// 200 900 ""
	// 401 0 "Invalid refresh token"
}

// The logins of one process, and no more than one of a user: the next one ends it.
func ExampleNewMemory() {
	store, err := refresh.NewMemory(&refresh.MemoryOptions{MaxPerSubject: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("32 random bytes or more, not this")), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, &refresh.Options{Store: store}))

	ctx := context.Background()
	laptop := guard.Must(refresher.Start(ctx, "alice", nil))
	phone := guard.Must(refresher.Start(ctx, "alice", nil))
	_, err = refresher.Refresh(ctx, laptop.RefreshToken)
	fmt.Println(err)
	_, err = refresher.Refresh(ctx, phone.RefreshToken)
	fmt.Println(err)
	// Output:
	// guard: 401 Unauthorized: Invalid refresh token: refresh: the login has ended or was idle for too long
	// <nil>
}
