package session_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// TestRequireDevice: the routes that accept bound sessions alone.
func TestRequireDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b, other, guest := bound(t, m, "alice"), newHolder(t, m).signIn("bob"), newHolder(t, m)
		for name, tt := range map[string]struct {
			b    *holder
			step guard.Middleware
			code int
		}{
			"bound":                        {b, m.Wrap, 200},
			"not bound":                    {other, m.Wrap, 403},
			"anonymous":                    {guest, guard.Optional(m), 401},
			"no authentication step":       {b, func(next http.Handler) http.Handler { return next }, 500},
			"a session of another manager": {other, manager(t, &session.Options{Name: "other"}).Wrap, 401},
			"the gate of another manager":  {b, func(next http.Handler) http.Handler { return m.Wrap(deviceManager(t, nil).RequireDevice()(next)) }, 500},
		} {
			w, reached := harness.Serve(t, guard.Chain(tt.step, m.RequireDevice()), nil, tt.b.request("GET", "/"))
			if w.Code != tt.code || reached != (tt.code == 200) {
				t.Errorf("%s: %d %s, reached: %t", name, w.Code, w.Body, reached)
			}
			if tt.code == 403 && !strings.Contains(w.Body.String(), "The session must be bound to a device") {
				t.Errorf("%s", w.Body)
			}
		}
	})
}

// TestFlashesOfDevice: the messages and guests' methods want the bound cookie, too.
func TestFlashesOfDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b := bound(t, m, "alice")
		if err := m.Flash(recorder(), b.request("POST", "/"), "secret news"); err != nil {
			t.Fatal(err)
		}
		thief := b.copied()
		delete(thief.cookies, boundName)
		if list, err := m.Flashes(recorder(), thief.request("GET", "/")); len(list) != 0 || err != nil {
			t.Errorf("the thief reads %q, %v", list, err)
		}
		if s, found, err := m.GuestFrom(thief.request("GET", "/")); found || err != nil {
			t.Errorf("%v, %v", s, err)
		}
		refused(t, m.Flash(recorder(), thief.request("POST", "/"), "x"), 401, "Session is bound to another device")
		_, err := m.Guest(recorder(), thief.request("POST", "/"), profile{})
		refused(t, err, 401, "Session is bound to another device")
		if list, err := m.Flashes(recorder(), b.request("GET", "/")); err != nil || len(list) != 1 {
			t.Errorf("%q, %v", list, err)
		}
	})
}

// TestOptionalDevice: behind guard.Optional, a bound session without its bound cookie is
// anonymous, so that the page to sign in can be shown; its cookie is not cleared.
func TestOptionalDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bound(t, deviceManager(t, nil), "alice")
		thief := b.copied()
		thief.cookies[boundName] = "x"
		for _, holder := range []*holder{b, thief} {
			w, reached := serve(t, guard.Optional(b.m), holder.request("GET", "/"))
			if got := w.Body.String(); !reached || w.Code != 200 || (got != "") != (holder == b) {
				t.Errorf("%d %q", w.Code, got)
			}
			if set := cookies(w); len(set) != 0 {
				t.Errorf("cookies %v", set)
			}
		}
	})
}

// keyed authenticates every request that has no session cookie, as an API key does.
type keyed struct{}

func (keyed) Authenticate(r *http.Request) (string, error) {
	if r.Header.Get("Cookie") != "" {
		return "", guard.ErrNoCredentials
	}
	return "key", nil
}

func (keyed) Scheme() guard.Scheme { return guard.Scheme{Challenge: "Keyed", Missing: "no key"} }

// TestRequireDeviceBesideKeys: another credential is no bound session, and no failure.
func TestRequireDeviceBesideKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		users := guard.Map(m, func(_ context.Context, s *login) (string, bool, error) { return s.Sub(), true, nil })
		both := guard.Chain(guard.Require(users, guard.Authenticator[string](keyed{})), m.RequireDevice())
		for code, b := range map[int]*holder{200: bound(t, m, "alice"), 403: newHolder(t, m)} {
			if w, reached := harness.Serve(t, both, nil, b.request("GET", "/")); w.Code != code || reached != (code == 200) {
				t.Errorf("%d %s, want %d", w.Code, w.Body, code)
			}
		}
	})
}
