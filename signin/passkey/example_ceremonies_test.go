package passkey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// The passkeys of a site, also for the pages of its host for accounts.
func ExampleNew() {
	key := []byte(strings.Repeat("k", 32))      // 32 random bytes, the same in all processes
	store := guard.Must(passkey.NewMemory(nil)) // stores.Passkeys() of package sqlstore
	_, err := passkey.New("example.com", []string{"https://example.com", "https://accounts.example.com"}, key, store, &passkey.Options{
		Name: "Acme",
		// Once: stores.Once(), with several processes
	})
	fmt.Println(err)
	// Output: <nil>
}

// A store for tests and trials, which keeps passkeys until the process ends.
func ExampleNewMemory() {
	store, err := passkey.NewMemory(&passkey.MemoryOptions{Max: 1000})
	if err != nil {
		log.Fatal(err)
	}
	_, err = passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), store, nil)
	fmt.Println(err)
	// Output: <nil>
}

// The first of the two requests of a registration, by someone who signed in a short while
// ago.
func ExampleRelyingParty_RegisterOptions() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	handler := func(w http.ResponseWriter, r *http.Request) {
		// The account of the session: see package stepup.
		if err := keys.RegisterOptions(w, r, passkey.Account{Subject: "1", Name: "alice@example.com"}); err != nil {
			guard.Refuse(w, r, err)
		}
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("POST", "/passkey/register/options", nil))
	var options struct{ User struct{ Name string } }
	err := json.Unmarshal(w.Body.Bytes(), &options)
	fmt.Println(w.Code, options.User.Name, err)
	// Output: 200 alice@example.com <nil>
}

// The second request of a registration, with the credential of the browser.
func ExampleRelyingParty_Register() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	options := httptest.NewRecorder()
	err := keys.RegisterOptions(options, httptest.NewRequest("POST", "/passkey/register/options", nil), passkey.Account{Subject: "1", Name: "alice@example.com"})
	if err != nil {
		log.Fatal(err)
	}
	response := guard.Must(passkeytest.NewAuthenticator("http://localhost:8080").Create(options.Body.Bytes())) // the browser does this

	r := httptest.NewRequest("POST", "/passkey/register", bytes.NewReader(response))
	r.AddCookie(options.Result().Cookies()[0])
	c, err := keys.Register(httptest.NewRecorder(), r, "1") // the account of the session
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	fmt.Println(c.Subject, c.Name) // mail the owner
	// Output: 1 Passkey
}

// The first of the two requests of a sign-in, by anyone.
func ExampleRelyingParty_LoginOptions() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	handler := func(w http.ResponseWriter, r *http.Request) {
		if err := keys.LoginOptions(w, r); err != nil {
			guard.Refuse(w, r, err)
		}
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("POST", "/passkey/login/options", nil))
	var options struct{ RPID, UserVerification string }
	err := json.Unmarshal(w.Body.Bytes(), &options)
	fmt.Println(w.Code, options.RPID, options.UserVerification, err)
	// Output: 200 localhost required <nil>
}

// The second request of a sign-in. Both factors are in it.
func ExampleRelyingParty_Login() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	login := func(w http.ResponseWriter, r *http.Request) {
		c, err := keys.Login(w, r)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		// sessions.Create(w, r, c.Subject, data, session.Factors(c.Factor()))
		fmt.Fprint(w, "welcome, ", c.Subject)
	}

	w := httptest.NewRecorder()
	login(w, httptest.NewRequest("POST", "/passkey/login", strings.NewReader(`{"id":"forged"}`)))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":"Unauthorized","message":"Invalid passkey"}
}

// A passkey as the second factor after a password: one of another account is refused.
func ExampleRelyingParty_Verify() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	second := func(w http.ResponseWriter, r *http.Request) {
		subject := "1" // of the half sign-in: see session.Manager.Step
		c, err := keys.Verify(w, r, subject)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		// sessions.Create(w, r, subject, data, session.Factors(c.Factor()))
		fmt.Fprint(w, "welcome, ", c.Subject)
	}

	w := httptest.NewRecorder()
	second(w, httptest.NewRequest("POST", "/login/passkey", strings.NewReader(`{"id":"forged"}`)))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":"Unauthorized","message":"Invalid passkey"}
}
