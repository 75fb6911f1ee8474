package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// TestDeadCookies: with an expired session under Optional, each visit was sent to
// the login page, since the cookie was never cleared. Dead cookies are anonymous
// there, and cleared everywhere. Cookies that may be alive are left.
func TestDeadCookies(t *testing.T) {
	now := harness.NewClock()
	methods := "" // of the store that fail
	memory := newMemory(t, &session.MemoryOptions{Now: now.Now})
	m := manager(t, &session.Options{Store: failing(memory, &methods), Now: now.Now})
	_, expired := create(t, m, "alice")
	now.Advance(30 * time.Minute)
	_, valid := create(t, m, "alice")
	_, deleted := create(t, m, "deleted")
	_, destroyed := create(t, m, "alice")
	if err := m.Destroy(recorder(), request("POST", with(destroyed))); err != nil {
		t.Fatal(err)
	}
	lists := guard.Must(session.New[[]string](&session.Options{Store: memory, Now: now.Now}))
	undecodable := func() []string {
		w := recorder()
		if _, err := lists.Create(w, request("POST"), "bob", []string{"x"}); err != nil {
			t.Fatal(err)
		}
		return []string{with(cookieOf(t, w))}
	}
	users := guard.BySubject(m, func(_ context.Context, subject string) (user, bool, error) {
		return user{subject}, subject != "deleted", nil
	})
	send := func(header ...string) func() []string { return func() []string { return header } }
	for _, tt := range []struct {
		name          string
		header        func() []string
		down          string
		require, opt  int
		cleared       bool
		code, message string
	}{
		{"expired", send(with(expired)), "", 401, 200, true, "session_expired", "Session expired"},
		{"destroyed", send(with(destroyed)), "", 401, 200, true, "session_invalid", "Invalid session"},
		{"malformed", send(with(valid) + "x"), "", 401, 200, true, "session_invalid", "Invalid session"},
		{"the subject was deleted", send(with(deleted)), "", 401, 200, true, "session_invalid", "Invalid session"},
		{"undecodable", undecodable, "", 500, 500, false, "", ""},
		{"two", send(with(valid), with(valid)), "", 401, 200, true, "session_invalid", "Invalid session"},
		{"two, expired", send(with(expired), with(expired)), "", 401, 200, true, "session_invalid", "Invalid session"},
		{"another origin", send(with(expired), "Sec-Fetch-Site: cross-site"), "", 403, 403, false, "cross_origin", "Cross-origin request refused"},
		{"an outage", send(with(expired)), "Load", 503, 503, false, "", ""},
		{"valid", send(with(valid)), "", 200, 200, false, "", ""},
		{"none", send(), "", 401, 200, false, "", ""},
	} {
		for _, mode := range []struct {
			name   string
			header []string
			opens  bool
		}{
			{"a navigation", []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: same-origin"}, true},
			{"no browser", nil, true},
			{"a script", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin"}, false},
			{"an image", []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: same-origin"}, false},
		} {
			for i, step := range []guard.Middleware{guard.Require(users), guard.Optional(users)} {
				name, want := []string{"Require", "Optional"}[i]+", "+tt.name+", "+mode.name, []int{tt.require, tt.opt}[i]
				var refusal *guard.Error
				format := guard.OnError(func(_ http.ResponseWriter, _ *http.Request, e *guard.Error) { refusal = e })
				methods = tt.down
				w, reached := serve(t, guard.Chain(format, step), request("POST", slices.Concat(tt.header(), mode.header)...))
				methods = ""
				if w.Code != want || reached != (want == 200) {
					t.Errorf("%s: %d, reached %t; want %d", name, w.Code, reached, want)
				}
				set := cookies(w)
				if cleared := len(set) == 1 && set[0].MaxAge == -1 && set[0].Value == ""; cleared != (tt.cleared && mode.opens) || !cleared && len(set) > 0 {
					t.Errorf("%s: Set-Cookie %v", name, set)
				}
				if control := w.Header().Get("Cache-Control"); control == "" || len(set) > 0 && control != "no-store" {
					t.Errorf("%s: Cache-Control %q", name, control)
				}
				if refusal != nil && tt.code != "" && (refusal.Code != tt.code || refusal.Message != tt.message) {
					t.Errorf("%s: %s, %s", name, refusal.Code, refusal.Message)
				}
			}
		}
	}
	alive(t, m, valid, "alice")
}

// A login replaces the dead cookie that the step in front has cleared.
func TestLoginAfterClearing(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	_, old := create(t, m, "alice")
	now.Advance(30 * time.Minute)
	w := recorder()
	guard.Optional(m)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.Create(w, r, "alice", profile{}); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(w, request("POST", with(old)))
	alive(t, m, cookieOf(t, w), "alice")
}

// Each refusal of a verb has a stable code.
func TestCodes(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	s, c := create(t, m, "alice")
	if err := m.Destroy(recorder(), request("POST", with(c))); err != nil {
		t.Fatal(err)
	}
	_, ended := m.Update(t.Context(), s, func(*profile) error { return nil })
	_, twice := m.Create(recorder(), request("POST", slices.Repeat([]string{with(c)}, 181)...), "alice", profile{})
	for want, err := range map[string]error{
		"session_missing":  m.Destroy(recorder(), request("POST")),
		"session_invalid":  ended,
		"too_many_cookies": twice,
		"cross_origin":     m.CheckOrigin(request("POST", "Sec-Fetch-Site: cross-site")),
	} {
		if e, ok := errors.AsType[*guard.Error](err); !ok || e.Code != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
