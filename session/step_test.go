package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// pending signs alice half in, for 5 minutes and the step totp.
func pending(t testing.TB, m *profiles, opts ...session.CreateOption) (*login, *http.Cookie) {
	t.Helper()
	w := recorder()
	s, err := m.Create(w, request("POST"), "alice", profile{}, append(opts, session.Pending("totp", 5*time.Minute))...)
	if err != nil {
		t.Fatal(err)
	}
	return s, cookieOf(t, w)
}

// complete sends the half sign-in's cookie to a handler behind the step, which calls
// Create. c is nil with an error.
func complete(t testing.TB, m *profiles, half *http.Cookie, subject string, opts ...session.CreateOption) (s *login, c *http.Cookie, err error) {
	t.Helper()
	err = errors.New("the step refused the request")
	w, _ := harness.Serve(t, guard.Require(m.Step("totp")), func(w http.ResponseWriter, r *http.Request) {
		if s, err = m.Create(w, r, subject, profile{subject + "@example.com", "user"}, opts...); err != nil {
			guard.Refuse(w, r, err)
		}
	}, request("POST", with(half)))
	if err == nil {
		c = cookieOf(t, w)
	}
	return s, c, err
}

func TestStep(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	half, c := pending(t, m, session.For(7*24*time.Hour), session.Factors("pwd"), session.Ref("sid"))
	if c.MaxAge != 0 || !half.Deadline().Equal(now.Time.Add(5*time.Minute)) {
		t.Errorf("Max-Age %d, until %v", c.MaxAge, half.Deadline())
	}
	now.Advance(5*time.Minute - time.Millisecond)
	s, full, err := complete(t, m, c, "alice", session.Factors("otp"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.AMR(), []string{"pwd", "otp"}) || !s.AuthTime().Equal(now.Time) || full.MaxAge != 7*86400 || !s.Deadline().Equal(now.Time.Add(7*24*time.Hour)) {
		t.Errorf("%q at %v, Max-Age %d", s.AMR(), s.AuthTime(), full.MaxAge)
	}
	alive(t, m, full, "alice")
	_, _, err = complete(t, m, c, "alice") // spent
	refused(t, err, 500, "")               // the error of this test: Create was not called
	if n, err := m.DestroyRef(t.Context(), "sid", ""); n != 1 || err != nil {
		t.Errorf("the Ref is lost: %d, %v", n, err)
	}
	alive(t, m, full, invalid)
}

// TestStepAccepts: one named step accepts a half sign-in, and no other guard does. Its
// cookie is not cleared before it ends.
func TestStepAccepts(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now, Missing: "Sign in"})
	_, half := pending(t, m)
	_, old := pending(t, m)
	_, full := create(t, m, "alice")
	users := guard.BySubject(m, func(_ context.Context, subject string) (user, bool, error) { return user{subject}, true, nil })
	steps := map[string]guard.Middleware{
		"Require": guard.Require(m), "Optional": guard.Optional(m), "Lenient": guard.Lenient(m), "mapped": guard.Require(users),
		"totp": guard.Require(m.Step("totp")), "Optional totp": guard.Optional(m.Step("totp")), "webauthn": guard.Require(m.Step("webauthn")),
		"recent":      guard.Chain(m.Wrap, stepup.Require(stepup.Within(time.Hour))),
		"recent totp": guard.Chain(guard.Require(m.Step("totp")), stepup.Require(stepup.Within(time.Hour))),
	}
	var refusal *guard.Error
	format := guard.OnError(func(_ http.ResponseWriter, _ *http.Request, e *guard.Error) { refusal = e })
	const isPending, missing, stale = "signin_pending Sign in", "credentials_missing Sign in", "insufficient_user_authentication Recent authentication required"
	for _, tt := range []struct {
		step, cookie string
		want         string // the subject, "" for anonymous, or code and message of the 401
		cleared      bool
	}{
		{"Require", with(half), isPending, false},
		{"mapped", with(half), isPending, false},
		{"webauthn", with(half), isPending, false},
		{"recent", with(half), isPending, false},
		{"recent totp", with(half), stale, false},
		{"Optional", with(half), "", false},
		{"Lenient", with(half), "", false},
		{"totp", with(half), "alice", false},
		{"Optional totp", with(half), "alice", false},
		{"totp", with(full), missing, false},
		{"Optional totp", with(full), "", false},
		{"Require", with(full), "alice", false},
		{"totp", "", missing, false},
		{"totp", with(half) + "x", "session_invalid Invalid session", true},
	} {
		refusal = nil
		w, reached := serve(t, guard.Chain(format, steps[tt.step]), request("POST", "Cookie: a=b", tt.cookie))
		got, _, _ := strings.Cut(w.Body.String(), " ")
		if refusal != nil {
			got = refusal.Code + " " + refusal.Message
		}
		if got != tt.want || reached != (refusal == nil) || refusal != nil && w.Code != 401 || (len(cookies(w)) > 0) != tt.cleared {
			t.Errorf("%s: %d %q, reached %t, %v; want %q", tt.step, w.Code, got, reached, cookies(w), tt.want)
		}
	}
	// A request of another origin is refused first.
	if w, reached := serve(t, steps["totp"], request("POST", with(half), "Sec-Fetch-Site: cross-site")); w.Code != 403 || reached {
		t.Errorf("%d, reached %t", w.Code, reached)
	}
	// One that has ended is dead to all.
	now.Advance(5 * time.Minute)
	for _, step := range []string{"Require", "totp"} {
		w, reached := serve(t, steps[step], request("POST", with(old)))
		if w.Code != 401 || reached || w.Body.String() != expired || len(cookies(w)) != 1 {
			t.Errorf("%s: %d %s, %v", step, w.Code, w.Body, cookies(w))
		}
	}
}

// TestHalfSignInIsSpentOnce: of parallel requests that complete it, one succeeds.
func TestHalfSignInIsSpentOnce(t *testing.T) {
	m := manager(t, nil)
	for range 10 {
		_, c := pending(t, m)
		var won atomic.Int64
		var together, done sync.WaitGroup
		together.Add(64)
		for range 64 {
			done.Go(func() {
				harness.Serve(t, guard.Require(m.Step("totp")), func(w http.ResponseWriter, r *http.Request) {
					together.Done()
					together.Wait() // all have passed the step
					_, err := m.Create(w, r, "alice", profile{})
					if err == nil {
						won.Add(1)
						return
					}
					refused(t, err, 401, "Sign in again")
					if len(w.Header()["Set-Cookie"]) > 0 {
						t.Error("a cookie")
					}
				}, request("POST", with(c)))
			})
		}
		done.Wait()
		if n := won.Load(); n != 1 {
			t.Fatalf("%d of 64 sign-ins succeeded", n)
		}
		if n, err := m.DestroyAll(t.Context(), "alice"); n != 1 || err != nil {
			t.Fatalf("%d sessions, %v", n, err)
		}
	}
}

// What goes wrong before a half sign-in is spent leaves it as it is.
func TestStepRefusesCreate(t *testing.T) {
	m := manager(t, nil)
	_, c := pending(t, m, session.AtEpoch(0))
	_, _, err := complete(t, m, c, "bob")
	refused(t, err, 500, "")
	_, _, err = complete(t, m, c, "alice", nil)
	refused(t, err, 500, "")
	_, _, err = complete(t, m, c, "alice", session.AtEpoch(7))
	refused(t, err, 401, "Sign in again")
	_, _, err = complete(t, m, c, "alice", session.Pending("x", 0))
	refused(t, err, 500, "")
	if _, full, err := complete(t, m, c, "alice"); err != nil {
		t.Error(err)
	} else {
		alive(t, m, full, "alice")
	}
}

// TestEpochOfAHalfSignIn: a DestroyAll that comes between the half sign-in's end and the
// new session's beginning refuses the login, also without AtEpoch.
func TestEpochOfAHalfSignIn(t *testing.T) {
	memory := newMemory(t, nil)
	var during func()
	store := &faulty{memory, func(_ context.Context, method string) error {
		if method == "Insert" && during != nil {
			during()
		}
		return nil
	}}
	m := manager(t, &session.Options{Store: store})
	for name, opts := range map[string][]session.CreateOption{"read by Create": nil, "AtEpoch": {session.AtEpoch(0)}} {
		during = nil
		subject := "alice " + name
		w := recorder()
		if _, err := m.Create(w, request("POST"), subject, profile{}, append(opts, session.Pending("totp", time.Minute))...); err != nil {
			t.Fatal(err)
		}
		during = func() {
			if _, err := memory.DeleteAll(t.Context(), subject, nil); err != nil {
				t.Error(err)
			}
		}
		_, _, err := complete(t, m, cookieOf(t, w), subject)
		refused(t, err, 401, "Sign in again")
		if list, err := memory.List(t.Context(), subject); len(list) != 0 || err != nil {
			t.Errorf("%s: %d sessions, %v", name, len(list), err)
		}
	}
}

// A step may lead to another one.
func TestTwoSteps(t *testing.T) {
	m := manager(t, nil)
	_, first := pending(t, m, session.Factors("pwd"))
	_, second, err := complete(t, m, first, "alice", session.Factors("otp"), session.Pending("question", time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	alive(t, m, second, e401("Not authenticated"))
	harness.Serve(t, guard.Require(m.Step("question")), func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Create(w, r, "alice", profile{}, session.Factors("kba"))
		if err != nil || !slices.Equal(s.AMR(), []string{"pwd", "otp", "kba"}) {
			t.Errorf("%q, %v", s.AMR(), err)
		}
		// In one request, too, it completes one sign-in.
		_, err = m.Create(w, r, "alice", profile{})
		refused(t, err, 401, "Sign in again")
	}, request("POST", with(second)))
}

func TestStepWiring(t *testing.T) {
	m := manager(t, nil)
	for _, name := range []string{"", "two words", strings.Repeat("x", 33)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Step(%q) does not panic", name)
				}
			}()
			m.Step(name)
		}()
	}
}
