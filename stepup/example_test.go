package stepup_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
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

// A sign-in of the last five minutes: an older session is refused, however often it was used.
func ExampleWithin() {
	recent := stepup.Require(stepup.Within(5 * time.Minute))
	h := recent(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "E-mail changed") }))

	for _, age := range []time.Duration{time.Minute, time.Hour} {
		signedIn := guardtest.SessionSince("alice", struct{}{}, time.Now().Add(-age), "pwd")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, guardtest.As(httptest.NewRequest("POST", "/email", nil), signedIn, nil)) // in a program: sessions.Wrap
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 E-mail changed
	// 401 {"error":"Unauthorized","message":"Recent authentication required"}
}

// A password and one of two second factors: each Factor must hold.
func ExampleFactor() {
	strong := stepup.Require(stepup.Factor("pwd"), stepup.Factor("otp", "hwk"))
	h := strong(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Exported") }))

	for _, factors := range [][]string{{"pwd"}, {"pwd", "otp"}, {"hwk"}} {
		signedIn := guardtest.Session("alice", struct{}{}, factors...) // as session.Factors set them
		w := httptest.NewRecorder()
		h.ServeHTTP(w, guardtest.As(httptest.NewRequest("GET", "/export", nil), signedIn, nil))
		fmt.Println(factors, w.Code)
	}
	// Output:
	// [pwd] 401
	// [pwd otp] 200
	// [hwk] 401
}

// The identity provider names the class of the sign-in, which session.ACR keeps. The refusal
// names the classes that are accepted, for the acr_values of the next request to it.
func ExampleACR() {
	sessions := guard.Must(session.New[struct{}](nil))
	strong := stepup.Require(stepup.ACR("phrh", "phr"))
	h := guard.Chain(guard.Optional(sessions), strong)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Account 1")
	}))

	for _, acr := range []string{"urn:example:password", "phr"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/accounts", nil)
		if _, err := sessions.Create(w, r, "alice", struct{}{}, session.ACR(acr)); err != nil {
			fmt.Println(err)
			return
		}
		r.AddCookie(w.Result().Cookies()[0])
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 401 Session error="insufficient_user_authentication", acr_values="phrh phr"
	// 200
}

// Browsers of people who have no second factor yet are led to the page that enrolls one.
func ExampleEnroll() {
	has := func(_ context.Context, subject string) (bool, error) { return subject == "bob", nil } // totp.Factors.Status
	sudo := stepup.Require(stepup.Factor("otp"), stepup.Enroll("/factors", has))
	mux := http.NewServeMux()
	mux.Handle("GET /payout", sudo(http.NotFoundHandler()))
	h := guard.OnError(format.HTML("/login", nil))(mux)

	for _, subject := range []string{"alice", "bob"} {
		r := httptest.NewRequest("GET", "/payout", nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, guardtest.As(r, guardtest.Session(subject, struct{}{}, "pwd"), nil)) // in a program: sessions.Wrap
		fmt.Println(subject, w.Code, w.Header().Get("Location"))
	}
	// Output:
	// alice 303 /factors?next=%2Fpayout
	// bob 303 /login?next=%2Fpayout
}
