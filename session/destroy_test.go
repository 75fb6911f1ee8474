package session_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestDestroy(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	_, c := create(t, m, "alice")
	_, other := create(t, m, "alice")
	_, old := create(t, m, "alice")
	destroy := func(header ...string) (string, error) {
		w := recorder()
		err := m.Destroy(w, request("POST", header...))
		return w.Header().Get("Set-Cookie"), err
	}
	_, err := destroy()
	refused(t, err, 401, "Not authenticated")
	for _, header := range [][]string{{"Origin: https://evil.example"}, {"Origin: https://evil.example", with(c)}} {
		set, err := destroy(header...)
		refused(t, err, 403, "Cross-origin")
		if set != "" {
			t.Error("the cookie was cleared")
		}
	}
	alive(t, m, c, "alice")
	now.Advance(29 * time.Minute)
	alive(t, m, c, "alice")
	alive(t, m, other, "alice")
	now.Advance(time.Minute)
	for name, header := range map[string]string{
		"valid": with(c), "again": with(c), "expired": with(old), "malformed": "Cookie: " + c.Name + "=x",
		"unknown": "Cookie: " + c.Name + "=" + strings.Repeat("A", 43),
	} {
		if set, err := destroy(header); err != nil || !strings.Contains(set, "Max-Age=0") {
			t.Errorf("%s: %q, %v", name, set, err)
		}
	}
	alive(t, m, c, invalid)
	alive(t, m, old, invalid)
	alive(t, m, other, "alice")
}

// TestEndDuringRotation: a session that another request rotates at the same time is
// ended all the same by a logout or login, as docs and example wire them: the rotation's
// answer may arrive after theirs.
func TestEndDuringRotation(t *testing.T) {
	for name, end := range map[string]func(m *profiles, w http.ResponseWriter, r *http.Request) error{
		"Destroy": func(m *profiles, w http.ResponseWriter, r *http.Request) error { return m.Destroy(w, r) },
		"Create": func(m *profiles, w http.ResponseWriter, r *http.Request) error {
			_, err := m.Create(w, r, "2", profile{})
			return err
		},
	} {
		for _, wiring := range []string{"outside authentication", "inside"} {
			m := manager(t, nil)
			_, old := create(t, m, "1")
			rotated := old
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for range 2 { // two rotations, one after the other
					parallel := request("POST", with(rotated))
					s, err := m.Authenticate(parallel)
					if err != nil {
						t.Fatal(err)
					}
					other := recorder()
					if _, err := m.Rotate(other, parallel, s); err != nil {
						t.Fatal(err)
					}
					rotated = cookieOf(t, other)
				}
				alive(t, m, old, invalid) // the old token only ends the session
				if err := end(m, w, r); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			step := guard.Chain()
			if wiring == "inside" {
				step = m.Wrap
			}
			step(h).ServeHTTP(recorder(), request("POST", with(old)))
			alive(t, m, rotated, invalid)
			if list, err := m.List(t.Context(), "1"); len(list) != 0 || err != nil {
				t.Errorf("%s %s: %v, %v", name, wiring, list, err)
			}
		}
	}
}

// After [session.Forward], the token from before a rotation ends nothing.
func TestForwardEnds(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	s, old := create(t, m, "alice")
	w := recorder()
	if _, err := m.Rotate(w, request("POST", with(old)), s); err != nil {
		t.Fatal(err)
	}
	now.Advance(session.Forward)
	if err := m.Destroy(recorder(), request("POST", with(old))); err != nil {
		t.Fatal(err)
	}
	alive(t, m, cookieOf(t, w), "alice")
}

func TestDestroyAll(t *testing.T) {
	m := manager(t, nil)
	_, a := create(t, m, "alice")
	keep, b := create(t, m, "alice")
	_, c := create(t, m, "alice")
	stranger, d := create(t, m, "bob")
	n, err := m.DestroyAll(t.Context(), "alice", keep.ID(), stranger.ID(), "", "garbage", "AAAAAAAAAAAAAAA\n")
	if n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	alive(t, m, a, invalid)
	alive(t, m, b, "alice")
	alive(t, m, c, invalid)
	alive(t, m, d, "bob")
	if n, err := m.DestroyAll(t.Context(), "alice"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	alive(t, m, b, invalid)
}

// TestDestroyAllOfNoSubject: a program that has lost the subject learns that no session
// has ended.
func TestDestroyAllOfNoSubject(t *testing.T) {
	m := manager(t, nil)
	for _, subject := range []string{"", "\x00a", "\x01a", strings.Repeat("x", 256)} {
		_, err := m.DestroyAll(t.Context(), subject)
		refused(t, err, 500, "")
	}
}

func TestDestroyID(t *testing.T) {
	m := manager(t, nil)
	mine, a := create(t, m, "alice")
	other, b := create(t, m, "alice")
	for _, tt := range []struct {
		subject, id string
		want        bool
	}{
		{"bob", other.ID(), false}, {"alice", "", false}, {"alice", other.ID() + "A", false}, {"alice", "AAAAAAAAAAAAAAAA", false},
		{"", other.ID(), false}, {"alice", other.ID(), true}, {"alice", other.ID(), false},
	} {
		if found, err := m.DestroyID(t.Context(), tt.subject, tt.id); found != tt.want || err != nil {
			t.Errorf("%q of %q: %t, %v", tt.id, tt.subject, found, err)
		}
	}
	alive(t, m, a, "alice")
	alive(t, m, b, invalid)
	// A rotation does not change the ID.
	w := recorder()
	if _, err := m.Rotate(w, request("POST", with(a)), mine); err != nil {
		t.Fatal(err)
	}
	if found, err := m.DestroyID(t.Context(), "alice", mine.ID()); !found || err != nil {
		t.Error(found, err)
	}
	alive(t, m, cookieOf(t, w), invalid)
}

// DestroyID ends a session that is rotated meanwhile.
func TestDestroyIDRacingRotate(t *testing.T) {
	memory := newMemory(t, nil)
	store := &rotatingOnce{Store: memory}
	m := manager(t, &session.Options{Store: store})
	s, _ := create(t, m, "alice")
	store.do = func() {
		list, _ := memory.List(t.Context(), "alice")
		to := list[0].Key
		to[31]++
		if ok, err := memory.Rotate(t.Context(), list[0].Key, to); !ok || err != nil {
			t.Error(ok, err)
		}
	}
	if found, err := m.DestroyID(t.Context(), "alice", s.ID()); !found || err != nil {
		t.Error(found, err)
	}
	if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("it is alive: %v, %v", list, err)
	}
}

// rotatingOnce calls do after the first List.
type rotatingOnce struct {
	session.Store
	do   func()
	done atomic.Bool
}

func (s *rotatingOnce) List(ctx context.Context, subject string) ([]session.Record, error) {
	list, err := s.Store.List(ctx, subject)
	if s.do != nil && !s.done.Swap(true) {
		s.do()
	}
	return list, err
}
