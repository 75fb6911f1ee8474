package sqlstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A clock can be advanced.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// fill inserts two rows into each table: one expires in d, one in a year.
func fill(t testing.TB, s *sqlstore.Stores, now time.Time, d time.Duration) {
	t.Helper()
	ctx := context.Background()
	for _, d := range []time.Duration{d, 365 * 24 * time.Hour} {
		rec := sessiontest.Record(rand.Text())
		rec.Deadline = now.Add(d)
		id := rand.Text()[:12]
		_, err := s.APIKeys().Insert(ctx, apikey.Entry{Record: apikey.Record{ID: id, CreatedAt: now, ExpiresAt: now.Add(d - apikey.Retention)}}, 1000)
		for _, err := range []error{
			err,
			s.Sessions().Insert(ctx, rec, session.AnyEpoch),
			startFamily(ctx, s, refresh.Family{Subject: rand.Text(), ID: rand.Text(), Started: now, Expires: now.Add(d)}),
			s.Denylist().Deny(ctx, now.Add(d), "", rand.Text()),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSweep(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		db := p.open(t)
		for range 5 {
			fill(t, s, c.now(), time.Minute)
		}
		sweep := func(batch, want int) {
			t.Helper()
			if n, err := s.Sweep(t.Context(), batch); n != want || err != nil {
				t.Errorf("swept %d, %v; want %d", n, err, want)
			}
		}
		sweep(0, 0)
		c.advance(time.Hour - time.Minute) // within the slack
		sweep(0, 0)
		c.advance(2 * time.Hour)
		sweep(3, 13) // with the row that orders the inserts of API keys
		sweep(0, 8)
		sweep(0, 0)
		for _, table := range []string{"guard_sessions", "guard_families", "guard_denied", "guard_api_keys"} {
			if n := count(t, db, table); n != 5 {
				t.Errorf("%d rows are left in %s, want 5", n, table)
			}
		}
		// A revoked API key is deleted before it would have expired.
		id := rand.Text()[:12]
		if _, err := s.APIKeys().Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: id}}, 1000); err != nil {
			t.Fatal(err)
		}
		if _, err := s.APIKeys().Revoke(t.Context(), id, c.now()); err != nil {
			t.Fatal(err)
		}
		sweep(0, 0)
		c.advance(apikey.Retention + 2*time.Hour)
		sweep(0, 2)
		if _, found, err := s.APIKeys().Load(t.Context(), id); found || err != nil {
			t.Errorf("a revoked API key was not deleted: %t, %v", found, err)
		}
	})
}

// TestInsertsSweep: inserts delete expired rows, also in processes that insert only a
// few each.
func TestInsertsSweep(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		for range 20 {
			fill(t, s, c.now(), time.Minute)
		}
		c.advance(3 * time.Hour)
		db := p.open(t)
		expired := func() (tables string) {
			for _, column := range []string{"guard_sessions.deadline", "guard_families.expires", "guard_denied.denied", "guard_api_keys.forget_after"} {
				table, _, _ := strings.Cut(column, ".")
				if n := count(t, db, fmt.Sprintf("%s WHERE %s < %d", table, column, c.now().UnixMilli())); n > 0 {
					tables += fmt.Sprint(table, ": ", n, " ")
				}
			}
			return tables
		}
		// By chance: 800 inserts without a sweep happen in one of 10^22 runs.
		for i := 0; expired() != "" && i < 400; i++ {
			process := b.on(t, db, &sqlstore.Options{Now: c.now})
			fill(t, process, c.now(), 10*time.Hour)
		}
		if left := expired(); left != "" {
			t.Errorf("expired rows are left: %s", left)
		}
	})
}

// TestConcurrentSweeps: sweeps and inserts do not block each other.
func TestConcurrentSweeps(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		for range 20 {
			fill(t, s, c.now(), time.Minute)
		}
		c.advance(24 * time.Hour)
		var wg sync.WaitGroup
		for range 4 {
			other := b.in(t, p, &sqlstore.Options{Now: c.now})
			wg.Go(func() {
				for n := 1; n > 0; {
					var err error
					if n, err = other.Sweep(t.Context(), 5); err != nil {
						t.Error(err)
						return
					}
				}
			})
			wg.Go(func() {
				for range 10 {
					fill(t, other, c.now(), time.Minute)
				}
			})
		}
		wg.Wait()
		if n := count(t, p.open(t), "guard_families"); n != 20+80 {
			t.Errorf("%d families are left, want 100", n)
		}
	})
}
