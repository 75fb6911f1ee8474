package main

import (
	"context"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/signin/password"
)

// A login is the body of a login request.
type login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// loginErrors sets the error format of logins: a 401 has the member "error" alone.
var loginErrors = guard.OnError(format.ByStatus(map[int]guard.ErrorHandler{http.StatusUnauthorized: errorOnly}, guard.JSON))

// loginUsers stores users with passwords: Users or a Directory.
type loginUsers interface {
	ByEmail(ctx context.Context, email string) (u User, hash string, found bool, err error)
	SetHash(ctx context.Context, u User, old, replacement string) (swapped bool, err error)
}

// newLogin returns the check of passwords. opts may be nil. Without Attempts, failures
// are not limited, as in the guide.
func newLogin(users loginUsers, opts *password.LoginOptions[User]) *password.Login[User] {
	var o password.LoginOptions[User]
	if opts != nil {
		o = *opts
	}
	o.InsecureUnlimited = o.Attempts == nil
	o.Rehash = users.SetHash
	o.Subject = func(u User) string { return u.ID }
	return guard.Must(password.NewLogin(users.ByEmail, &o))
}

// checkLogin returns the user whose e-mail and password are in the request's body.
// Its error is for guard.Refuse.
func checkLogin(r *http.Request, logins *password.Login[User]) (User, error) {
	var in login
	if err := readObject(r, &in); err != nil {
		return User{}, err
	}
	return logins.Check(r, in.Email, in.Password)
}
