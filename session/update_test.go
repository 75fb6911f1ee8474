package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

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
	// From an old Session: change gets the data as it is in the store.
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

// Concurrent updates are all applied.
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

// Many tabs use one session while it is touched, updated and at last destroyed:
// each request gets a consistent state, and is refused after the end.
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

func TestUpdateGivesUp(t *testing.T) {
	m := manager(t, &session.Options{Store: contended{newMemory(t, nil)}})
	s, _ := create(t, m, "alice")
	_, err := m.Update(t.Context(), s, func(*profile) error { return nil })
	refused(t, err, 503, "")
	if _, err := m.DestroyID(t.Context(), "alice", s.ID()); err == nil {
		t.Error("DestroyID succeeded")
	}
}

// contended is a store in which another process is always faster.
type contended struct{ session.Store }

func (contended) Update(context.Context, session.Key, int64, string) (bool, error) { return false, nil }

func (contended) Delete(context.Context, session.Key) (bool, error) { return false, nil }
