package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestRotate(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	s, old := create(t, m, "alice")
	stranger, _ := create(t, m, "bob")
	now.Advance(2 * time.Minute)
	r := request("POST", with(old))
	for name, tt := range map[string]struct {
		r      *http.Request
		s      *login
		status int
	}{
		"another's":      {r, stranger, 500},
		"without":        {request("POST"), s, 500},
		"another origin": {request("POST", with(old), "Sec-Fetch-Site: same-site"), s, 403},
	} {
		w := recorder()
		_, err := m.Rotate(w, tt.r, tt.s)
		if refused(t, err, tt.status, ""); len(w.Header()) != 0 {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	w := recorder()
	next, err := m.Rotate(w, r, s)
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	if next.ID() != s.ID() || !next.AuthTime().Equal(s.AuthTime()) || !next.Deadline().Equal(s.Deadline()) || next.Data() != s.Data() {
		t.Errorf("%v: something else has changed", next)
	}
	alive(t, m, old, invalid)
	alive(t, m, c, "alice")
	now.Advance(28 * time.Minute) // half an hour since the creation: the deadline stays
	alive(t, m, c, expired)
	_, err = m.Rotate(recorder(), request("POST", with(c)), next)
	refused(t, err, 401, "Session expired")
}
