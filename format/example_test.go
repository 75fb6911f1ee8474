package format_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// A site with pages and an API: a page that needs a sign-in leads to the login, and
// programs read JSON.
func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /inbox", func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, guard.Unauthorized("")) // a guard does this
	})
	h := guard.OnError(format.HTML("/login", format.Negotiate))(mux)

	r := httptest.NewRequest("GET", "/inbox", nil)
	r.Header.Set("Accept", "text/html,*/*;q=0.8") // a browser
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Location"))

	r.Header.Set("Accept", "*/*") // curl
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 303 /login?next=%2Finbox
	// 401 {"error":"Unauthorized","message":"Authentication required"}
}

// Pages without a login: a refused request gets a page with the message and a link.
func ExampleHTML() {
	h := guard.OnError(format.HTML("", nil))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, guard.Forbidden("Only members can read this"))
	}))

	r := httptest.NewRequest("GET", "/members", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Println(strings.Contains(w.Body.String(), "<p>Only members can read this</p>"))
	// Output:
	// 403 text/html; charset=utf-8
	// true
}

// A form that shows its own mistakes; programs read JSON.
func ExampleBrowser() {
	page := func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(e.Status)
		fmt.Fprintf(w, "<form method=post><p>%s</p>…", e.Message) // html/template, in an application
	}
	form := guard.OnError(format.Browser(page, nil))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, &guard.Error{Status: http.StatusUnprocessableEntity, Message: "The name is taken"})
	}))

	r := httptest.NewRequest("POST", "/names", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	form.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 422 <form method=post><p>The name is taken</p>…
}

// A login redirects to the page that asked for it, and never to another site.
func ExampleNext() {
	login := func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		// Check the password and create the session here.
		http.Redirect(w, r, format.Next(r, "/home"), http.StatusSeeOther)
	}

	for _, next := range []string{"/inbox?page=2", "https://evil.example/", ""} {
		form := url.Values{"next": {next}}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		login(w, r)
		fmt.Println(w.Header().Get("Location"))
	}
	// Output:
	// /inbox?page=2
	// /home
	// /home
}

// An API with problem details for all clients.
func ExampleProblem() {
	h := guard.OnError(format.Problem)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, guard.NotFound("No such post"))
	}))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/posts/1", nil))
	fmt.Println(w.Header().Get("Content-Type"), w.Body)
	// Output: application/problem+json {"title":"Not Found","status":404,"detail":"No such post","code":"not_found"}
}

// An API whose clients choose between the two formats of JSON.
func ExampleNegotiate() {
	h := guard.OnError(format.Negotiate)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, guard.NotFound("No such post"))
	}))

	for _, accept := range []string{"application/json", "application/problem+json"} {
		r := httptest.NewRequest("GET", "/posts/1", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Body)
	}
	// Output:
	// {"error":"Not Found","message":"No such post"}
	// {"title":"Not Found","status":404,"detail":"No such post","code":"not_found"}
}

// An outage has a page of its own, and every other refusal is JSON.
func ExampleByStatus() {
	outage := func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
		w.WriteHeader(e.Status)
		fmt.Fprint(w, "We are back soon. See https://status.example.com")
	}
	h := guard.OnError(format.ByStatus(map[int]guard.ErrorHandler{
		http.StatusServiceUnavailable: outage,
	}, nil))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, &guard.Error{Status: http.StatusServiceUnavailable})
	}))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 503 We are back soon. See https://status.example.com
}

// The clients of a token endpoint read the errors of OAuth.
func ExampleOAuth() {
	h := guard.OnError(format.OAuth)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, &guard.Error{Status: http.StatusBadRequest, Code: "invalid_scope", Message: "There is no scope admin"})
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/token", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 400 {"error":"invalid_scope","error_description":"There is no scope admin"}
}
