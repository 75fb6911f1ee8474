package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// loginRequest returns the request of a login form, after the password was checked.
func loginRequest() *http.Request {
	return httptest.NewRequest("POST", "https://example.com/login", nil)
}

// A shop whose sessions last a week. The error has every mistake of the options.
func ExampleNew() {
	type Profile struct{ Name string } // of each session
	sessions, err := session.New[Profile](&session.Options{
		Lifetime:    7 * 24 * time.Hour, // from the sign-in
		IdleTimeout: 24 * time.Hour,     // from the last use
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	sessions.Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Body)

	_, err = session.New[Profile](&session.Options{Lifetime: time.Hour, IdleTimeout: 2 * time.Hour, Name: "a b"})
	fmt.Println(err)
	// Output:
	// 401 {"error":"Unauthorized","message":"Not authenticated"}
	// session: cookie with Name "a b" and Domain "": http: invalid Cookie.Name
	// session: idle timeout 2h0m0s is not between a second and the lifetime, 1h0m0s
}

// A store in memory for at most 10,000 sessions, and 3 of each user.
func ExampleNewMemory() {
	store, err := session.NewMemory(&session.MemoryOptions{Max: 10_000, MaxPerSubject: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	sessions := guard.Must(session.New[struct{}](&session.Options{Store: store}))
	for range 4 { // the fourth replaces the one that was not used for longest
		if _, err := sessions.Create(httptest.NewRecorder(), loginRequest(), "1", struct{}{}); err != nil {
			fmt.Println(err)
		}
	}
	list, err := sessions.List(context.Background(), "1")
	fmt.Println(len(list), err)
	// Output: 3 <nil>
}

// A login handler that has checked the password. The example "Login" is a complete one.
func ExampleManager_Create() {
	type Profile struct{ Name string }
	sessions := guard.Must(session.New[Profile](nil))
	login := func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Create(w, r, "1", Profile{"Alice"}); err != nil {
			guard.Refuse(w, r, err) // 401, 403, 431 or 5xx
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}

	w := httptest.NewRecorder()
	login(w, loginRequest())
	c := w.Result().Cookies()[0]
	fmt.Println(w.Code, c.Name, c.Secure, c.HttpOnly, c.SameSite == http.SameSiteLaxMode)
	// Output: 303 __Host-session true true true
}

// Another website sends the login form of its visitor. The check comes before the body is
// read and before an attempt is counted.
func ExampleManager_CheckOrigin() {
	sessions := guard.Must(session.New[struct{}](nil))
	login := func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.CheckOrigin(r); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		// Read the form, check the password, and call Create.
	}

	for _, site := range []string{"same-origin", "cross-site"} {
		r, w := loginRequest(), httptest.NewRecorder()
		r.Header.Set("Sec-Fetch-Site", site) // by the browser
		login(w, r)
		fmt.Println(site, w.Code)
	}
	// Output:
	// same-origin 200
	// cross-site 403
}

// "Remember me" is a session of 30 days, whose cookie the browser keeps when it is closed.
func ExampleFor() {
	sessions := guard.Must(session.New[struct{}](nil))
	for _, remember := range []string{"", "on"} { // r.PostFormValue("remember")
		var lifetime time.Duration // that of the manager
		if remember == "on" {
			lifetime = 30 * 24 * time.Hour
		}
		w := httptest.NewRecorder()
		if _, err := sessions.Create(w, loginRequest(), "1", struct{}{}, session.For(lifetime)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("Max-Age", w.Result().Cookies()[0].MaxAge)
	}
	// Output:
	// Max-Age 0
	// Max-Age 2592000
}

// The session has the names of the factors by which its user signed in, which package
// stepup can require.
func ExampleFactors() {
	sessions := guard.Must(session.New[struct{}](nil))
	s, err := sessions.Create(httptest.NewRecorder(), loginRequest(), "1", struct{}{}, session.Factors("pwd", "otp"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.AMR())
	// Output: [pwd otp]
}

// An identity provider has named the class of the sign-in, which package stepup can require.
func ExampleACR() {
	sessions := guard.Must(session.New[struct{}](nil))
	acr := "phr" // of the ID token: phishing-resistant
	s, err := sessions.Create(httptest.NewRecorder(), loginRequest(), "1", struct{}{}, session.ACR(acr))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.ACR())
	// Output: phr
}

// The session also has the name that the identity provider has for it, by which a logout at
// the provider ends it.
func ExampleRef() {
	sessions := guard.Must(session.New[struct{}](nil))
	const issuer, sid = "https://id.example.com", "08a5019c" // of the ID token
	if _, err := sessions.Create(httptest.NewRecorder(), loginRequest(), "1", struct{}{}, session.Ref(issuer+" "+sid)); err != nil {
		fmt.Println(err)
		return
	}
	n, err := sessions.DestroyRef(context.Background(), issuer+" "+sid, "")
	fmt.Println(n, err)
	// Output: 1 <nil>
}

// The password was right, and a code follows: until then, only the handler of the code
// accepts the cookie. The example of Manager.Step is the whole login.
func ExamplePending() {
	sessions := guard.Must(session.New[struct{}](nil))
	w := httptest.NewRecorder()
	if _, err := sessions.Create(w, loginRequest(), "1", struct{}{}, session.Pending("totp", 5*time.Minute)); err != nil {
		fmt.Println(err)
		return
	}
	half := httptest.NewRequest("GET", "https://example.com/", nil)
	half.AddCookie(w.Result().Cookies()[0])

	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, step := range []guard.Middleware{sessions.Wrap, guard.Require(sessions.Step("totp"))} {
		w := httptest.NewRecorder()
		step(ok).ServeHTTP(w, half)
		fmt.Println(w.Code)
	}
	// Output:
	// 401
	// 200
}
