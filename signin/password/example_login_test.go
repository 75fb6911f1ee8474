package password_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/password"
)

// The login of an application whose accounts are in a database.
func ExampleNewLogin() {
	type User struct{ ID, Email string }
	byEmail := func(ctx context.Context, email string) (u User, hash string, found bool, err error) {
		// SELECT id, email, hash FROM users WHERE email = $1; sql.ErrNoRows is found == false
		return u, hash, false, nil
	}
	attempts, err := ratelimit.NewLogin(clientip.Direct(), nil) // 10 failures of an account, 20 of an address
	if err != nil {
		log.Fatal(err)
	}
	logins, err := password.NewLogin(byEmail, &password.LoginOptions[User]{Attempts: attempts})
	if err != nil {
		log.Fatal(err)
	}
	_, err = logins.Check(httptest.NewRequest("POST", "/login", nil), "mallory@example.com", "guess")
	fmt.Println(err)
	// Output: guard: 401 Unauthorized: Invalid credentials: password: invalid credentials: unknown account
}

// A form that shows wrong credentials in place. Other refusals are for guard.Refuse.
func ExampleLogin_Check() {
	hash := guard.Must(password.Hash(context.Background(), "correct horse"))
	logins := guard.Must(password.NewLogin(func(_ context.Context, email string) (id, encoded string, found bool, err error) {
		return "1", hash, email == "alice@example.com", nil
	}, &password.LoginOptions[string]{Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))}))

	for _, pw := range []string{"guess", "correct horse"} {
		id, err := logins.Check(httptest.NewRequest("POST", "/login", nil), "alice@example.com", pw)
		switch {
		case errors.Is(err, password.ErrCredentials):
			fmt.Println("show the form again, with 401")
		case err != nil:
			fmt.Println(err) // guard.Refuse(w, r, err)
		default:
			fmt.Println("create a session of", id)
		}
	}
	// Output:
	// show the form again, with 401
	// create a session of 1
}
