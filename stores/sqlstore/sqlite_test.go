package sqlstore_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestSQLiteWriters: 50 clients that write at once, with the documented DSN.
func TestSQLiteWriters(t *testing.T) {
	t.Parallel()
	_, p := backends[2].stores(t, nil)
	db := p.open(t)
	db.SetMaxOpenConns(50)
	s := backends[2].on(t, db, nil)
	var failed, slowest atomic.Int64
	inParallel(1000, 50, func() {
		rec := sessiontest.Record(rand.Text())
		for _, write := range []func() error{
			func() error { return s.Sessions().Insert(context.Background(), rec, 0) },
			func() error {
				_, err := s.Sessions().Rotate(context.Background(), rec.Key, sessiontest.Key(rec.Subject))
				return err
			},
			func() error { _, err := s.Sessions().DeleteAll(context.Background(), rec.Subject, nil); return err },
		} {
			begun := time.Now()
			err := write()
			slowest.Store(max(slowest.Load(), int64(time.Since(begun))))
			if err != nil {
				failed.Add(1)
				t.Log(err)
			}
		}
	})
	t.Logf("the slowest took %v", time.Duration(slowest.Load()))
	if failed.Load() > 0 {
		t.Errorf("%d of 3000 writes failed", failed.Load())
	}
}

// TestSQLiteTimeout: Options.Timeout is how long a write waits for the writer of another
// process, whatever busy_timeout is.
func TestSQLiteTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, busy string
		timeout    time.Duration
		release    bool // after a second
	}{
		{"a shorter busy_timeout", "0", longTimeout, true},
		{"a longer busy_timeout", "60000", 300 * time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := database{driver: "sqlite", dsn: "file:" + filepath.Join(t.TempDir(), "guard.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(" + tt.busy + ")"}
			if err := backends[2].in(t, p, nil).Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := backends[2].in(t, p, &sqlstore.Options{Timeout: tt.timeout})
			tx, err := p.open(t).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Close()
			if _, err := tx.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
				t.Fatal(err)
			}
			rollback := func() { _, _ = tx.ExecContext(context.Background(), "ROLLBACK") }
			if tt.release {
				time.AfterFunc(time.Second, rollback) // a lock of a real database
			} else {
				time.AfterFunc(longTimeout, rollback)
			}
			begun := time.Now()
			err = s.Sessions().Insert(t.Context(), sessiontest.Record("alice"), session.AnyEpoch)
			if (err == nil) != tt.release || err != nil && status(err) != 503 || time.Since(begun) > longTimeout/2 {
				t.Errorf("after %v: %v", time.Since(begun), err)
			}
		})
	}
}
