package password_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/password"
)

// A stranger who uses up the failures of an account does not lock out its owner, on a
// device that signed in before.
func ExampleNewDevices() {
	key := make([]byte, 32) // from the environment: all processes need the same one
	rand.Read(key)
	epoch := func(context.Context, string) (int64, error) { return 0, nil } // sessions.Epoch
	devices := guard.Must(password.NewDevices(key, epoch, nil))
	attempts := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Account:  ratelimit.Limit{Quota: 2, Window: time.Hour}, // 10 by default
		DeviceOf: devices.Of,
	}))

	// After all factors: the account as it is typed, the subject, and the epoch from
	// before the password was verified.
	w := httptest.NewRecorder()
	err := devices.Remember(w, httptest.NewRequest("POST", "/login", nil), password.Device{Account: "alice@example.com", Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}

	try := func(cookies ...*http.Cookie) {
		r := httptest.NewRequest("POST", "/login", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		attempt, err := attempts.Attempt(r, "alice@example.com") // password.Login.Check does
		if err != nil {
			fmt.Println(err)
			return
		}
		attempt.Fail(r.Context())
		fmt.Println("a password can be tried")
	}
	for range 3 {
		try()
	}
	try(w.Result().Cookies()...)
	// Output:
	// a password can be tried
	// a password can be tried
	// guard: 429 Too Many Requests: Too many login attempts. Try again later.: ratelimit: the quota of "login-account" is used up
	// a password can be tried
}

// After all factors of a login: the cookie lists the account on this device.
func ExampleDevices_Remember() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	devices := guard.Must(password.NewDevices(key, func(context.Context, string) (int64, error) { return 7, nil }, nil))

	w := httptest.NewRecorder()
	err := devices.Remember(w, httptest.NewRequest("POST", "/login", nil), password.Device{
		Account: "alice@example.com", // as it was typed
		Subject: "1",
		Epoch:   7, // sessions.Epoch, from before the password was verified
	})
	fmt.Println(w.Result().Cookies()[0].Name, err)
	// Output: __Host-device <nil>
}

// Of is a field of the limit of failed logins. A stranger has no number.
func ExampleDevices_Of() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	devices := guard.Must(password.NewDevices(key, func(context.Context, string) (int64, error) { return 0, nil }, nil))
	_, err := ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{DeviceOf: devices.Of})
	fmt.Println(err)

	_, found, err := devices.Of(httptest.NewRequest("POST", "/login", nil), "alice@example.com")
	fmt.Println(found, err)
	// Output:
	// <nil>
	// false <nil>
}
