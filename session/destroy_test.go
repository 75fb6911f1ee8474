package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	_, err = destroy(with(c), with(c))
	refused(t, err, 400, "More than one")
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

// TestEndDuringRotation: a session that another request rotates between the
// authentication and the deletion of a logout or login is destroyed all the same.
func TestEndDuringRotation(t *testing.T) {
	for name, end := range map[string]func(m *profiles, w http.ResponseWriter, r *http.Request) error{
		"Destroy": func(m *profiles, w http.ResponseWriter, r *http.Request) error { return m.Destroy(w, r) },
		"Create": func(m *profiles, w http.ResponseWriter, r *http.Request) error {
			_, err := m.Create(w, r, "2", profile{})
			return err
		},
	} {
		m := manager(t, nil)
		_, old := create(t, m, "1")
		var rotated *http.Cookie
		m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			parallel := request("POST", with(old))
			s, err := m.Authenticate(parallel)
			if err != nil {
				t.Fatal(err)
			}
			other := httptest.NewRecorder()
			if _, err := m.Rotate(other, parallel, s); err != nil {
				t.Fatal(err)
			}
			rotated = cookieOf(t, other)
			if err := end(m, w, r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), request("POST", with(old)))
		if _, err := m.Authenticate(request("GET", with(rotated))); err == nil {
			t.Errorf("after %s the rotated session is alive", name)
		}
	}
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
