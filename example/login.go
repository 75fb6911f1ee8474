package main

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/ratelimit"
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

// newAttempts limits the failures of a login, for each address and each account. All that
// check the passwords of the same accounts must share it: or else each is another way to
// guess them.
func newAttempts(set settings, purpose string, o ratelimit.LoginOptions) (*ratelimit.Login, error) {
	o.Store, o.Secret = set.stores.Limits, set.derive(purpose)
	o.Timeout = time.Second // a login waits for a slow store rather than be refused
	return ratelimit.NewLogin(set.clientIP(), &o)
}

// guideAttempts are the limits of the logins for which the guide names none. They leave
// room to try the guide, and are not for an application: its limits are the defaults, or
// those of section complete.
var guideAttempts = ratelimit.LoginOptions{
	Address: ratelimit.Limit{Quota: 300, Window: 15 * time.Minute},
	Account: ratelimit.Limit{Quota: 100, Window: time.Hour},
}

// newLogin returns the check of passwords.
func newLogin(users loginUsers, o password.LoginOptions[User]) *password.Login[User] {
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
	// Without an e-mail, Check would answer 400. As in the guide it is 401, like a wrong one:
	// no account has this name.
	return logins.Check(r, cmp.Or(strings.TrimSpace(in.Email), "-"), in.Password)
}
