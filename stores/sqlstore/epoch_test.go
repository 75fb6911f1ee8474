package sqlstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestEpochs: an epoch grows whatever the clock says. It is forgotten after 400 days,
// an ended Ref after Grace, and what was only locked after an hour.
func TestEpochs(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		db := p.open(t)
		var epoch int64
		raise := func() {
			t.Helper()
			_, err := s.Sessions().DeleteAll(t.Context(), "alice", nil)
			if err != nil {
				t.Fatal(err)
			}
			raised, err := s.Sessions().Epoch(t.Context(), "alice")
			if raised <= epoch || err != nil {
				t.Errorf("Epoch = %d, %v after %d", raised, err, epoch)
			}
			epoch = raised
		}
		swept := func(rows int) {
			t.Helper()
			for n := 1; n > 0; {
				var err error
				if n, err = s.Sweep(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			if n := count(t, db, "guard_epochs"); n != rows {
				t.Errorf("%d epochs are left, want %d", n, rows)
			}
		}
		raise()
		c.advance(-24 * time.Hour)
		raise()
		c.advance(24 * time.Hour)
		raise()
		c.advance(400*24*time.Hour - time.Minute)
		swept(1)
		c.advance(2 * time.Hour)
		swept(0)
		raise() // is larger than the forgotten one, too

		rec := sessiontest.Record("bob")
		rec.Ref = "sid"
		if _, err := s.Sessions().DeleteRef(t.Context(), "sid", "bob"); err != nil {
			t.Fatal(err)
		}
		c.advance(session.Grace - time.Minute)
		if err := s.Sessions().Insert(t.Context(), rec, 0); !errors.Is(err, session.ErrEnded) {
			t.Errorf("with an ended Ref: %v", err)
		}
		swept(2) // the epoch of alice and the Ref
		c.advance(2 * time.Minute)
		if err := s.Sessions().Insert(t.Context(), rec, 0); err != nil {
			t.Errorf("after Grace: %v", err)
		}
		swept(4)
		c.advance(time.Hour)
		swept(1)
	})
}

// TestEpochsAreBounded: logins delete rows that are no longer needed, and so do endings.
// By chance: 500 of them without a sweep happen in one of 10^14 runs.
func TestEpochsAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		for name, insert := range map[string]func(s *sqlstore.Stores, ref string) error{
			"logins": func(s *sqlstore.Stores, ref string) error {
				rec := sessiontest.Record(ref)
				rec.Ref = ref
				return s.Sessions().Insert(t.Context(), rec, session.AnyEpoch)
			},
			"endings": func(s *sqlstore.Stores, ref string) error {
				_, err := s.Sessions().DeleteRef(t.Context(), ref, "bob")
				return err
			},
		} {
			var c clock
			s, p := b.stores(t, &sqlstore.Options{Now: c.now})
			db, swept := p.open(t), false
			for n := 1; n <= 500 && !swept; n++ {
				if err := insert(s, fmt.Sprint("sid", n)); err != nil {
					t.Fatal(err)
				}
				c.advance(time.Hour)
				swept = count(t, db, "guard_epochs") < n
			}
			if !swept {
				t.Errorf("500 %s swept nothing", name)
			}
		}
	})
}
