package session_test

import (
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestList(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	a, ca := create(t, m, "alice")
	now.Advance(time.Minute)
	b, _ := create(t, m, "alice")
	now.Advance(time.Minute)
	c, _ := create(t, m, "alice")
	d, _ := create(t, m, "alicex")
	now.Advance(5 * time.Minute)
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
	if got := ids("nosuch"); len(got) != 0 {
		t.Errorf("a subject without sessions has %v", got)
	}
	now.Advance(24 * time.Minute)
	if got := ids("alice"); !slices.Equal(got, []string{a.ID(), c.ID()}) {
		t.Errorf("a session that has ended is listed: %v", got)
	}
	if got := ids("alicex"); !slices.Equal(got, []string{d.ID()}) {
		t.Errorf("another subject's are %v", got)
	}
}
