package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// newLogins returns a limiter of 3 failures an hour on an account.
func newLogins() *ratelimit.Login {
	return guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
	}))
}

// signIn returns the request of a login.
func signIn(email, password string) *http.Request {
	r := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"email": {email}, "password": {password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// An attempt begins before the password is checked. Package signin/password does all this.
func ExampleLogin_Attempt() {
	logins := newLogins()
	verified := func(password string) bool { return password == "right" } // password.Verify, with the account's hash
	login := func(w http.ResponseWriter, r *http.Request) {
		attempt, err := logins.Attempt(r, r.PostFormValue("email"))
		if err != nil {
			guard.Refuse(w, r, err) // 400, 429 or 503
			return
		}
		defer attempt.Fail(r.Context()) // no effect after Succeed
		if !verified(r.PostFormValue("password")) {
			guard.Refuse(w, r, guard.Unauthorized("Invalid credentials"))
			return
		}
		if err := attempt.Succeed(r.Context()); err != nil {
			guard.Refuse(w, r, err)
		}
	}

	for _, password := range []string{"wrong", "wrong", "right", "wrong", "wrong", "wrong", "right"} {
		w := httptest.NewRecorder()
		login(w, signIn("alice@example.com", password))
		fmt.Println(password, w.Code)
	}
	// Output:
	// wrong 401
	// wrong 401
	// right 200
	// wrong 401
	// wrong 401
	// wrong 401
	// right 429
}

// The password was right: the failures before it are undone.
func ExampleAttempt_Succeed() {
	logins := newLogins()
	for _, right := range []bool{false, true, false} {
		r := signIn("alice@example.com", "a password")
		attempt, err := logins.Attempt(r, "alice@example.com")
		if err != nil {
			fmt.Println(err)
			return
		}
		if left, ok := attempt.Remaining("login-account"); ok {
			fmt.Println(left, "failures left if this attempt fails")
		}
		if !right {
			attempt.Fail(r.Context())
			continue
		}
		if err := attempt.Succeed(r.Context()); err != nil {
			fmt.Println(err) // the store failed, and the attempt still counts; the login may go on
		}
	}
	// Output:
	// 2 failures left if this attempt fails
	// 1 failures left if this attempt fails
	// 2 failures left if this attempt fails
}

// The password was wrong: without Fail, others would wait until the request ends.
func ExampleAttempt_Fail() {
	logins := newLogins()
	for range 4 {
		r := signIn("alice@example.com", "wrong")
		attempt, err := logins.Attempt(r, r.PostFormValue("email"))
		if err != nil {
			fmt.Println(err)
			return
		}
		attempt.Fail(r.Context())
	}
	// Output: guard: 429 Too Many Requests: Too many login attempts. Try again later.: ratelimit: the quota of "login-account" is used up
}

// The database was down, and no password was checked: no one has failed.
func ExampleAttempt_Withdraw() {
	logins := newLogins()
	errDown := errors.New("the database is down")
	login := func(r *http.Request, check func(email, password string) (bool, error)) error {
		attempt, err := logins.Attempt(r, r.PostFormValue("email"))
		if err != nil {
			return err
		}
		defer attempt.Fail(r.Context()) // no effect after Withdraw
		switch right, err := check(r.PostFormValue("email"), r.PostFormValue("password")); {
		case err != nil:
			return guard.Unavailable(errors.Join(err, attempt.Withdraw(r.Context())))
		case !right:
			return guard.Unauthorized("Invalid credentials")
		}
		return attempt.Succeed(r.Context())
	}

	for range 4 { // one more than the failures that an account has
		fmt.Println(login(signIn("alice@example.com", "right"), func(string, string) (bool, error) { return false, errDown }))
	}
	// Output:
	// guard: 503 Service Unavailable: the database is down
	// guard: 503 Service Unavailable: the database is down
	// guard: 503 Service Unavailable: the database is down
	// guard: 503 Service Unavailable: the database is down
}

// The form says how many attempts are left.
func ExampleAttempt_Remaining() {
	logins := newLogins()
	for range 3 {
		r := signIn("alice@example.com", "wrong")
		attempt, err := logins.Attempt(r, r.PostFormValue("email"))
		if err != nil {
			fmt.Println(err)
			return
		}
		attempt.Fail(r.Context())
		if left, ok := attempt.Remaining("login-account"); ok {
			fmt.Println("Wrong password. Attempts left:", left)
		}
	}
	// Output:
	// Wrong password. Attempts left: 2
	// Wrong password. Attempts left: 1
	// Wrong password. Attempts left: 0
}

// All spellings of an account share its failures, so the lookup uses the same one.
func ExampleLogin_Normalize() {
	logins := newLogins()
	fmt.Println(logins.Normalize(" Alice@Example.com "))
	// Output: alice@example.com
}

// After a reset of the password, the failures on the account are undone.
func ExampleLogin_Reset() {
	logins := newLogins()
	try := func() error {
		r := signIn("alice@example.com", "wrong")
		attempt, err := logins.Attempt(r, r.PostFormValue("email"))
		if err == nil {
			attempt.Fail(r.Context())
		}
		return err
	}
	for range 3 {
		if err := try(); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(try())
	if err := logins.Reset(context.Background(), "alice@example.com"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(try())
	// Output:
	// guard: 429 Too Many Requests: Too many login attempts. Try again later.: ratelimit: the quota of "login-account" is used up
	// <nil>
}
