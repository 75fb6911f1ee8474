package session_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// A login takes a password and then a code. Until the code is right, no other handler
// accepts the cookie.
func ExampleManager_Step() {
	type Profile struct{ Name string }
	sessions := guard.Must(session.New[Profile](nil))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here.
		if _, err := sessions.Create(w, r, "1", Profile{"Alice"}, session.Factors("pwd"), session.Pending("totp", 5*time.Minute)); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "enter the code")
	})
	totp := func(w http.ResponseWriter, r *http.Request, half *session.Session[Profile]) {
		if r.FormValue("code") != "123456" { // of the user half.Sub(); limit the attempts
			guard.Refuse(w, r, guard.Unauthorized("Wrong code"))
			return
		}
		if _, err := sessions.Create(w, r, half.Sub(), half.Data(), session.Factors("otp")); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "welcome")
	}
	mux.Handle("POST /login/totp", guard.Require(sessions.Step("totp"))(guard.HandlerFunc(totp)))
	mux.Handle("GET /", sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session[Profile]) {
		fmt.Fprintln(w, "Hello,", s.Data().Name, s.AMR())
	})))

	srv := httptest.NewTLSServer(mux)
	defer srv.Close()
	browser := srv.Client()
	browser.Jar = guard.Must(cookiejar.New(nil))
	show := func(res *http.Response, err error) {
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(res.StatusCode, string(body))
	}
	show(browser.Post(srv.URL+"/login", "", nil))
	show(browser.Get(srv.URL + "/"))
	show(browser.PostForm(srv.URL+"/login/totp", url.Values{"code": {"000000"}}))
	show(browser.PostForm(srv.URL+"/login/totp", url.Values{"code": {"123456"}}))
	show(browser.Get(srv.URL + "/"))
	show(browser.PostForm(srv.URL+"/login/totp", url.Values{"code": {"123456"}}))
	// Output:
	// 200 enter the code
	// 401 {"error":"Unauthorized","message":"Not authenticated"}
	// 401 {"error":"Unauthorized","message":"Wrong code"}
	// 200 welcome
	// 200 Hello, Alice [pwd otp]
	//
	// 401 {"error":"Unauthorized","message":"Not authenticated"}
}

// A login with the old password that began before its change does not survive it: the
// epoch is read before the hash, and DestroyAll is called after the hash was written.
func ExampleAtEpoch() {
	sessions := guard.Must(session.New[struct{}](nil))
	hashes := map[string]string{"1": "hash of the old password"}
	ctx := context.Background()
	request := httptest.NewRequest("POST", "/login", nil)

	epoch, err := sessions.Epoch(ctx, "1")
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := hashes["1"]

	// Meanwhile, another request changes the password.
	hashes["1"] = "hash of the new password"
	if _, err := sessions.DestroyAll(ctx, "1"); err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println("verified:", hash)
	w := httptest.NewRecorder()
	if _, err := sessions.Create(w, request, "1", struct{}{}, session.AtEpoch(epoch)); err != nil {
		guard.Refuse(w, request, err)
	}
	fmt.Println(w.Code, w.Body)
	// Output:
	// verified: hash of the old password
	// 401 {"error":"Unauthorized","message":"Sign in again"}
}

// An identity provider ends its session, and with it those that began with it.
func ExampleManager_DestroyRef() {
	sessions := guard.Must(session.New[struct{}](nil))
	const issuer, sid = "https://id.example.com", "08a5019c" // from the ID token; later from the logout token
	callback := httptest.NewRequest("GET", "/callback", nil)
	if _, err := sessions.Create(httptest.NewRecorder(), callback, "1", struct{}{}, session.Ref(issuer+" "+sid)); err != nil {
		fmt.Println(err)
		return
	}
	n, err := sessions.DestroyRef(context.Background(), issuer+" "+sid, "2") // a logout token with another sub
	fmt.Println(n, err)
	n, err = sessions.DestroyRef(context.Background(), issuer+" "+sid, "") // one without a sub
	fmt.Println(n, err)
	// Output:
	// 0 <nil>
	// 1 <nil>
}
