package session_test

import (
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// TestClockSetBack: an idle session was alive again after the clock was set back.
func TestClockSetBack(t *testing.T) {
	now := harness.NewClock()
	store := newMemory(t, &session.MemoryOptions{Now: now.Now})
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	s, c := create(t, m, "alice")
	start := now.Time
	now.Advance(30 * time.Minute)
	alive(t, m, c, expired)
	for _, back := range []time.Duration{time.Millisecond, 15 * time.Minute, 30 * time.Minute, 24 * time.Hour} {
		now.Time = start.Add(30*time.Minute - back)
		alive(t, m, c, expired)
		if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 0 {
			t.Errorf("%v back: listed %v, %v", back, list, err)
		}
		_, err := m.Update(t.Context(), s, func(*profile) error { return nil })
		refused(t, err, 401, "Session expired")
	}
	// A login has the time at which the manager is.
	s, c = create(t, m, "alice")
	if !s.AuthTime().Equal(start.Add(30 * time.Minute)) {
		t.Errorf("created %v", s.AuthTime())
	}
	alive(t, m, c, "alice")
}

// A process that was started after the clock was set back refuses sessions that were
// created or used more than an hour later.
func TestSessionsFromTheFuture(t *testing.T) {
	now := harness.NewClock()
	store := newMemory(t, &session.MemoryOptions{Now: now.Now})
	at := func(d time.Duration) *profiles {
		return manager(t, &session.Options{Store: store, Now: func() time.Time { return now.Add(d) }, IdleTimeout: 12 * time.Hour})
	}
	_, c := create(t, at(2*time.Hour), "alice")
	alive(t, at(0), c, invalid)
	alive(t, at(time.Hour-time.Millisecond), c, invalid)
	alive(t, at(time.Hour), c, "alice") // clocks may differ that much
	alive(t, at(3*time.Hour), c, "alice")
	_, c = create(t, at(0), "bob")
	alive(t, at(0), c, "bob")
	alive(t, at(3*time.Hour), c, "bob") // which writes the use
	alive(t, at(2*time.Hour), c, "bob")
	alive(t, at(time.Hour), c, invalid)
	if list, err := at(time.Hour).List(t.Context(), "bob"); err != nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
}

// While the wall clock is behind, time passes by the monotonic one.
func TestSteadyClock(t *testing.T) {
	const s = time.Second
	steady := session.Steady()
	for _, tt := range []struct {
		name                string
		wall, elapsed, want time.Duration
	}{
		{"the start", 0, 0, 0},
		{"a second", s, s, s},
		{"set back by ten", -8 * s, 2 * s, 2 * s},
		{"there", -7 * s, 3 * s, 3 * s},
		{"set right", 4 * s, 4 * s, 4 * s},
		{"set forward by ten", 15 * s, 5 * s, 15 * s},
		{"set right, which is back", 6 * s, 6 * s, 16 * s},
		{"there", 7 * s, 7 * s, 17 * s},
		{"set forward by a minute", 68 * s, 8 * s, 68 * s},
		{"no monotonic time, set back", 0, 0, 68 * s},
		{"a slower reading", 68*s - 1, 8*s - 1, 68 * s},
		// A wrong second signed everyone out until the process was started again.
		{"set forward by a day", 86409 * s, 9 * s, 86409 * s},
		{"set back, to another time", 20 * s, 10 * s, 86410 * s},
		{"set right", 11*s + 1, 11 * s, 11*s + 1},
		{"there", 12 * s, 12 * s, 12*s + 1},
		{"set back", -10 * s, 13 * s, 13*s + 1},
		{"suspended for a day", 86414 * s, 14 * s, 86414 * s},
		{"set back", 43200 * s, 15 * s, 86415 * s},
	} {
		if got := steady(tt.wall, tt.elapsed); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
