package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// An ending is what ends logins that are under way.
type ending struct {
	name string
	// insert inserts a session that relies on what end ends.
	insert func(s *sqlstore.Stores, rec session.Record) error
	end    func(s *sqlstore.Stores) (int, error)
}

var endings = []ending{
	{"DeleteAll", func(s *sqlstore.Stores, rec session.Record) error {
		return s.Sessions().Insert(context.Background(), rec, 0)
	}, func(s *sqlstore.Stores) (int, error) {
		return s.Sessions().DeleteAll(context.Background(), "alice", nil)
	}},
	{"DeleteRef", func(s *sqlstore.Stores, rec session.Record) error {
		rec.Ref = "sid"
		return s.Sessions().Insert(context.Background(), rec, session.AnyEpoch)
	}, func(s *sqlstore.Stores) (int, error) { return s.Sessions().DeleteRef(context.Background(), "sid", "") }},
	{"DeleteRef of a subject", func(s *sqlstore.Stores, rec session.Record) error {
		rec.Ref = "sid"
		return s.Sessions().Insert(context.Background(), rec, session.AnyEpoch)
	}, func(s *sqlstore.Stores) (int, error) {
		return s.Sessions().DeleteRef(context.Background(), "sid", "alice")
	}},
}

// onEachIsolation runs f with every isolation level of the servers, and every ending.
func onEachIsolation(t *testing.T, f func(t *testing.T, b backend, s *sqlstore.Stores, admin *sql.DB, e ending)) {
	for _, b := range backends[:2] {
		for _, level := range levels {
			for _, e := range endings {
				t.Run(b.name+"/"+level+"/"+e.name, func(t *testing.T) {
					t.Parallel()
					_, p := b.stores(t, nil)
					f(t, b, b.withIsolation(t, p, level), p.open(t), e)
				})
			}
		}
	}
}

func background(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// TestLoginsUnderWayAreEnded: all logins are ended while one inserts its session. It
// is deleted, or refused.
func TestLoginsUnderWayAreEnded(t *testing.T) {
	onEachIsolation(t, func(t *testing.T, b backend, s *sqlstore.Stores, admin *sql.DB, e ending) {
		rec := sessiontest.Record("alice")
		tx, err := admin.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		query := "INSERT INTO guard_sessions VALUES (?, ?, ?, 0, 0, 0, 0, ?, ?, ?, NULL, NULL)"
		if b.dialect == sqlstore.PostgreSQL {
			query = "INSERT INTO guard_sessions VALUES ($1, $2, $3, 0, 0, 0, 0, $4, $5, $6)"
		}
		id := session.ID{1}
		if _, err := tx.Exec(query, []byte("zed"), id[:], rec.Key[:], []byte{}, []byte{}, []byte{}); err != nil {
			t.Fatal(err)
		}
		inserted := background(func() error { return e.insert(s, rec) }) // waits, because its token may exist
		awaitWaiting(t, admin, b.dialect, 1, inserted)
		var n int
		ended := background(func() (err error) { n, err = e.end(s); return err })
		awaitWaiting(t, admin, b.dialect, 2, ended)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		err = <-inserted
		if err2 := <-ended; err2 != nil {
			t.Errorf("%s: %v", e.name, err2)
		}
		if !(err == nil && n == 1) && !(errors.Is(err, session.ErrEnded) && n == 0) {
			t.Errorf("Insert: %v, and %d were deleted", err, n)
		}
		if _, found, err := s.Sessions().Load(t.Context(), rec.Key); found || err != nil {
			t.Errorf("Load = %t, %v", found, err)
		}
	})
}

// TestLoginsDuringAnEndingAreRefused: a login that began before all were ended waits
// until they are, and is refused.
func TestLoginsDuringAnEndingAreRefused(t *testing.T) {
	onEachIsolation(t, func(t *testing.T, b backend, s *sqlstore.Stores, admin *sql.DB, e ending) {
		live, rec := sessiontest.Record("alice"), sessiontest.Record("alice")
		if err := e.insert(s, live); err != nil {
			t.Fatal(err)
		}
		tx, err := admin.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		query := "UPDATE guard_sessions SET revision = revision + 1 WHERE token = ?"
		if b.dialect == sqlstore.PostgreSQL {
			query = "UPDATE guard_sessions SET revision = revision + 1 WHERE token = $1"
		}
		if _, err := tx.Exec(query, live.Key[:]); err != nil {
			t.Fatal(err)
		}
		ended := background(func() error { // waits for the other transaction
			n, err := e.end(s)
			if err == nil && n != 1 {
				err = fmt.Errorf("%d were deleted", n)
			}
			return err
		})
		awaitWaiting(t, admin, b.dialect, 1, ended)
		inserted := background(func() error { return e.insert(s, rec) })
		awaitWaiting(t, admin, b.dialect, 2, inserted)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		if err := <-inserted; !errors.Is(err, session.ErrEnded) || status(err) == 503 {
			t.Errorf("Insert: %v", err)
		}
		for _, key := range []session.Key{live.Key, rec.Key} {
			if _, found, err := s.Sessions().Load(t.Context(), key); found || err != nil {
				t.Errorf("Load = %t, %v", found, err)
			}
		}
	})
}

// TestLoginsAmongEndings: however logins, rotations, logouts, sweeps and endings are
// mixed, no session is left of an earlier epoch or with an ended Ref.
func TestLoginsAmongEndings(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		// Its sweeps delete what logins have locked, and no ended Ref.
		ahead := b.in(t, p, &sqlstore.Options{Now: func() time.Time { return time.Now().Add(90 * time.Minute) }})
		store, ctx := s.Sessions(), t.Context()
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 24 {
					epoch, err := store.Epoch(ctx, "alice")
					rec := sessiontest.Record("alice")
					rec.Login = strconv.FormatInt(epoch, 10)
					ref := fmt.Sprint("sid", i/2)
					if worker%2 == 0 {
						rec.Ref = ref
					}
					if err2 := store.Insert(ctx, rec, epoch); err2 != nil && !errors.Is(err2, session.ErrEnded) {
						err = errors.Join(err, err2)
					}
					var err2 error
					switch (worker + i) % 8 {
					case 0:
						_, err2 = store.DeleteAll(ctx, "alice", nil)
					case 1, 2:
						_, err2 = store.DeleteRef(ctx, ref, []string{"", "alice"}[i/2%2])
					case 3:
						_, err2 = store.Delete(ctx, rec.Key)
					case 4:
						_, err2 = ahead.Sweep(ctx, 10)
					default:
						_, err2 = store.Rotate(ctx, rec.Key, sessiontest.Key("alice"))
					}
					if err := errors.Join(err, err2); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		epoch, err := store.Epoch(ctx, "alice")
		list, err2 := store.List(ctx, "alice")
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for _, rec := range list {
			if rec.Login != strconv.FormatInt(epoch, 10) || rec.Ref != "" { // every Ref was ended
				t.Errorf("a session of epoch %s, which is %d now, with Ref %q", rec.Login, epoch, rec.Ref)
			}
		}
	})
}
