package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/session"
)

// In an outage every method returns a 503 that shows nothing of the store, and
// sets no cookie.
func TestOutage(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	s, c := create(t, m, "alice")
	r := request("POST", with(c))
	w := recorder()
	for _, tt := range []struct {
		down string
		do   func() error
	}{
		{"Insert", func() error { _, err := m.Create(w, request("POST"), "bob", profile{}); return err }},
		{"Delete", func() error { _, err := m.Create(w, r, "bob", profile{}); return err }},
		{"Delete", func() error { return m.Destroy(w, r) }},
		{"Rotate", func() error { _, err := m.Rotate(w, r, s); return err }},
		{"Update", func() error {
			_, err := m.Update(t.Context(), s, func(p *profile) error { p.Role = "x"; return nil })
			return err
		}},
		{"List", func() error { _, err := m.List(t.Context(), "alice"); return err }},
		{"List", func() error { _, err := m.DestroyID(t.Context(), "alice", s.ID()); return err }},
		{"Delete", func() error { _, err := m.DestroyID(t.Context(), "alice", s.ID()); return err }},
		{"DeleteRef", func() error { _, err := m.DestroyRef(t.Context(), "sid", ""); return err }},
		{"Epoch", func() error { _, err := m.Epoch(t.Context(), "alice"); return err }},
		{"Epoch", func() error {
			_, err := m.Create(w, r, "alice", profile{}, session.Pending("totp", time.Minute))
			return err
		}},
		{"DeleteAll", func() error { _, err := m.DestroyAll(t.Context(), "alice"); return err }},
	} {
		methods = tt.down
		err := tt.do()
		refused(t, err, 503, "The service is unavailable")
		if !errors.Is(err, errDown) || len(w.Header()) != 0 {
			t.Errorf("%s: %v, %v", tt.down, err, w.Header())
		}
		methods = ""
		alive(t, m, c, "alice")
	}
}

// A store that hangs delays a request by Timeout at most, which is then answered
// with 503, and by a fifth of it for a touch, whose failure is ignored.
func TestStoreHangs(t *testing.T) {
	for _, tt := range []struct {
		hangs string
		do    func(m *profiles, s *login, r *http.Request) error
		want  int
		took  time.Duration
	}{
		{"Load", func(m *profiles, _ *login, r *http.Request) error { _, err := m.Authenticate(r); return err }, 503, 2 * time.Second},
		{"List", func(m *profiles, _ *login, r *http.Request) error { _, err := m.List(r.Context(), "alice"); return err }, 503, 2 * time.Second},
		{"Touch", func(m *profiles, _ *login, r *http.Request) error { _, err := m.Authenticate(r); return err }, 200, 400 * time.Millisecond},
		{"Delete", func(m *profiles, _ *login, r *http.Request) error { return m.Destroy(recorder(), r) }, 503, 2 * time.Second},
		{"Insert", func(m *profiles, _ *login, r *http.Request) error {
			_, err := m.Create(recorder(), r, "alice", profile{})
			return err
		}, 503, 2 * time.Second},
		{"Rotate", func(m *profiles, s *login, r *http.Request) error { _, err := m.Rotate(recorder(), r, s); return err }, 503, 2 * time.Second},
		{"Update", func(m *profiles, s *login, r *http.Request) error {
			_, err := m.Update(r.Context(), s, func(*profile) error { return nil })
			return err
		}, 503, 2 * time.Second},
	} {
		t.Run(tt.hangs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang := ""
				store := &faulty{newMemory(t, nil), func(ctx context.Context, method string) error {
					if method == hang {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}}
				m := manager(t, &session.Options{Store: store, Timeout: 2 * time.Second})
				s, c := create(t, m, "alice")
				time.Sleep(10 * time.Minute)
				hang = tt.hangs
				start := time.Now()
				err := tt.do(m, s, request("POST", with(c)))
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if tt.want == 200 && err == nil {
					return
				}
				refused(t, err, tt.want, "")
			})
		})
	}
}

// Writes continue when the client disconnects, and have a time limit.
func TestWritesGoOn(t *testing.T) {
	limited := 0
	store := &faulty{newMemory(t, nil), func(ctx context.Context, method string) error {
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= time.Second {
			limited++
		}
		if method == "Load" {
			return nil
		}
		return ctx.Err()
	}}
	m := manager(t, &session.Options{Store: store, Timeout: time.Second})
	disconnected, cancel := context.WithCancel(t.Context())
	cancel()
	w := recorder()
	s, err := m.Create(w, request("POST").WithContext(disconnected), "alice", profile{})
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	if _, err := m.Update(disconnected, s, func(p *profile) error { p.Role = "x"; return nil }); err != nil {
		t.Error(err)
	}
	if _, err := m.Authenticate(request("GET", with(c))); err != nil {
		t.Error(err)
	}
	if err := m.Destroy(w, request("POST", with(c)).WithContext(disconnected)); err != nil {
		t.Error(err)
	}
	if n, err := m.DestroyAll(disconnected, "alice"); err != nil || n != 0 {
		t.Error(n, err)
	}
	if limited != 5 {
		t.Errorf("%d of 5 calls had a time limit", limited)
	}
}
