package password_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/password"
)

// A user is a row of the table accounts.
type user struct {
	ID, Hash string
	Epoch    int64
}

func (u user) Sub() string { return u.ID }

// accounts stand for a table of a database.
type accounts struct {
	rows    map[string]user
	lookups []string
}

func (a *accounts) byEmail(_ context.Context, email string) (user, string, bool, error) {
	a.lookups = append(a.lookups, email)
	u, found := a.rows[email]
	return u, u.Hash, found, nil
}

func (a *accounts) rehash(_ context.Context, u user, old, replacement string) (bool, error) {
	for email, row := range a.rows {
		if row.ID == u.ID && row.Hash == old {
			row.Hash = replacement
			a.rows[email] = row
			return true, nil
		}
	}
	return false, nil
}

// newAccounts has alice, whose password is "secret", and carol, who has none.
func newAccounts(t *testing.T, h *password.Hasher) *accounts {
	t.Helper()
	return &accounts{rows: map[string]user{
		"alice@example.com": {ID: "1", Hash: hash(t, h, "secret")},
		"carol@example.com": {ID: "3"},
	}}
}

// attempts returns a limiter of two failures per account.
func attempts(t *testing.T) *ratelimit.Login {
	t.Helper()
	return guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Address: ratelimit.Limit{Quota: 100, Window: time.Hour},
		Account: ratelimit.Limit{Quota: 2, Window: time.Hour},
	}))
}

// A checked is the outcome of one Check, and the answer to it.
type checked struct {
	*httptest.ResponseRecorder
	user      user
	err       error
	decisions []guard.Decision // of package password
}

// check runs Check within Observe, and answers as a handler does.
func check(t *testing.T, l *password.Login[user], email, pw string) (c checked) {
	t.Helper()
	c.ResponseRecorder = answer(func(r *http.Request) error {
		c.user, c.err = l.Check(r, email, pw)
		return c.err
	}, func(d guard.Decision) {
		if d.Package != "ratelimit" {
			c.decisions = append(c.decisions, d)
		}
	})
	if (c.err != nil) != (c.user == user{}) {
		t.Errorf("Check(%q) = %+v, %v", email, c.user, c.err)
	}
	return c
}

// answer answers a request with the error of f, if any, within Observe.
func answer(f func(r *http.Request) error, observe func(guard.Decision)) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	observed := guard.Observe(func(_ *http.Request, d guard.Decision) { observe(d) })
	observed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(r); err != nil {
			guard.Refuse(w, r, err)
		}
	})).ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	return w
}
