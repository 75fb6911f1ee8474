package password_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

func TestNewLogin(t *testing.T) {
	none := &accounts{}
	for name, tt := range map[string]struct {
		opts *password.LoginOptions[user]
		want string
	}{
		"no limit":              {nil, "needs Attempts"},
		"an unlimited limit":    {&password.LoginOptions[user]{Attempts: attempts(t), InsecureUnlimited: true}, "has Attempts and InsecureUnlimited"},
		"limited":               {&password.LoginOptions[user]{Attempts: attempts(t)}, ""},
		"limited by the caller": {&password.LoginOptions[user]{InsecureUnlimited: true}, ""},
	} {
		_, err := password.NewLogin(none.byEmail, tt.opts)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := password.NewLogin[user](nil, nil); err == nil || !strings.Contains(err.Error(), "is nil\n") {
		t.Errorf("not all mistakes are reported: %v", err)
	}
}

func TestCheck(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h}))
	const refused = `{"error":"Unauthorized","message":"Invalid credentials"}`
	for name, tt := range map[string]struct {
		email, pw, subject, reason string
		status                     int
		lookups                    int
	}{
		"right":               {"alice@example.com", "secret", "1", "", 200, 1},
		"another spelling":    {" ALICE@example.com\n", "secret", "1", "", 200, 1},
		"wrong":               {"alice@example.com", "Secret", "1", "wrong password", 401, 1},
		"no password":         {"alice@example.com", "", "1", "wrong password", 401, 1},
		"a long one":          {"alice@example.com", strings.Repeat("secret", 300), "1", "wrong password", 401, 1},
		"unknown":             {"mallory@example.com", "secret", "", "unknown account", 401, 1},
		"without a hash":      {"carol@example.com", "secret", "3", "wrong password", 401, 1},
		"neither":             {"carol@example.com", "", "3", "wrong password", 401, 1},
		"no account":          {"", "secret", "", "unknown account", 401, 0},
		"a blank account":     {" ", "", "", "unknown account", 401, 0},
		"a NUL":               {"alice@example.com\x00", "secret", "", "unknown account", 401, 0},
		"not UTF-8":           {"alice\xff@example.com", "secret", "", "unknown account", 401, 0},
		"a very long account": {strings.Repeat("a", 1025), "secret", "", "unknown account", 401, 0},
	} {
		t.Run(name, func(t *testing.T) {
			table.lookups = nil
			c := check(t, l, tt.email, tt.pw)
			if c.Code != tt.status || errors.Is(c.err, password.ErrCredentials) != (tt.status == 401) || len(table.lookups) != tt.lookups {
				t.Errorf("%d, %v, after %d lookups", c.Code, c.err, len(table.lookups))
			}
			if tt.status == 401 && (c.Body.String() != refused || c.Header().Get("WWW-Authenticate") != "Bearer") {
				t.Errorf("%s, %v", c.Body, c.Header())
			}
			if len(c.decisions) != 1 {
				t.Fatalf("%d decisions: %+v", len(c.decisions), c.decisions)
			}
			d := c.decisions[0]
			if d.Package != "password" || d.Subject != tt.subject || !strings.HasSuffix(d.Reason, tt.reason) || (d.Outcome == guard.Allowed) != (tt.status == 200) {
				t.Errorf("%+v", d)
			}
			if line := fmt.Sprintf("%+v", d); strings.Contains(strings.ToLower(line), "secret") || strings.Contains(line, "@") {
				t.Errorf("a credential in %s", line)
			}
		})
	}
}

// Each wrong login takes its turn to hash: an unknown account takes as long.
func TestCheckTakesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, func(o *password.Options) { o.Parallel = 1 })
		table := newAccounts(t, h)
		l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h}))
		defer h.Occupy()()
		for _, email := range []string{"alice@example.com", "carol@example.com", "mallory@example.com", "", "\x00"} {
			c := check(t, l, email, "wrong")
			if c.Code != 503 || !errors.Is(c.err, password.ErrBusy) || c.decisions[0].Outcome != guard.Failed {
				t.Errorf("%q: %d, %v", email, c.Code, c.err)
			}
		}
	})
}

// TestClientLeaves: that a client left while its login waited for its turn was reported
// as a failure of ours.
func TestClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, func(o *password.Options) { o.Parallel = 1 })
		l := guard.Must(password.NewLogin(newAccounts(t, h).byEmail, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h}))
		defer h.Occupy()()
		for _, after := range []time.Duration{0, time.Millisecond} {
			answer(func(r *http.Request) error {
				ctx, leave := context.WithCancel(r.Context())
				if after == 0 {
					leave()
				}
				time.AfterFunc(after, leave)
				_, err := l.Check(r.WithContext(ctx), "alice@example.com", "secret")
				if !errors.Is(err, password.ErrBusy) || !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
				return err
			}, func(d guard.Decision) {
				if d.Outcome != guard.Refused || !strings.HasSuffix(d.Reason, "context canceled") {
					t.Errorf("%+v", d)
				}
			})
		}
	})
}

// TestCheckFailsClosed: a lookup that is written wrongly signs no one in, and does
// not reveal which accounts exist.
func TestCheckFailsClosed(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	encoded := hash(t, h, "secret")
	var hidden *guard.Error
	for name, tt := range map[string]struct {
		user   *user
		hash   string
		found  bool
		err    error
		status int
	}{
		"found, with an empty hash":         {&user{ID: "1"}, "", true, nil, 401},
		"not found, with the right hash":    {nil, encoded, false, nil, 401},
		"not found, with a user and a hash": {&user{ID: "1"}, encoded, false, nil, 401},
		"a nil user was found":              {nil, encoded, true, nil, 500},
		"a broken hash":                     {&user{ID: "1"}, "$argon2id$v=19$m=1$", true, nil, 500},
		"an error":                          {&user{ID: "1"}, encoded, true, sql.ErrNoRows, 500},
		"a timeout":                         {nil, "", false, context.DeadlineExceeded, 503},
		"an outage":                         {nil, "", false, guard.Unavailable(errors.New("down")), 503},
		"no credentials":                    {nil, "", false, guard.ErrNoCredentials, 500},
		"wrong credentials":                 {nil, "", false, fmt.Errorf("no row: %w", password.ErrCredentials), 500},
		"a refusal":                         {nil, "", false, guard.NotFound("No such user"), 500},
		"a 401":                             {&user{ID: "1"}, encoded, true, guard.Unauthorized("Disabled"), 500},
		"a nil *Error":                      {nil, "", false, hidden, 500},
		"another package's 413":             {nil, "", false, &http.MaxBytesError{Limit: 1}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			l := guard.Must(password.NewLogin(func(context.Context, string) (*user, string, bool, error) {
				return tt.user, tt.hash, tt.found, tt.err
			}, &password.LoginOptions[*user]{InsecureUnlimited: true, Hasher: h}))
			var seen []guard.Decision
			w := answer(func(r *http.Request) error {
				u, err := l.Check(r, "alice@example.com", "secret")
				if u != nil || err == nil {
					t.Errorf("Check = %v, %v", u, err)
				}
				return err
			}, func(d guard.Decision) { seen = append(seen, d) })
			if w.Code != tt.status || strings.Contains(w.Body.String(), "user") || strings.Contains(w.Body.String(), "Disabled") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if len(seen) != 1 || (seen[0].Outcome == guard.Failed) != (tt.status >= 500) || seen[0].Action != "sign-in" {
				t.Errorf("%+v", seen)
			}
		})
	}
}

func TestCheckAttempts(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{Attempts: attempts(t), Hasher: h}))
	for i, tt := range []struct {
		email, pw string
		status    int
	}{
		{"alice@example.com", "wrong", 401},
		{"Alice@example.com", "secret", 200}, // undoes the failure
		{"alice@example.com", "wrong", 401},
		{" alice@Example.com", "wrong", 401},
		{"alice@example.com", "secret", 429},
		{"mallory@example.com", "wrong", 401},
		{"mallory@example.com", "wrong", 401},
		{"MALLORY@example.com", "wrong", 429}, // unknown accounts are counted, too
		{"", "secret", 400},
	} {
		if c := check(t, l, tt.email, tt.pw); c.Code != tt.status {
			t.Errorf("%d: %d, want %d", i, c.Code, tt.status)
		} else if refusedEarly := c.Code == 429 || c.Code == 400; refusedEarly && len(c.decisions) > 0 {
			t.Errorf("%d: %+v beside that of package ratelimit", i, c.decisions)
		}
	}
}

// TestCheckEndsItsAttempt: what follows a wrong password within the same request does
// not wait for the attempt.
func TestCheckEndsItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, nil)
		l := guard.Must(password.NewLogin(newAccounts(t, h).byEmail, &password.LoginOptions[user]{Attempts: attempts(t), Hasher: h}))
		start := time.Now()
		for i, want := range []int{401, 401, 429} {
			if c := check(t, l, "alice@example.com", "wrong"); c.Code != want || time.Since(start) > 0 {
				t.Errorf("%d: %d after %v", i, c.Code, time.Since(start))
			}
		}
	})
}

func TestCheckMessage(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	l := guard.Must(password.NewLogin(newAccounts(t, h).byEmail, &password.LoginOptions[user]{
		InsecureUnlimited: true, Hasher: h, Message: "No such account and password", Challenge: "Session",
		Subject: func(u user) string { return "user " + u.ID },
	}))
	c := check(t, l, "alice@example.com", "wrong")
	if c.Code != 401 || c.Header().Get("WWW-Authenticate") != "Session" || !strings.Contains(c.Body.String(), "No such account and password") {
		t.Errorf("%d %v %s", c.Code, c.Header(), c.Body)
	}
	if e, _ := errors.AsType[*guard.Error](c.err); e == nil || e.Code != "login_invalid" || c.decisions[0].Subject != "user 1" {
		t.Errorf("%+v, %+v", e, c.decisions[0])
	}
}
