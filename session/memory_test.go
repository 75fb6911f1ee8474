package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func TestMemory(t *testing.T) {
	sessiontest.Run(t, func(*testing.T) session.Store { return newMemory(t, nil) })
}

// record returns a record that was last used at seen from now, and whose deadline
// is in half an hour.
func record(c *harness.Clock, subject string, seen time.Duration) session.Record {
	rec := sessiontest.Record(subject)
	rec.Created = c.Time
	rec.LastSeen = c.Time.Add(seen)
	rec.Deadline = c.Time.Add(30 * time.Minute)
	return rec
}

func insert(t *testing.T, m *session.Memory, rec session.Record, want error) {
	t.Helper()
	if err := m.Insert(t.Context(), rec, session.AnyEpoch); !errors.Is(err, want) {
		t.Errorf("insert: %v, want %v", err, want)
	}
}

func has(t *testing.T, m *session.Memory, rec session.Record, want bool) {
	t.Helper()
	if _, found, err := m.Load(t.Context(), rec.Key); found != want || err != nil {
		t.Errorf("%s: found %t, %v", rec.Subject, found, err)
	}
}

// A full store refuses logins and evicts no other subject's session. There is
// space again when a session is deleted, or after its grace period.
func TestMemoryIsBounded(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Max: 3, Now: now.Now})
	a := record(now, "a", 0)
	insert(t, m, a, nil)
	now.Advance(time.Minute)
	b, c := record(now, "b", 0), record(now, "c", 0)
	insert(t, m, b, nil)
	insert(t, m, c, nil)
	insert(t, m, record(now, "d", 0), session.ErrFull)
	for _, rec := range []session.Record{a, b, c} {
		has(t, m, rec, true)
	}
	if _, err := m.Delete(t.Context(), b.Key); err != nil {
		t.Fatal(err)
	}
	insert(t, m, record(now, "d", 0), nil)
	insert(t, m, record(now, "e", 0), session.ErrFull)
	now.Advance(89*time.Minute - time.Millisecond) // a's grace period ends in a millisecond
	insert(t, m, record(now, "e", 0), session.ErrFull)
	has(t, m, a, true)
	now.Advance(time.Millisecond)
	has(t, m, a, false)
	if list, err := m.List(t.Context(), "a"); len(list) != 0 || err != nil {
		t.Errorf("listed: %v, %v", list, err)
	}
	insert(t, m, record(now, "e", 0), nil)
	insert(t, m, record(now, "f", 0), session.ErrFull)
	has(t, m, c, true)
}

// A login into a full store is an outage. Users who are signed in stay so.
func TestFullIsUnavailable(t *testing.T) {
	m := manager(t, &session.Options{Store: newMemory(t, &session.MemoryOptions{Max: 1})})
	_, c := create(t, m, "alice")
	w := recorder()
	_, err := m.Create(w, request("POST"), "bob", profile{})
	refused(t, err, 503, "The service is unavailable")
	if !errors.Is(err, session.ErrFull) || len(w.Header()) != 0 {
		t.Errorf("%v, %v", err, w.Header())
	}
	alive(t, m, c, "alice")
	create(t, m, "bob", with(c)) // it replaces Alice's session, whose cookie it presents
}

// One subject cannot fill the store: a new session replaces its oldest one.
func TestMemoryPerSubject(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Max: 4, MaxPerSubject: 3, Now: now.Now})
	stranger := record(now, "b", -time.Hour)
	insert(t, m, stranger, nil)
	var recs []session.Record
	for _, seen := range []time.Duration{3, 0, 1, 4, 5} {
		recs = append(recs, record(now, "a", seen*time.Second))
		insert(t, m, recs[len(recs)-1], nil)
	}
	for i, want := range []bool{true, false, false, true, true} {
		has(t, m, recs[i], want)
	}
	has(t, m, stranger, true)
}

// Later logins remove expired records.
func TestMemorySweeps(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Now: now.Now})
	for i := range 8000 {
		insert(t, m, record(now, fmt.Sprint(i), 0), nil)
	}
	extended := record(now, "extended", 0)
	insert(t, m, extended, nil)
	if err := m.Touch(t.Context(), extended.Key, now.Time.Add(time.Second), now.Time.Add(8*time.Hour)); err != nil {
		t.Fatal(err)
	}
	now.Advance(2 * time.Hour)
	for i := range 8000 {
		insert(t, m, record(now, fmt.Sprint("new", i), 0), nil)
	}
	wantLen(t, m, 8001)
	has(t, m, extended, true)
}

func TestMemoryOptions(t *testing.T) {
	for _, o := range []session.MemoryOptions{{Max: -1}, {MaxGuests: -1}, {MaxPerSubject: -1}} {
		if m, err := session.NewMemory(&o); m != nil || err == nil || !strings.HasPrefix(err.Error(), "session: ") {
			t.Errorf("NewMemory(%+v) = %v, %v", o, m, err)
		}
	}
	if _, err := session.NewMemory(&session.MemoryOptions{Max: -1, MaxGuests: -1, MaxPerSubject: -1}); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all mistakes are reported: %v", err)
	}
}
