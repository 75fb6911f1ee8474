package session_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestRecent(t *testing.T) {
	now := harness.NewClock()
	store := newMemory(t, &session.MemoryOptions{Now: now.Now})
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	var decisions []guard.Decision
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { decisions = append(decisions, d) })
	mapped := guard.BySubject(m, func(context.Context, string) (user, bool, error) { return user{}, true, nil })
	recent := m.Recent(5 * time.Minute)
	steps := map[string]guard.Middleware{
		"Require": guard.Require(m), "Optional": guard.Optional(m), "mapped": guard.Require(mapped),
	}
	stale := e401("Recent authentication required")
	for _, tt := range []struct {
		age    time.Duration
		status int
		want   string
	}{{0, 200, ""}, {5*time.Minute - time.Millisecond, 200, ""}, {5 * time.Minute, 401, stale}, {9 * time.Minute, 401, stale}, {-time.Minute, 200, ""}, {-40 * time.Minute, 401, stale}} {
		// Another process, whose clock may be fast, has created the session.
		_, c := create(t, manager(t, &session.Options{Store: store, Now: func() time.Time { return now.Add(-tt.age) }}), "alice")
		for name, step := range steps {
			decisions = nil
			w, reached := serve(t, guard.Chain(observe, step, recent), request("GET", with(c)))
			if w.Code != tt.status || reached != (tt.status == 200) || !reached && w.Body.String() != tt.want {
				t.Errorf("%s, %v: %d %s, reached %t", name, tt.age, w.Code, w.Body, reached)
			}
			if got := w.Header().Get("Www-Authenticate"); (got == "Session") != (tt.status == 401) {
				t.Errorf("challenge %q", got)
			}
			if d := decisions[1]; d.Package != "session" || d.Guard != "recent 5m0s" || (d.Outcome == guard.Allowed) != reached {
				t.Errorf("%+v", d)
			}
		}
	}
	// Neither use nor rotation is an authentication. A login is.
	_, c := create(t, m, "alice")
	now.Advance(4 * time.Minute)
	alive(t, m, c, "alice")
	s, err := m.Authenticate(request("GET", with(c)))
	if err != nil {
		t.Fatal(err)
	}
	w := recorder()
	if _, err := m.Rotate(w, request("POST", with(c)), s); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Minute)
	c = cookieOf(t, w)
	if w, _ := serve(t, guard.Chain(m.Wrap, recent), request("GET", with(c))); w.Code != 401 {
		t.Errorf("after a rotation: %d", w.Code)
	}
	_, c = create(t, m, "alice", with(c))
	if w, _ := serve(t, guard.Chain(m.Wrap, recent), request("GET", with(c))); w.Code != 200 {
		t.Errorf("after a login: %d", w.Code)
	}
	// No request passes without a session of m. Without an authentication step in
	// front, the chain is wired wrongly, which the log says.
	others := guard.Must(session.New[struct{}](nil))
	w = recorder()
	if _, err := others.Create(w, request("POST"), "alice", struct{}{}); err != nil {
		t.Fatal(err)
	}
	other := cookieOf(t, w)
	for _, tt := range []struct {
		name   string
		step   guard.Middleware
		header string
		status int
	}{
		{"anonymous", guard.Optional(m), "", 401},
		{"no step", guard.Chain(), with(c), 500},
		{"sessions of another type", guard.Require(others), with(other), 500},
	} {
		w, reached := serve(t, guard.Chain(observe, tt.step, recent), request("GET", tt.header))
		if w.Code != tt.status || reached {
			t.Errorf("%s: %d, reached %t", tt.name, w.Code, reached)
		}
		d := decisions[len(decisions)-1]
		if d.Guard != "recent 5m0s" || d.Status != tt.status || strings.Contains(d.Reason, "wired wrongly") != (tt.status == 500) {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}

func TestRecentWiring(t *testing.T) {
	m := manager(t, nil)
	for name, f := range map[string]func(){
		"no time": func() { m.Recent(0) }, "less": func() { m.Recent(-1) }, "no handler": func() { m.Recent(1)(nil) }, "nothing to wrap": func() { m.Wrap(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// visitors is an authenticator of the application that takes guests and half sign-ins
// for principals.
type visitors struct{ *profiles }

func (v visitors) Authenticate(r *http.Request) (*login, error) {
	s, found, err := v.GuestFrom(r)
	if err == nil && !found {
		return v.Step("totp").Authenticate(r)
	}
	return s, err
}

// A guest's session is a new one, but no one has authenticated.
func TestRecentRefusesGuests(t *testing.T) {
	m := manager(t, nil)
	_, g := guest(t, m)
	_, half := pending(t, m)
	for _, c := range []*http.Cookie{g, half} {
		w, reached := serve(t, guard.Chain(guard.Require(visitors{m}), m.Recent(time.Hour)), request("GET", with(c)))
		if w.Code != 401 || reached || !strings.Contains(w.Body.String(), "Recent authentication required") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
