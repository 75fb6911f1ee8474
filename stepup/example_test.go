package stepup_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// The page that enrolls a second factor requires a recent sign-in, with the factor where
// there is one already: otherwise the password alone would replace it.
func ExampleFactorIfEnrolled() {
	enrolled := map[string]bool{"bob": true}
	has := func(_ context.Context, subject string) (bool, error) { return enrolled[subject], nil } // totp.Factors.Status
	manage := stepup.Require(stepup.Within(5*time.Minute), stepup.FactorIfEnrolled(has, "otp", "hwk", "swk"))
	page := manage(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Scan this") }))

	for _, subject := range []string{"alice", "bob"} {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, guardtest.As(httptest.NewRequest("GET", "/factors", nil), guardtest.Session(subject, struct{}{}, "pwd"), nil))
		fmt.Println(subject, w.Code, w.Body)
	}
	// Output:
	// alice 200 Scan this
	// bob 401 {"error":"Unauthorized","message":"Recent authentication required"}
}

// A transfer needs a sign-in of the last five minutes, with a second factor or a passkey.
func ExampleRequire() {
	sessions := guard.Must(session.New[struct{}](nil))
	sudo := stepup.Require(stepup.Within(5*time.Minute), stepup.Factor("otp", "hwk", "swk"))
	transfer := guard.Chain(guard.Optional(sessions), sudo)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Transferred")
	}))

	w := httptest.NewRecorder()
	transfer.ServeHTTP(w, httptest.NewRequest("POST", "/transfer", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))

	// In a test of the handler:
	for _, factor := range []string{"pwd", "otp"} {
		w = httptest.NewRecorder()
		s := guardtest.Session("alice", struct{}{}, factor)
		sudo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Transferred") })).
			ServeHTTP(w, guardtest.As(httptest.NewRequest("POST", "/transfer", nil), s, nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 401 Session error="insufficient_user_authentication", max_age="300"
	// 401 {"error":"Unauthorized","message":"Recent authentication required"}
	// 200 Transferred
}
