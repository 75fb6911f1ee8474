package password_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/password"
)

// An Account is a row of Accounts.
type Account struct{ Email, Hash string }

// Accounts stand for a table of a database.
type Accounts map[string]Account

// ByEmail returns an account and the hash of its password.
func (t Accounts) ByEmail(_ context.Context, email string) (Account, string, bool, error) {
	a, found := t[email]
	return a, a.Hash, found, nil // an error here is an outage: 5xx, never 401
}

// SetHash is a compare-and-swap: UPDATE … SET hash = $new WHERE email = $email AND
// hash = $old.
func (t Accounts) SetHash(_ context.Context, a Account, old, replacement string) (swapped bool, err error) {
	if t[a.Email].Hash != old {
		return false, nil
	}
	t[a.Email] = Account{a.Email, replacement}
	return true, nil
}

// A login: a wrong password and an unknown account get the same answer after the same
// time, and failures are limited.
func Example() {
	const alice = "alice@example.com"
	table := Accounts{alice: {alice, guard.Must(password.Hash(context.Background(), "correct horse"))}}
	logins := guard.Must(password.NewLogin(table.ByEmail, &password.LoginOptions[Account]{
		Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
			Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
		})),
		Rehash: table.SetHash,
	}))
	login := func(w http.ResponseWriter, r *http.Request) {
		a, err := logins.Check(r, r.PostFormValue("email"), r.PostFormValue("password"))
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "welcome, ", a.Email) // a program would create a session or issue a token
	}

	for _, try := range [][2]string{
		{alice, "correct horse"}, {" Alice@Example.com", "correct horse"}, {"mallory@example.com", "guess"},
		{alice, "guess"}, {alice, "another"}, {alice, "a third"}, {alice, "correct horse"},
	} {
		form := url.Values{"email": {try[0]}, "password": {try[1]}}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		login(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 welcome, alice@example.com
	// 200 welcome, alice@example.com
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 401 {"error":"Unauthorized","message":"Invalid credentials"}
	// 429 {"error":"Too Many Requests","message":"Too many login attempts. Try again later."}
}

// Hashes without a Login, such as those of a command.
func ExampleHash() {
	ctx := context.Background()
	encoded, err := password.Hash(ctx, "correct horse")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(password.Verify(ctx, encoded, "correct horse"))
	fmt.Println(password.Verify(ctx, encoded, "battery staple"))
	fmt.Println(password.Verify(ctx, "", "battery staple")) // an unknown user
	// Output:
	// true false <nil>
	// false false <nil>
	// false false <nil>
}
