package link_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/link"
)

func TestRedeem(t *testing.T) {
	c, a := newClock(), newAccounts()
	s := newStore(c)
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
	token := issue(t, l, "1")
	got := ""
	first := redeem(l, token, func(ctx context.Context, subject string) error {
		got = subject
		return a.reset(ctx, subject)
	})
	first.is(t, 200, "", "")
	if d := first.last(); got != "1" || len(first.decisions) != 1 || d.Action != "redeem" || d.Subject != "1" || d.Guard != "reset" {
		t.Errorf("%q, %+v", got, first.decisions)
	}
	if calls := strings.Join(s.calls, " "); calls != "Acquire Commit" {
		t.Errorf("calls of the store: %s", calls)
	}
	second := redeem(l, token, never(t))
	second.is(t, 400, refused, "state has changed")
	if second.Header().Get("Cache-Control") != "no-store" || second.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error(second.Header())
	}
}

// never is an action that must not be called.
func never(t *testing.T) func(context.Context, string) error {
	return func(context.Context, string) error {
		t.Helper()
		t.Error("the action was called")
		return nil
	}
}

// TestStateComesBack: a subject whose state is again one that was redeemed gets no link
// that works, and another subject of the same state does.
func TestStateComesBack(t *testing.T) {
	taken := false
	state := func(context.Context, string) (string, bool, error) { return strconv.FormatBool(taken), true, nil }
	c := newClock()
	l := guard.Must(link.New("sign-up", base, key('k'), state, &link.Options{Now: c.Now}))
	signUp := func(context.Context, string) error { taken = true; return nil }
	redeem(l, issue(t, l, "a@example.com"), signUp).is(t, 200, "", "")
	taken = false // the account was deleted
	redeem(l, issue(t, l, "a@example.com"), never(t)).is(t, 400, refused, "or has come back")
	redeem(l, issue(t, l, "another a@example.com"), signUp).is(t, 200, "", "")
}

// TestUnchangedState: where the action leaves the state as it is, no link of it works
// until those that were issued before have expired.
func TestUnchangedState(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	token := issue(t, l, "1")
	c.Advance(time.Minute)
	other := issue(t, l, "1")
	nothing := func(context.Context, string) error { return nil }
	redeem(l, token, nothing).is(t, 200, "", "")
	redeem(l, token, never(t)).is(t, 400, refused, "was redeemed before")
	redeem(l, other, never(t)).is(t, 400, refused, "was redeemed before")
	c.Advance(59 * time.Minute)
	redeem(l, other, never(t)).is(t, 400, refused, "was redeemed before")
	late := issue(t, l, "1")
	redeem(l, late, never(t)).is(t, 400, refused, "was redeemed before")
	c.Advance(4 * time.Minute) // leeway and slack
	redeem(l, late, nothing).is(t, 200, "", "")
	redeem(l, issue(t, l, "2"), nothing).is(t, 200, "", "")
}

// TestActionFails: an action that fails spends nothing, and its error is the answer.
func TestActionFails(t *testing.T) {
	c, a := newClock(), newAccounts()
	s := newStore(c)
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
	token := issue(t, l, "1")
	short := &guard.Error{Status: 422, Code: "password_too_short", Message: "Choose a longer password"}
	for range 3 {
		got := redeem(l, token, func(context.Context, string) error { return short })
		got.is(t, 422, "Choose a longer password", "password_too_short")
		if d := got.last(); len(got.decisions) != 1 || d.Package != "link" || d.Action != "redeem" {
			t.Errorf("%+v", got.decisions)
		}
	}
	down := redeem(l, token, func(context.Context, string) error { return context.DeadlineExceeded })
	down.is(t, 503, "", "deadline")
	func() {
		defer func() {
			if p := recover(); p != "broken" {
				t.Errorf("recovered %v", p)
			}
		}()
		l.Redeem(t.Context(), token, func(context.Context, string) error { panic("broken") })
	}()
	redeem(l, token, a.reset).is(t, 200, "", "")
	if calls := strings.Join(s.calls, " "); calls != strings.Repeat("Acquire Release ", 5)+"Acquire Commit" {
		t.Error(calls)
	}
}

// TestStoreFails: without the store nothing is redeemed. A store that fails while the
// action runs ends no link for longer than a minute, and no action that was done fails.
func TestStoreFails(t *testing.T) {
	down := errors.New("down")
	for _, tt := range []struct {
		name    string
		fail    string
		action  error // of the first call
		status  int   // of the first call
		reasons string
		again   int // the status a moment later
		later   int // the status after a minute
	}{
		{"acquire", "Acquire", nil, 503, "down", 200, 200},
		{"release", "Release", guard.Forbidden("No"), 403, "No", 400, 200},
		{"commit", "Commit", nil, 200, "link: redeemed, and not recorded: down", 400, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := newClock(), newAccounts()
			s := newStore(c)
			l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
			for _, changes := range []time.Duration{0, time.Minute} {
				token := issue(t, l, "1")
				s.fail[tt.fail] = down
				got := redeem(l, token, func(ctx context.Context, subject string) error {
					if tt.action != nil {
						return tt.action
					}
					return a.reset(ctx, subject)
				})
				if got.Code != tt.status || !strings.Contains(got.decisions[0].Reason, tt.reasons) {
					t.Errorf("%d, %+v", got.Code, got.decisions)
				}
				if tt.fail == "Commit" && (len(got.decisions) != 2 || got.decisions[0].Outcome != guard.Failed || got.last().Outcome != guard.Allowed) {
					t.Errorf("%+v", got.decisions)
				}
				delete(s.fail, tt.fail)
				c.Advance(changes)
				want := tt.again
				if changes > 0 {
					want = tt.later
				}
				if got := redeem(l, token, a.reset); got.Code != want {
					t.Errorf("after %v: %d, %+v", changes, got.Code, got.decisions)
				}
				c.Advance(time.Hour)
			}
		})
	}
	// A store that is full is a failure, and no refusal.
	c, a := newClock(), newAccounts()
	full := guard.Must(once.NewMemory(&once.MemoryOptions{Max: 1, Now: c.Now}))
	full.Take(t.Context(), once.Key("other"), c.now.Add(time.Hour))
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: full}))
	redeem(l, issue(t, l, "1"), never(t)).is(t, 503, "", "full")
}

// TestClientLeaves: what was begun is completed, and what was not is not begun.
func TestClientLeaves(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	token := issue(t, l, "1")
	ctx, leave := context.WithCancel(t.Context())
	err := l.Redeem(ctx, token, func(ctx context.Context, subject string) error {
		leave()
		if _, bounded := ctx.Deadline(); ctx.Err() != nil || !bounded {
			t.Errorf("the action has a context with %v, bounded %t", ctx.Err(), bounded)
		}
		return nil // leaves the state as it is
	})
	if err != nil {
		t.Error(err)
	}
	redeem(l, token, never(t)).is(t, 400, refused, "was redeemed before")
}
