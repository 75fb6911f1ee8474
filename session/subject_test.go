package session_test

import (
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

func TestList(t *testing.T) {
	now := newClock()
	m := manager(t, &session.Options{Now: now.Now})
	a, ca := create(t, m, "alice")
	now.advance(time.Minute)
	b, _ := create(t, m, "alice")
	now.advance(time.Minute)
	c, _ := create(t, m, "alice")
	d, _ := create(t, m, "alicex")
	now.advance(5 * time.Minute)
	alive(t, m, ca, "alice")
	ids := func(subject string) (ids []string) {
		list, err := m.List(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.Sub() != subject || s.Data().Email != subject+"@example.com" {
				t.Errorf("%v of %s: %+v", s, subject, s.Data())
			}
			ids = append(ids, s.ID())
		}
		return ids
	}
	if got := ids("alice"); !slices.Equal(got, []string{a.ID(), c.ID(), b.ID()}) {
		t.Errorf("not by last use: %v", got)
	}
	if got := ids("nobody"); len(got) != 0 {
		t.Errorf("nobody has %v", got)
	}
	now.advance(24 * time.Minute)
	if got := ids("alice"); !slices.Equal(got, []string{a.ID(), c.ID()}) {
		t.Errorf("a session that has ended is listed: %v", got)
	}
	if got := ids("alicex"); !slices.Equal(got, []string{d.ID()}) {
		t.Errorf("another subject's are %v", got)
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
	// The id holds after a rotation.
	w := recorder()
	if _, err := m.Rotate(w, request("POST", with(a)), mine); err != nil {
		t.Fatal(err)
	}
	if found, err := m.DestroyID(t.Context(), "alice", mine.ID()); !found || err != nil {
		t.Error(found, err)
	}
	alive(t, m, cookieOf(t, w), invalid)
}

// A session that is rotated while it is ended is ended all the same.
func TestDestroyIDRacingRotate(t *testing.T) {
	memory := session.NewMemory(nil)
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
		t.Errorf("it lives on: %v, %v", list, err)
	}
}
