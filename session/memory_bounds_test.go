package session_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func rotate(t *testing.T, m *session.Memory, rec *session.Record) (from session.Key) {
	t.Helper()
	from, to := rec.Key, sessiontest.Key(rec.Subject)
	if ok, err := m.Rotate(t.Context(), from, to); !ok || err != nil {
		t.Fatalf("rotate: %t, %v", ok, err)
	}
	rec.Key = to
	return from
}

func TestMemoryForwardEnds(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Now: now.Now})
	early, late := record(now, "a", 0), record(now, "a", 0)
	insert(t, m, early, nil)
	insert(t, m, late, nil)
	from, lateFrom := rotate(t, m, &early), rotate(t, m, &late)
	now.Advance(session.Forward - time.Millisecond)
	if deleted, err := m.Delete(t.Context(), from); !deleted || err != nil {
		t.Errorf("delete before the end: %t, %v", deleted, err)
	}
	now.Advance(time.Millisecond)
	if deleted, err := m.Delete(t.Context(), lateFrom); deleted || err != nil {
		t.Errorf("delete at the end: %t, %v", deleted, err)
	}
	has(t, m, late, true)
}

// A client that rotates its session again and again is refused, and no other.
func TestMemoryBoundsForwards(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Now: now.Now})
	rec, other := record(now, "a", 0), record(now, "a", 0)
	insert(t, m, rec, nil)
	insert(t, m, other, nil)
	first := rec.Key
	for range session.MaxForwards {
		rotate(t, m, &rec)
	}
	if ok, err := m.Rotate(t.Context(), rec.Key, sessiontest.Key("a")); ok || err == nil {
		t.Errorf("rotation %d within %v: %t, %v", session.MaxForwards+1, session.Forward, ok, err)
	}
	has(t, m, rec, true)
	rotate(t, m, &other)
	now.Advance(session.Forward)
	for range session.MaxForwards / 2 {
		rotate(t, m, &rec)
	}
	if n, _, _ := m.Remembered(); n > session.MaxForwards/2 {
		t.Errorf("%d forwards are kept", n)
	}
	if deleted, _ := m.Delete(t.Context(), first); deleted {
		t.Error("an ended forward was found")
	}
	has(t, m, rec, true)
}

// Inserts remove forwards, too, so that none pins the data of an ended session.
func TestMemorySweepsForwards(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Now: now.Now})
	for range 10 {
		rec := record(now, "a", 0)
		insert(t, m, rec, nil)
		rotate(t, m, &rec)
		if _, err := m.Delete(t.Context(), rec.Key); err != nil {
			t.Fatal(err)
		}
	}
	now.Advance(session.Forward)
	for range 3 {
		insert(t, m, record(now, "a", 0), nil)
	}
	if n, _, _ := m.Remembered(); n != 0 {
		t.Errorf("%d forwards are kept", n)
	}
	wantLen(t, m, 3)
}

// A Memory forgets which subject has which epoch, but no epoch that has ended is
// valid again.
func TestMemoryBoundsEpochs(t *testing.T) {
	m := newMemory(t, nil)
	epoch := func(subject string) int64 {
		n, err := m.Epoch(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	last := map[string]int64{"a": 0, "b": 0, "c": 0}
	end := func(subject string) {
		if _, err := m.DeleteAll(t.Context(), subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 7 {
		end("a")
	}
	end("b")
	ended := epoch("a") - 1
	const bound = session.Partitions * session.MaxEpochs
	for i := range 5 * bound {
		end(strconv.Itoa(i))
		if i%(bound/4) > 0 {
			continue
		}
		for subject, before := range last {
			if last[subject] = epoch(subject); last[subject] < before {
				t.Fatalf("after %d subjects, the epoch of %s is %d, and was %d", i, subject, last[subject], before)
			}
		}
	}
	if _, n, _ := m.Remembered(); n > 2*bound {
		t.Errorf("%d epochs are kept", n)
	}
	for range 3 { // those of today are remembered
		before := epoch("a")
		end("a")
		if epoch("a") != before+1 {
			t.Errorf("epoch %d after %d", epoch("a"), before)
		}
	}
	rec := sessiontest.Record("a")
	if err := m.Insert(t.Context(), rec, ended); !errors.Is(err, session.ErrEnded) {
		t.Errorf("a login with epoch %d: %v", ended, err)
	}
	if err := m.Insert(t.Context(), rec, epoch("a")); err != nil {
		t.Error(err)
	}
}

func TestMemoryBoundsEndedRefs(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Now: now.Now})
	subject := ""
	end := func(ref string, want int, wantErr error) {
		t.Helper()
		if n, err := m.DeleteRef(t.Context(), ref, subject); n != want || !errors.Is(err, wantErr) {
			t.Fatalf("delete ref: %d, %v; want %d, %v", n, err, want, wantErr)
		}
	}
	for i := range session.MaxEndedRefs {
		end(fmt.Sprint(i), 0, nil)
	}
	end("0", 0, nil)
	rec := record(now, "a", 0)
	rec.Ref = "late"
	insert(t, m, rec, nil)
	end("late", 1, session.ErrFull) // the session ends, and the caller learns that a login could follow
	has(t, m, rec, false)
	insert(t, m, rec, nil)
	subject = "a"
	end("late", 1, session.ErrFull)
	has(t, m, rec, false)
	subject = ""
	now.Advance(session.Grace - time.Millisecond)
	rec.Ref = "1"
	insert(t, m, rec, session.ErrEnded)
	now.Advance(time.Millisecond)
	insert(t, m, rec, nil)
	end("late", 0, nil)
	end("1", 1, nil)
	for i := range session.MaxEndedRefs - 1 {
		end(fmt.Sprint(i), 0, nil)
	}
	if _, _, n := m.Remembered(); n > session.MaxEndedRefs {
		t.Errorf("%d references are kept", n)
	}
}

// Guests come without a password: any number of them takes no login's place. A new
// one replaces the one that ends first.
func TestMemoryBoundsGuests(t *testing.T) {
	now := harness.NewClock()
	m := newMemory(t, &session.MemoryOptions{Max: 2, MaxGuests: 30, Now: now.Now})
	login := record(now, "a", 0)
	insert(t, m, login, nil)
	var last session.Record
	for i := range 5000 {
		last = record(now, fmt.Sprintf("\x00%d", i), 0)
		last.Deadline = last.Deadline.Add(time.Duration(i) * time.Millisecond)
		insert(t, m, last, nil)
		has(t, m, last, true)
	}
	wantLen(t, m, 32+1)
	has(t, m, login, true)
	insert(t, m, record(now, "b", 0), nil)
	insert(t, m, record(now, "c", 0), session.ErrFull)
	has(t, m, last, true)
	now.Advance(2 * time.Hour)
	for i := range 100 {
		insert(t, m, record(now, fmt.Sprintf("\x00%d", i), 0), nil)
	}
	has(t, m, login, false)
	insert(t, m, record(now, "c", 0), nil)
}

func TestMemoryRefusesWrongRecords(t *testing.T) {
	m := newMemory(t, nil)
	long := string(make([]byte, 256))
	for _, change := range []func(*session.Record){
		func(rec *session.Record) { rec.Subject = "" },
		func(rec *session.Record) { rec.Subject = long },
		func(rec *session.Record) { rec.Login = long },
		func(rec *session.Record) { rec.Ref = long },
	} {
		rec := sessiontest.Record("alice")
		change(&rec)
		if err := m.Insert(t.Context(), rec, session.AnyEpoch); err == nil {
			t.Errorf("inserted: subject %d, login %d, reference %d bytes", len(rec.Subject), len(rec.Login), len(rec.Ref))
		}
	}
	rec := sessiontest.Record("alice")
	insert(t, m, rec, nil)
	if ok, err := m.Rotate(t.Context(), rec.Key, sessiontest.Key("bob")); ok || err == nil {
		t.Error("rotated to a key of another subject")
	}
	has(t, m, rec, true)
}

// One session for each user allowed no more than 4096 guests, of whom two in 4096 met.
func TestMemoryPerSubjectIsOfUsers(t *testing.T) {
	memory := newMemory(t, &session.MemoryOptions{MaxPerSubject: 1})
	m := manager(t, &session.Options{Store: memory})
	for range 2 {
		create(t, m, "alice")
	}
	for range 1000 { // of 4096 subjects
		guest(t, m)
	}
	wantLen(t, memory, 1001)
}
