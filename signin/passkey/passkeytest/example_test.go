package passkeytest_test

import (
	"bytes"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// A device whose passkeys are synced, and one on the page of another site, whose response a
// handler must refuse.
func ExampleNewAuthenticator() {
	phone := passkeytest.NewAuthenticator("http://localhost:8080")
	phone.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp

	phished := passkeytest.NewAuthenticator("http://localhost:8080")
	phished.Tamper = func(s *passkeytest.Statement) { s.ClientData["origin"] = "https://evil.example" }

	options := []byte(`{"challenge":"Y2hhbGxlbmdl","rp":{"id":"localhost"},"user":{"id":"aGFuZGxl"}}`) // of RegisterOptions
	for _, device := range []*passkeytest.Authenticator{phone, phished} {
		response, err := device.Create(options)
		fmt.Println(bytes.Contains(response, []byte(`"clientDataJSON"`)), err) // POST it to the handler
	}
	// Output:
	// true <nil>
	// true <nil>
}

// A test of the handlers of a registration.
func ExampleAuthenticator_Create() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	device := passkeytest.NewAuthenticator("http://localhost:8080")

	options := httptest.NewRecorder()
	err := keys.RegisterOptions(options, httptest.NewRequest("POST", "/", nil), passkey.Account{Subject: "1", Name: "alice@example.com"})
	if err != nil {
		log.Fatal(err)
	}
	response, err := device.Create(options.Body.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/", bytes.NewReader(response))
	r.AddCookie(options.Result().Cookies()[0])
	c, err := keys.Register(httptest.NewRecorder(), r, "1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Subject, c.Factor())
	// Output: 1 hwk
}

// A test of the handlers of a sign-in, here with a passkey that was removed.
func ExampleAuthenticator_Get() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	device := passkeytest.NewAuthenticator("http://localhost:8080")
	guard.Must(device.Create([]byte(`{"challenge":"Y2hhbGxlbmdl","rp":{"id":"localhost"},"user":{"id":"aGFuZGxl"}}`)))

	options := httptest.NewRecorder()
	if err := keys.LoginOptions(options, httptest.NewRequest("POST", "/", nil)); err != nil {
		log.Fatal(err)
	}
	response, err := device.Get(options.Body.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/", bytes.NewReader(response))
	r.AddCookie(options.Result().Cookies()[0])
	_, err = keys.Login(httptest.NewRecorder(), r)
	fmt.Println(err)
	// Output: guard: 401 Unauthorized: Invalid passkey: passkey: the credential is not registered
}
