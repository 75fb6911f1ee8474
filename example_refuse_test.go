package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
)

// What each kind of error is answered with: its own answer, or a status without its text.
func ExampleRefuse() {
	for _, err := range []error{
		guard.Forbidden("This order is closed"),
		&guard.Error{Status: http.StatusConflict, Message: "This name is taken"},
		fmt.Errorf("load order 7: %w", context.DeadlineExceeded),
		errors.New("the password of the database is wrong"),
	} {
		h := func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, err) }
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest("POST", "/orders", nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 403 {"error":"Forbidden","message":"This order is closed"}
	// 409 {"error":"Conflict","message":"This name is taken"}
	// 503 {"error":"Service Unavailable","message":"The service is unavailable. Try again later."}
	// 500 {"error":"Internal Server Error","message":"The request could not be processed"}
}

// A handler that checks a second secret.
func ExampleUnauthorized() {
	h := func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("pin") != "4711" {
			guard.Refuse(w, r, guard.Unauthorized("Wrong PIN"))
		}
	}
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest("POST", "/door", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":"Unauthorized","message":"Wrong PIN"}
}

// A handler with a rule of its own.
func ExampleForbidden() {
	closed := true
	h := func(w http.ResponseWriter, r *http.Request) {
		if closed {
			guard.Refuse(w, r, guard.Forbidden("This order is closed"))
			return
		}
		fmt.Fprint(w, "changed")
	}
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest("PUT", "/orders/7", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 403 {"error":"Forbidden","message":"This order is closed"}
}

// What the principal may not see does not exist. An empty message is the default one.
func ExampleNotFound() {
	h := func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.NotFound("")) }
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest("GET", "/drafts/7", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 404 {"error":"Not Found","message":"Not found"}
}

// A lookup whose error would be answered 500: an outage is 503, and clients try again.
func ExampleUnavailable() {
	errBusy := errors.New("legacy: error 17")
	lookup := func(context.Context, string) (string, bool, error) { return "", false, guard.Unavailable(errBusy) }

	_, _, err := lookup(context.Background(), "1")
	w := httptest.NewRecorder()
	guard.Refuse(w, httptest.NewRequest("GET", "/", nil), err)
	fmt.Println(w.Code, w.Body, errors.Is(err, errBusy))
	// Output: 503 {"error":"Service Unavailable","message":"The service is unavailable. Try again later."} true
}

// The challenge of an authenticator of one's own.
func ExampleChallenge() {
	challenge, err := guard.Challenge("ServiceToken", "realm", `the "new" API`, "error", "")
	fmt.Println(challenge, err)
	// Output: ServiceToken realm="the \"new\" API" <nil>
}

// Requests of pages are redirected to a login page, all others get the default format.
// Package format has this one and more.
func ExampleJSON() {
	format := guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		if e.Status == http.StatusUnauthorized && strings.HasPrefix(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		guard.JSON(w, r, e)
	})
	h := format(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.Unauthorized("")) }))

	for _, accept := range []string{"text/html", "application/json"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Location"), w.Header().Get("Content-Type"))
	}
	// Output:
	// 303 /login text/html; charset=utf-8
	// 401  application/json
}

// All refusals in the application's own format. The status and the header fields of a
// refusal are set before.
func ExampleOnError() {
	format := guard.OnError(func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s: %s", e.Code, e.Message)
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.Forbidden("")) })

	w := httptest.NewRecorder()
	format(mux).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 403 access_denied: Access denied
}

// A guard builds its refusal once. Each answer is a clone, which the caller may change.
func ExampleError_Clone() {
	closed := &guard.Error{Status: http.StatusForbidden, Code: "shop_closed", Header: http.Header{"Retry-After": {"3600"}}}
	refusal := closed.Clone()
	refusal.Message = "We open at nine"
	refusal.Header.Set("Retry-After", "60")
	fmt.Printf("%q %s\n", closed.Message, closed.Header.Get("Retry-After"))
	// Output: "" 3600
}
