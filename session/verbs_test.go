package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

func TestCreate(t *testing.T) {
	m := manager(t, nil)
	_, old := create(t, m, "mallory")
	s, c := create(t, m, "alice", with(old))
	if s.Sub() != "alice" || s.Data() != (profile{"alice@example.com", "user"}) || c.Value == old.Value {
		t.Errorf("%v: %+v", s, s.Data())
	}
	alive(t, m, old, invalid) // fixation: what was presented is dead, and not adopted
	alive(t, m, c, "alice")
	for _, presented := range []string{"", "x", strings.Repeat("A", 43)} {
		_, c := create(t, m, "alice", "Cookie: "+old.Name+"="+presented)
		if c.Value == presented {
			t.Errorf("%q was adopted", presented)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	m := manager(t, &session.Options{MaxData: 100})
	_, c := create(t, m, "alice")
	for _, tt := range []struct {
		name    string
		header  []string
		subject string
		data    profile
		status  int
	}{
		{"two cookies", []string{with(c), with(c)}, "bob", profile{}, 400},
		{"another origin", []string{with(c), "Sec-Fetch-Site: cross-site"}, "bob", profile{}, 403},
		{"another origin, anonymous", []string{"Sec-Fetch-Site: cross-site"}, "bob", profile{}, 403},
		{"nobody", []string{with(c)}, "", profile{}, 500},
		{"a long name", []string{with(c)}, strings.Repeat("x", 256), profile{}, 500},
		{"much data", []string{with(c)}, "bob", profile{Email: strings.Repeat("x", 100)}, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := recorder()
			s, err := m.Create(w, request("POST", tt.header...), tt.subject, tt.data)
			refused(t, err, tt.status, "")
			if s != nil || len(w.Header()) != 0 {
				t.Errorf("%v, %v", s, w.Header())
			}
			alive(t, m, c, "alice") // nothing has changed
		})
	}
}

func TestDestroy(t *testing.T) {
	now := newClock()
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
	now.advance(29 * time.Minute)
	alive(t, m, c, "alice")
	alive(t, m, other, "alice")
	now.advance(time.Minute)
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

func TestRotate(t *testing.T) {
	now := newClock()
	m := manager(t, &session.Options{Now: now.Now})
	s, old := create(t, m, "alice")
	stranger, _ := create(t, m, "bob")
	now.advance(2 * time.Minute)
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
	now.advance(28 * time.Minute) // half an hour since the creation: the deadline stays
	alive(t, m, c, expired)
	_, err = m.Rotate(recorder(), request("POST", with(c)), next)
	refused(t, err, 401, "Session expired")
}

func TestUpdate(t *testing.T) {
	m := manager(t, nil)
	s, c := create(t, m, "alice")
	admin := func(p *profile) error { p.Role = "admin"; return nil }
	next, err := m.Update(t.Context(), s, admin)
	if err != nil || next.Data().Role != "admin" || s.Data().Role != "user" || next.ID() != s.ID() {
		t.Fatalf("%+v, before %+v, %v", next.Data(), s.Data(), err)
	}
	got, err := m.Authenticate(request("GET", with(c)))
	if err != nil || got.Data() != next.Data() {
		t.Errorf("%+v, %v", got, err)
	}
	// From a snapshot that is old: change sees the data as it is.
	next, err = m.Update(t.Context(), s, func(p *profile) error { p.Email = "a@b"; return nil })
	if err != nil || next.Data() != (profile{"a@b", "admin"}) {
		t.Errorf("%+v, %v", next, err)
	}
	mine := errors.New("mine")
	if _, err := m.Update(t.Context(), s, func(*profile) error { return mine }); err != mine {
		t.Error(err)
	}
	_, err = m.Update(t.Context(), s, func(p *profile) error { p.Email = strings.Repeat("x", 4096); return nil })
	refused(t, err, 500, "")
	if err := m.Destroy(recorder(), request("POST", with(c))); err != nil {
		t.Fatal(err)
	}
	_, err = m.Update(t.Context(), s, admin)
	refused(t, err, 401, "Invalid session")
	alive(t, m, c, invalid)
}

// Nothing is lost, however many change it at once.
func TestUpdateInParallel(t *testing.T) {
	type counter struct{ N int }
	m, err := session.New[map[string]counter](nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Create(recorder(), request("POST"), "alice", map[string]counter{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				if _, err := m.Update(t.Context(), s, func(d *map[string]counter) error {
					(*d)["all"] = counter{(*d)["all"].N + 1}
					key := fmt.Sprint(i)
					(*d)[key] = counter{(*d)[key].N + 1}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := m.List(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].Data()["all"].N != 200 || list[0].Data()["7"].N != 25 || len(s.Data()) != 0 {
		t.Errorf("%v, %v", list[0].Data(), err)
	}
}

func TestUpdateGivesUp(t *testing.T) {
	m := manager(t, &session.Options{Store: contended{session.NewMemory(nil)}})
	s, _ := create(t, m, "alice")
	_, err := m.Update(t.Context(), s, func(*profile) error { return nil })
	refused(t, err, 503, "")
	if _, err := m.DestroyID(t.Context(), "alice", s.ID()); err == nil {
		t.Error("said to be destroyed")
	}
}

// contended is a store where somebody else is always faster.
type contended struct{ session.Store }

func (contended) Update(context.Context, session.Key, int64, string) (bool, error) { return false, nil }
func (contended) Delete(context.Context, session.Key) (bool, error)                { return false, nil }

// No two requests share memory: what one does to the data of its session, no
// other sees, and the store does not either.
func TestDataIsNotShared(t *testing.T) {
	m, err := session.New[[]string](nil)
	if err != nil {
		t.Fatal(err)
	}
	w := recorder()
	data := []string{"a"}
	s, err := m.Create(w, request("POST"), "alice", data)
	if err != nil {
		t.Fatal(err)
	}
	data[0] = "x"
	for range 2 {
		if s.Data()[0] != "a" {
			t.Fatal("another request's change is seen")
		}
		s.Data()[0] = "y"
		if s, err = m.Authenticate(request("GET", with(cookieOf(t, w)))); err != nil {
			t.Fatal(err)
		}
	}
}

// An outage is 503 for every verb, changes nothing that is told, and tells
// nothing of the store.
func TestOutage(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(session.NewMemory(nil), &methods)})
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

// What was begun is done, also when the client leaves; and nothing hangs.
func TestWritesGoOn(t *testing.T) {
	limited := 0
	store := &faulty{session.NewMemory(nil), func(ctx context.Context, method string) error {
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= time.Second {
			limited++
		}
		if method == "Load" {
			return nil
		}
		return ctx.Err()
	}}
	m := manager(t, &session.Options{Store: store, Timeout: time.Second})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := recorder()
	s, err := m.Create(w, request("POST").WithContext(gone), "alice", profile{})
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	if _, err := m.Update(gone, s, func(p *profile) error { p.Role = "x"; return nil }); err != nil {
		t.Error(err)
	}
	if _, err := m.Authenticate(request("GET", with(c))); err != nil {
		t.Error(err)
	}
	if err := m.Destroy(w, request("POST", with(c)).WithContext(gone)); err != nil {
		t.Error(err)
	}
	if n, err := m.DestroyAll(gone, "alice"); err != nil || n != 0 {
		t.Error(n, err)
	}
	if limited != 5 {
		t.Errorf("%d of 5 calls had a time limit", limited)
	}
}

// TestEndBesideARotation: a session that a parallel request rotates between a
// logout's or a login's authentication and its deletion is dead all the same.
func TestEndBesideARotation(t *testing.T) {
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
			beside := request("POST", with(old))
			s, err := m.Authenticate(beside)
			if err != nil {
				t.Fatal(err)
			}
			other := httptest.NewRecorder()
			if _, err := m.Rotate(other, beside, s); err != nil {
				t.Fatal(err)
			}
			rotated = cookieOf(t, other)
			if err := end(m, w, r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), request("POST", with(old)))
		if _, err := m.Authenticate(request("GET", with(rotated))); err == nil {
			t.Errorf("after %s the rotated session lives", name)
		}
	}
}
