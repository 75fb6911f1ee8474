package password_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// TestOutageIsNoAttempt: while the database was down, logins used up the failures of
// their addresses and accounts, and people were locked out when it was back. A client
// that left has failed.
func TestOutageIsNoAttempt(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	down := true
	l := guard.Must(password.NewLogin(func(ctx context.Context, email string) (user, string, bool, error) {
		if down {
			return user{}, "", false, guard.Unavailable(errors.New("down"))
		}
		return table.byEmail(ctx, email)
	}, &password.LoginOptions[user]{Attempts: attempts(t), Hasher: h}))
	want := func(email, pw string, status int) {
		t.Helper()
		if c := check(t, l, email, pw); c.Code != status || len(c.decisions) > 1 {
			t.Errorf("%d, want %d; %+v", c.Code, status, c.decisions)
		}
	}
	for range 10 {
		want("alice@example.com", "secret", 503)
	}
	down = false
	want("alice@example.com", "wrong", 401)
	down = true
	want("alice@example.com", "secret", 503)
	down = false
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0)) // of http.TimeoutHandler, for a slow database
	defer stop()
	for range 10 {
		if _, err := l.Check(httptest.NewRequestWithContext(late, "POST", "/", nil), "alice@example.com", "secret"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too late: %v", err)
		}
	}
	want("alice@example.com", "secret", 200)
	want("alice@example.com", "wrong", 401)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := l.Check(httptest.NewRequestWithContext(ctx, "POST", "/", nil), "alice@example.com", "guess"); err == nil {
		t.Error("a client that left signed in")
	}
	want("alice@example.com", "secret", 429)
}
