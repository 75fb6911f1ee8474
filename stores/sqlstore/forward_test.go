package sqlstore_test

import (
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// rotate gives a session new keys, and returns them after the first.
func rotate(t testing.TB, s *sqlstore.Stores, rec session.Record, times int) (keys []session.Key) {
	t.Helper()
	keys = []session.Key{rec.Key}
	for range times {
		to := sessiontest.Record(rec.Subject).Key
		if done, err := s.Sessions().Rotate(t.Context(), keys[len(keys)-1], to); !done || err != nil {
			t.Fatalf("Rotate = %t, %v", done, err)
		}
		keys = append(keys, to)
	}
	return keys
}

// TestForward: a logout with a key of before some rotations ends the session within
// Forward. Later it does nothing.
func TestForward(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		for _, tt := range []struct {
			after time.Duration
			want  bool
		}{{session.Forward - time.Second, true}, {session.Forward + time.Second, false}} {
			rec, other := sessiontest.Record("alice"), sessiontest.Record("alice")
			for _, rec := range []session.Record{rec, other} {
				if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
					t.Fatal(err)
				}
			}
			keys := rotate(t, s, rec, 3)
			c.advance(tt.after)
			if done, err := s.Sessions().Delete(t.Context(), keys[0]); done != tt.want || err != nil {
				t.Errorf("after %v: Delete = %t, %v", tt.after, done, err)
			}
			if _, found, err := s.Sessions().Load(t.Context(), keys[3]); found == tt.want || err != nil {
				t.Errorf("after %v: Load = %t, %v", tt.after, found, err)
			}
			if _, found, err := s.Sessions().Load(t.Context(), other.Key); !found || err != nil {
				t.Errorf("another session: Load = %t, %v", found, err)
			}
		}
		// A session under a key that it had before is found by it after the next rotation.
		rec := sessiontest.Record("alice")
		if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
			t.Fatal(err)
		}
		keys := rotate(t, s, rec, 1)
		c.advance(time.Hour)
		if done, err := s.Sessions().Rotate(t.Context(), keys[1], keys[0]); !done || err != nil {
			t.Errorf("Rotate = %t, %v", done, err)
		}
		rotate(t, s, rec, 1)
		if done, err := s.Sessions().Delete(t.Context(), keys[0]); !done || err != nil {
			t.Errorf("Delete = %t, %v", done, err)
		}
		c.advance(2 * time.Hour)
		for n := 1; n > 0; {
			var err error
			if n, err = s.Sweep(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, p.open(t), "guard_forwards"); n != 0 {
			t.Errorf("%d forwards are left", n)
		}
	})
}

// TestForwardsAreBounded: rotations delete expired forwards.
func TestForwardsAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		rec := sessiontest.Record("alice")
		if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
			t.Fatal(err)
		}
		db := p.open(t)
		for i := range 400 { // by chance: all of them miss once in 10^11 runs
			rec.Key = rotate(t, s, rec, 1)[1]
			c.advance(time.Hour)
			if count(t, db, "guard_forwards") <= i {
				return
			}
		}
		t.Errorf("%d forwards after 400 rotations", count(t, db, "guard_forwards"))
	})
}
