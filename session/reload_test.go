package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// TestReload: a WebSocket could not check its session again after a rotation.
func TestReload(t *testing.T) {
	now := harness.NewClock()
	methods := ""
	store := failing(newMemory(t, &session.MemoryOptions{Now: now.Now}), &methods)
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	first, c := create(t, m, "alice")
	create(t, m, "alice") // another one
	s := first
	check := func(role string) {
		t.Helper()
		next, err := m.Reload(t.Context(), first)
		if err != nil || next.ID() != first.ID() || next.Data().Role != role {
			t.Fatalf("%+v, %v; want %s", next, err, role)
		}
	}
	check("user")
	if _, err := m.Update(t.Context(), s, func(p *profile) error { p.Role = "admin"; return nil }); err != nil {
		t.Fatal(err)
	}
	check("admin")
	for range 2 {
		var err error
		w := recorder()
		if s, err = m.Rotate(w, request("POST", with(c)), s); err != nil {
			t.Fatal(err)
		}
		c = cookieOf(t, w)
		check("admin")
		if next, err := m.Reload(t.Context(), s); err != nil || next.ID() != s.ID() {
			t.Error(next, err)
		}
	}
	for _, down := range []string{"Load", "List"} {
		methods = down
		_, err := m.Reload(t.Context(), first)
		refused(t, err, 503, "")
	}
	methods = ""
	now.Advance(20 * time.Minute)
	check("admin")
	now.Advance(10 * time.Minute) // it was no use of the session
	_, err := m.Reload(t.Context(), first)
	refused(t, err, 401, "Session expired")
	_, err = m.Reload(t.Context(), s)
	refused(t, err, 401, "Session expired")
	if err := m.Destroy(recorder(), request("POST", with(c))); err != nil {
		t.Fatal(err)
	}
	_, err = m.Reload(t.Context(), first)
	refused(t, err, 401, "Invalid session")
	_, err = m.Reload(t.Context(), nil)
	refused(t, err, 401, "Not authenticated")
}

// TestAnothersSession: Recent, Rotate and Update accepted a session of another manager
// with the same D, such as that of the customers for an administrator's.
func TestAnothersSession(t *testing.T) {
	store := newMemory(t, nil) // even of one store
	admins := manager(t, &session.Options{Store: store, Name: "admin"})
	customers := manager(t, &session.Options{Store: store})
	s, c := create(t, customers, "alice")
	never := func(*profile) error { t.Error("changed"); return nil }
	_, err := admins.Update(t.Context(), s, never)
	refused(t, err, 500, "")
	_, err = admins.Reload(t.Context(), s)
	refused(t, err, 500, "")
	_, err = admins.Rotate(recorder(), request("POST", "Cookie: __Host-admin="+c.Value), s)
	refused(t, err, 500, "")
	alive(t, customers, c, "alice")
	// A half sign-in is completed by the manager that began it.
	w := recorder()
	if _, err := customers.Create(w, request("POST"), "alice", profile{}, session.Pending("totp", time.Minute)); err != nil {
		t.Fatal(err)
	}
	half := cookieOf(t, w)
	guard.Require(customers.Step("totp"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := admins.Create(w, r, "alice", profile{})
		refused(t, err, 500, "")
		if _, err := customers.Create(w, r, "alice", profile{}); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(recorder(), request("POST", with(half)))
	if _, err := customers.DestroyAll(t.Context(), "alice", s.ID()); err != nil {
		t.Fatal(err)
	}
	// What is loaded from the store is of the manager that loads it.
	list, err := admins.List(t.Context(), "alice")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if _, err := admins.Update(t.Context(), list[0], func(*profile) error { return nil }); err != nil {
		t.Error(err)
	}
}
