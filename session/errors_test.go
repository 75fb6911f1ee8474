package session_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// TestRefusalsAreCopies: refusals were shared, so that a handler that set the
// Message of one changed later answers of the whole process.
func TestRefusalsAreCopies(t *testing.T) {
	now := harness.NewClock()
	store := newMemory(t, &session.MemoryOptions{Now: now.Now})
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	s, c := create(t, m, "alice")
	destroyed, dead := create(t, m, "alice")
	if err := m.Destroy(recorder(), request("POST", with(dead))); err != nil {
		t.Fatal(err)
	}
	authenticate := func(header ...string) error { _, err := m.Authenticate(request("POST", header...)); return err }
	signIn := func(header ...string) error {
		_, err := m.Create(recorder(), request("POST", header...), "alice", profile{})
		return err
	}
	rotate := func(s *login, c *http.Cookie) error {
		_, err := m.Rotate(recorder(), request("POST", with(c)), s)
		return err
	}
	update := func(s *login) error {
		_, err := m.Update(t.Context(), s, func(*profile) error { return nil })
		return err
	}
	destroy := func(header ...string) error { return m.Destroy(recorder(), request("POST", header...)) }
	const foreign = "Sec-Fetch-Site: cross-site"
	for _, tt := range []struct {
		name    string
		advance time.Duration
		refuse  func() error
	}{
		{"Scheme's unknown subject", 0, func() error { return m.Scheme().Unknown }},
		{"Authenticate with two", 0, func() error { return authenticate(with(c), with(c)) }},
		{"Authenticate with a malformed one", 0, func() error { return authenticate(with(c) + "x") }},
		{"Authenticate after Destroy", 0, func() error { return authenticate(with(dead)) }},
		{"Authenticate from another origin", 0, func() error { return authenticate(with(c), foreign) }},
		{"CheckOrigin", 0, func() error { return m.CheckOrigin(request("POST", foreign)) }},
		{"Create with more cookies than a browser has", 0, func() error { return signIn(slices.Repeat([]string{with(c)}, 181)...) }},
		{"Create from another origin", 0, func() error { return signIn(foreign) }},
		{"Rotate without a session", 0, func() error { return rotate(nil, c) }},
		{"Rotate after Destroy", 0, func() error { return rotate(destroyed, dead) }},
		{"Update without a session", 0, func() error { return update(nil) }},
		{"Update after Destroy", 0, func() error { return update(destroyed) }},
		{"Destroy without a cookie", 0, func() error { return destroy() }},
		{"Destroy with more cookies than a browser has", 0, func() error { return destroy(slices.Repeat([]string{with(c)}, 181)...) }},
		{"Destroy from another origin", 0, func() error { return destroy(with(c), foreign) }},
		{"Authenticate after the deadline", 30 * time.Minute, func() error { return authenticate(with(c)) }},
		{"Rotate after the deadline", 0, func() error { return rotate(s, c) }},
		{"Update after the deadline", 0, func() error { return update(s) }},
		{"Authenticate after the grace period", time.Hour, func() error { return authenticate(with(c)) }},
		{"Update after the grace period", 0, func() error { return update(s) }},
	} {
		now.Advance(tt.advance)
		t.Run(tt.name, func(t *testing.T) { wantCopies(t, tt.refuse) })
	}
}

// wantCopies checks that changing a refusal does not change the next one.
func wantCopies(t *testing.T, refuse func() error) {
	t.Helper()
	e, ok := errors.AsType[*guard.Error](refuse())
	if !ok {
		t.Fatal("no refusal")
	}
	message, status := e.Message, e.Status
	e.Message, e.Status = "changed", http.StatusTeapot
	for i := range e.Challenges {
		e.Challenges[i] = "Changed"
	}
	next, ok := errors.AsType[*guard.Error](refuse())
	if !ok || next.Message != message || next.Status != status {
		t.Errorf("then %v, want %d %q", next, status, message)
	}
	if ok && len(next.Challenges) > 0 && next.Challenges[0] != "Session" {
		t.Errorf("then challenges %q", next.Challenges)
	}
}
