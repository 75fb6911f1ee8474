package session_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

// Many tabs of one browser, while the session is touched, changed and at last
// ended: each request sees it as it was at some time, and nothing after its end.
func TestManyTabs(t *testing.T) {
	m := manager(t, &session.Options{TouchEvery: time.Nanosecond})
	s, c := create(t, m, "alice")
	r := request("GET", with(c))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				s, err := m.Authenticate(r)
				if err != nil || s.Sub() != "alice" || s.Data().Email == "" {
					t.Error(s, err)
				}
				if i%20 == 0 {
					if _, err := m.Update(t.Context(), s, func(p *profile) error { p.Role += "x"; return nil }); err != nil {
						t.Error(err)
					}
					if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 1 {
						t.Error(list, err)
					}
				}
			}
		})
	}
	wg.Wait()
	got, err := m.Authenticate(r)
	if err != nil || len(got.Data().Role) != len("user")+80 || got.ID() != s.ID() {
		t.Errorf("%+v, %v", got.Data(), err)
	}
	for range 8 {
		wg.Go(func() { _, _ = m.Authenticate(r) }) // touches
	}
	wg.Go(func() { _ = m.Destroy(httptest.NewRecorder(), request("POST", with(c))) })
	wg.Wait()
	alive(t, m, c, invalid)
}

// Two logins with one old session end it once, and both are good.
func TestTwoLoginsAtOnce(t *testing.T) {
	m := manager(t, nil)
	_, old := create(t, m, "alice")
	got := make([]*http.Cookie, 2)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { _, got[i] = create(t, m, "alice", with(old)) })
	}
	wg.Wait()
	alive(t, m, old, invalid)
	alive(t, m, got[0], "alice")
	alive(t, m, got[1], "alice")
}

// A handler that runs for long has an old snapshot; the session may have been
// used since.
func TestLongHandler(t *testing.T) {
	now := newClock()
	m := manager(t, &session.Options{Now: now.Now})
	s, c := create(t, m, "alice")
	for range 3 {
		now.advance(20 * time.Minute)
		alive(t, m, c, "alice")
	}
	next, err := m.Update(t.Context(), s, func(p *profile) error { p.Role = "x"; return nil })
	if err != nil || !next.Deadline().Equal(now.now.Add(30*time.Minute)) {
		t.Fatal(next, err)
	}
	if _, err := m.Rotate(recorder(), request("POST", with(c)), s); err != nil {
		t.Error(err)
	}
	now.advance(30 * time.Minute)
	_, err = m.Update(t.Context(), next, func(*profile) error { return nil })
	refused(t, err, 401, "Invalid session") // it was rotated
	_, err = m.Update(t.Context(), nil, func(*profile) error { return nil })
	refused(t, err, 401, "Not authenticated")
	_, err = m.Rotate(recorder(), request("POST"), nil)
	refused(t, err, 401, "Not authenticated")
}
