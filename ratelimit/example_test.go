package ratelimit_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

func Example() {
	perIP := guard.Must(ratelimit.New(
		ratelimit.Limit{Quota: 5, Window: 15 * time.Minute},
		ratelimit.ByIP(clientip.Direct()), // behind a proxy: clientip.XFF(its network)
		&ratelimit.Options{Headers: ratelimit.RateLimit},
	))
	mux := http.NewServeMux()
	mux.Handle("GET /", perIP.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello")
	})))

	for range 6 { // a program would call http.ListenAndServe
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Println(w.Code, w.Header().Get("RateLimit"))
	}

	// Output:
	// 200 "default";r=4;t=900
	// 200 "default";r=3;t=900
	// 200 "default";r=2;t=900
	// 200 "default";r=1;t=900
	// 200 "default";r=0;t=900
	// 429 "default";r=0;t=900
}

// Failed logins, 5 in 15 minutes per address and 10 in an hour per account.
func ExampleNewLogin() {
	logins := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Address: ratelimit.Limit{Quota: 5, Window: 15 * time.Minute},
	}))

	login := func(w http.ResponseWriter, r *http.Request) {
		attempt, err := logins.Attempt(r, r.PostFormValue("email"))
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		defer attempt.Fail(r.Context())              // without it, the end of the request is the end of the attempt
		if r.PostFormValue("password") != "secret" { // a program would call password.Verify
			guard.Refuse(w, r, guard.Unauthorized("Invalid credentials"))
			return
		}
		if err := attempt.Succeed(r.Context()); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "welcome")
	}

	try := func(password string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/login", strings.NewReader("email=alice@example.com&password="+password))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		login(w, r)
		fmt.Println(w.Code, w.Body)
	}
	try("secret")
	for range 6 {
		try("guess")
	}

	// Output:
	// 200 welcome
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 429 {"error":"Too Many Requests","message":"Too many login attempts. Try again later."}
}

// One quota per user and route, and a second one for the day.
func ExampleOptions_also() {
	type User struct{ ID string }
	key := ratelimit.Join(
		ratelimit.ByPrincipal(func(u User) string { return u.ID }),
		func(r *http.Request) (string, error) { return r.Pattern, nil },
	)
	perUser := guard.Must(ratelimit.New(ratelimit.Limit{Name: "burst", Quota: 2, Window: time.Second}, key, &ratelimit.Options{
		Also: []ratelimit.Limit{{Name: "daily", Quota: 1000, Window: 24 * time.Hour}},
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /reports", perUser.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))

	r := httptest.NewRequest("GET", "/reports", nil)
	r = r.WithContext(guard.WithPrincipal(r.Context(), User{"1"})) // an authentication step would
	for range 3 {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Retry-After"])
	}

	// Output:
	// 200 []
	// 200 []
	// 429 [1]
}

// An operator resets the count of an address: ByIP returns its key for a made-up
// request.
func ExampleLimiter_Reset() {
	byIP := ratelimit.ByIP(clientip.Direct())
	perIP := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Hour}, byIP, nil))
	h := perIP.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	get := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)) // from 192.0.2.1
		return w.Code
	}
	fmt.Println(get(), get())

	key, err := byIP(&http.Request{RemoteAddr: net.JoinHostPort("192.0.2.1", "0")})
	if err != nil {
		fmt.Println(err) // not an address
		return
	}
	if err := perIP.Reset(context.Background(), key); err != nil {
		fmt.Println(err) // the store failed
		return
	}
	fmt.Println(get())

	// Output:
	// 200 429
	// 200
}
