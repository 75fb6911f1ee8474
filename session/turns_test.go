package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/session"
)

// TestUpdatesAreLinear: 300 parallel updates of one session cost 95,000 calls of the
// store.
func TestUpdatesAreLinear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		store := &faulty{newMemory(t, nil), func(context.Context, string) error {
			calls.Add(1)
			time.Sleep(time.Millisecond) // so that all are there at once
			return nil
		}}
		m := manager(t, &session.Options{Store: store})
		s, _ := create(t, m, "alice")
		stranger, _ := create(t, m, "bob")
		calls.Store(0)
		var wg sync.WaitGroup
		for range 300 {
			wg.Go(func() {
				if _, err := m.Update(t.Context(), s, func(p *profile) error { p.Role += "x"; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Microsecond)
		start := time.Now()
		if _, err := m.Update(t.Context(), stranger, func(*profile) error { return nil }); err != nil || time.Since(start) > time.Millisecond {
			t.Errorf("another session's update took %v: %v", time.Since(start), err)
		}
		if n := m.Turns(); n != 1 {
			t.Errorf("%d sessions are updated", n)
		}
		wg.Wait()
		if n := calls.Load(); n != 300+299+1 {
			t.Errorf("%d calls of the store, want 600", n)
		}
		list, err := m.List(t.Context(), "alice")
		if err != nil || len(list) != 1 || len(list[0].Data().Role) != len("user")+300 {
			t.Errorf("%v, %v", list, err)
		}
		if n := m.Turns(); n != 0 {
			t.Errorf("%d sessions are remembered", n)
		}
	})
}

// Flash messages are changes of a session as well.
func TestFlashesAreLinear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		store := &faulty{newMemory(t, nil), func(context.Context, string) error {
			calls.Add(1)
			time.Sleep(time.Millisecond)
			return nil
		}}
		m := manager(t, &session.Options{Store: store})
		_, c := create(t, m, "alice")
		calls.Store(0)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := m.Flash(recorder(), request("POST", with(c)), "saved"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n != 100+100+99 || m.Turns() != 0 {
			t.Errorf("%d calls of the store, want 299", n)
		}
	})
}

// An update that waits for another obeys its context, and the time limit.
func TestUpdateWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manager(t, nil)
		s, c := create(t, m, "alice")
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := m.Update(t.Context(), s, func(*profile) error { time.Sleep(time.Minute); return nil }); err == nil {
				t.Error("an update of a session that has ended meanwhile")
			}
		})
		synctest.Wait()
		start := time.Now()
		left, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		never := func(*profile) error { t.Error("changed"); return nil }
		if _, err := m.Update(left, s, never); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		_, err := m.Update(t.Context(), s, never)
		if refused(t, err, 503, ""); time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// One that waits for a session which ends is refused.
		time.Sleep(50 * time.Second)
		wg.Go(func() {
			_, err := m.Update(t.Context(), s, never)
			refused(t, err, 401, "Invalid session")
		})
		synctest.Wait()
		if err := m.Destroy(recorder(), request("POST", with(c))); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if n := m.Turns(); n != 0 {
			t.Errorf("%d sessions are remembered", n)
		}
	})
}

// A change that panics or fails ends its turn.
func TestUpdatePanics(t *testing.T) {
	m := manager(t, nil)
	s, _ := create(t, m, "alice")
	func() {
		defer func() { _ = recover() }()
		_, _ = m.Update(t.Context(), s, func(*profile) error { panic("x") })
	}()
	if _, err := m.Update(t.Context(), s, func(*profile) error { return errDown }); err != errDown {
		t.Error(err)
	}
	if _, err := m.Update(t.Context(), s, func(*profile) error { return nil }); err != nil || m.Turns() != 0 {
		t.Error(err, m.Turns())
	}
}
