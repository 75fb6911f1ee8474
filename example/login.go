package main

import (
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// A login is the body of a login request.
type login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// errCredentials answers both a wrong password and an unknown e-mail.
var errCredentials = guard.Unauthorized("Invalid credentials")

// loginErrors sets the error format of logins: a 401 has the member "error" alone.
var loginErrors = guard.OnError(format.ByStatus(map[int]guard.ErrorHandler{http.StatusUnauthorized: errorOnly}, guard.JSON))

// checkLogin returns the user whose e-mail and password are in the request's body.
// Its error is for guard.Refuse.
func checkLogin(r *http.Request, users *Users) (User, error) {
	var in login
	if err := readObject(r, &in); err != nil {
		return User{}, err
	}
	u, found, err := users.Login(r.Context(), in.Email, in.Password)
	return guard.Resolve(u, found, err, errCredentials)
}
