package sqlstore_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestFamiliesAmongEndings: however logins, refreshes and the ends of their Refs are
// mixed, no family is left with an ended Ref, at any isolation level.
func TestFamiliesAmongEndings(t *testing.T) {
	for _, b := range backends {
		for _, level := range levels {
			if b.dialect == sqlstore.SQLite && level != levels[0] {
				continue
			}
			t.Run(b.name+"/"+level, func(t *testing.T) {
				t.Parallel()
				s, p := b.stores(t, nil)
				if b.dialect != sqlstore.SQLite {
					s = b.withIsolation(t, p, level)
				}
				familiesAmongEndings(t, s.TokenFamilies(), p.open(t))
			})
		}
	}
}

func familiesAmongEndings(t *testing.T, store refresh.Store, db *sql.DB) {
	ctx, now := t.Context(), time.Now().Truncate(time.Millisecond)
	var started, refused int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range 12 {
				f := newFamily("alice")
				f.ID, f.Started, f.Ref = rand.Text(), now, fmt.Sprint("sid", i)
				_, err := store.Start(ctx, f)
				mu.Lock()
				if errors.Is(err, refresh.ErrEnded) {
					err = nil
					refused++
				} else {
					started++
				}
				mu.Unlock()
				var err2 error
				if worker%3 == 0 {
					e := refresh.RefRevocation{Ref: f.Ref, Now: now, Until: now.Add(time.Hour), ListedUntil: now.Add(time.Hour)}
					if worker > 0 {
						e.Subject = f.Subject
					}
					_, _, err2 = store.RevokeRef(ctx, e)
				} else {
					_, err2 = store.Rotate(ctx, refresh.Rotation{Subject: f.Subject, ID: f.ID, Generation: 1, Now: now, Idle: time.Hour, ListedUntil: now})
				}
				if err := errors.Join(err, err2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := count(t, db, "guard_families WHERE generation > 0"); n > 0 || started == 0 {
		t.Errorf("%d of %d families are left, and %d logins were refused", n, started, refused)
	}
}

// TestFamilyRefs: a Ref is refused until the time of the argument, whatever the store's
// clock says, and its rows are deleted then. One that is too long is an error.
func TestFamilyRefs(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, p := b.stores(t, &sqlstore.Options{Now: c.now})
		families, db, now := s.TokenFamilies(), p.open(t), c.now()
		start := func(ref string, at time.Duration) error {
			f := newFamily("alice")
			f.ID, f.Started, f.Expires, f.Ref = rand.Text(), now.Add(at), now.Add(48*time.Hour), ref
			return startFamily(t.Context(), s, f)
		}
		if _, _, err := families.RevokeRef(t.Context(), refresh.RefRevocation{Ref: "sid", Now: now, Until: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(start("other", 0), start("sid", time.Hour+time.Minute)); err != nil {
			t.Error(err)
		}
		if err := start("sid", time.Hour-time.Minute); !errors.Is(err, refresh.ErrEnded) || status(err) == 503 {
			t.Errorf("with an ended Ref: %v", err)
		}
		if err := start(strings.Repeat("x", refresh.MaxStoreRef+1), 0); err == nil || errors.Is(err, refresh.ErrEnded) {
			t.Errorf("a long Ref: %v", err)
		}
		c.advance(2*time.Hour + time.Minute)
		if err := start("sid", 0); !errors.Is(err, refresh.ErrEnded) { // another process, whose clock is behind
			t.Errorf("with an ended Ref, later: %v", err)
		}
		c.advance(2*time.Hour + time.Minute)
		for n := 1; n > 0; {
			var err error
			if n, err = s.Sweep(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, db, "guard_epochs"); n > 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}
