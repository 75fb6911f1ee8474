package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// TestAttemptRemaining: an attempt says how many failures follow it, so that one of them
// is the last.
func TestAttemptRemaining(t *testing.T) {
	l := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Account: ratelimit.Limit{Name: "a", Quota: 3, Window: time.Hour}, Strikes: []ratelimit.Limit{{Name: "s", Quota: 20, Window: 24 * time.Hour}},
	}))
	r := httptest.NewRequest("POST", "/", nil)
	remaining := func(a *ratelimit.Attempt, limit string) int {
		t.Helper()
		n, ok := a.Remaining(limit)
		if !ok {
			t.Fatalf("no limit %q", limit)
		}
		return n
	}
	for i := range 3 {
		a := guard.Must(l.Attempt(r, "alice"))
		if got := remaining(a, "a"); got != 2-i {
			t.Errorf("attempt %d: %d remaining", i, got)
		}
		if got := remaining(a, "s"); got != 19-i {
			t.Errorf("attempt %d: %d strikes remaining", i, got)
		}
		if n, ok := a.Remaining("b"); ok || n != 0 {
			t.Errorf("an unknown limit: %d, %t", n, ok)
		}
		a.Fail(r.Context())
	}
	var none *ratelimit.Attempt
	if _, ok := none.Remaining("a"); ok {
		t.Error("a nil attempt has a limit")
	}
	down := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{Store: &outage{}, Secret: guard.Secret("0123456789abcdef"), Account: ratelimit.Limit{Name: "a"}}))
	if _, ok := guard.Must(down.Attempt(r, "alice")).Remaining("a"); ok {
		t.Error("an attempt in an outage has a count of the store")
	}
}

type outage struct{ ratelimit.Store }

func (*outage) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	return nil, errors.New("down")
}

func (*outage) GiveBack(context.Context, []ratelimit.Taken) error { return errors.New("down") }

// TestLoginSubjects: decisions name the account only where it is a subject.
func TestLoginSubjects(t *testing.T) {
	for _, subjects := range []bool{false, true} {
		l := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
			Account: ratelimit.Limit{Quota: 1, Window: time.Hour}, Subjects: subjects,
		}))
		var made []guard.Decision
		h := guard.Observe(func(_ *http.Request, d guard.Decision) { made = append(made, d) })(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, err := l.Attempt(r, "Alice")
			if err != nil {
				guard.Refuse(w, r, err)
				return
			}
			a.Fail(r.Context())
		}))
		for range 2 {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil))
		}
		if len(made) != 2 || made[0].Outcome != guard.Allowed || made[1].Status != 429 {
			t.Fatalf("%+v", made)
		}
		for _, d := range made {
			if want := map[bool]string{true: "Alice"}[subjects]; d.Subject != want {
				t.Errorf("subjects %t: %s has the subject %q", subjects, d.Outcome, d.Subject)
			}
		}
	}
}
