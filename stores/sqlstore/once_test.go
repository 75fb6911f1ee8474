package sqlstore_test

import (
	"testing"
	"time"

	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/once/oncetest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestOnceByClock runs the cases that wait until a key is forgotten.
func TestOnceByClock(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		c := &testClock{time.Now()}
		s, _ := b.stores(t, &sqlstore.Options{Now: c.Now})
		oncetest.Run(t, func(*testing.T) once.Store { return s.Once() }, c)
	})
}

type testClock struct{ now time.Time }

func (c *testClock) Now() time.Time          { return c.now }
func (c *testClock) Advance(d time.Duration) { c.now = c.now.Add(d) }

// TestOnceIsSwept: keys that are over do not accumulate.
func TestOnceIsSwept(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		c := &testClock{time.Now()}
		s, p := b.stores(t, &sqlstore.Options{Now: c.Now})
		db, store, ctx := p.open(t), s.Once(), t.Context()
		for i := range 20 {
			if first, err := store.Take(ctx, once.Key("sweep", string(rune('a'+i))), c.now.Add(time.Minute)); !first || err != nil {
				t.Error(first, err)
			}
		}
		if l, state, err := store.Acquire(ctx, once.Key("leased"), time.Minute); err != nil || state != once.First || store.Release(ctx, l) != nil {
			t.Error(state, err)
		}
		c.Advance(2*time.Hour + time.Minute)
		if first, err := store.Take(ctx, once.Key("sweep", "late"), c.now.Add(time.Minute)); !first || err != nil {
			t.Error(first, err)
		}
		if n, err := s.Sweep(ctx, 0); n > 20 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		if n := count(t, db, "guard_once"); n != 1 {
			t.Errorf("%d rows are left, want 1", n)
		}
	})
}
