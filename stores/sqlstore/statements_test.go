package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestStatements: the number of round trips that docs/running-on-sql.md names, with
// BEGIN and COMMIT. A plain login pays nothing for epochs and references.
func TestStatements(t *testing.T) {
	rec := sessiontest.Record("alice")
	named := rec
	named.Ref = "sid"
	for _, tt := range []struct {
		name string
		want int64
		run  func(ctx context.Context, s session.Store) error
	}{
		{"Insert", 4, func(ctx context.Context, s session.Store) error { return s.Insert(ctx, rec, session.AnyEpoch) }},
		{"Insert at an epoch", 5, func(ctx context.Context, s session.Store) error { return s.Insert(ctx, rec, 0) }},
		{"Insert with a Ref", 5, func(ctx context.Context, s session.Store) error { return s.Insert(ctx, named, session.AnyEpoch) }},
		{"Insert with both", 5, func(ctx context.Context, s session.Store) error { return s.Insert(ctx, named, 0) }},
		{"Load", 1, func(ctx context.Context, s session.Store) error { _, _, err := s.Load(ctx, rec.Key); return err }},
		{"Touch", 1, func(ctx context.Context, s session.Store) error { return s.Touch(ctx, rec.Key, time.Now(), time.Now()) }},
		{"Update", 1, func(ctx context.Context, s session.Store) error { _, err := s.Update(ctx, rec.Key, 1, ""); return err }},
		{"Rotate", 4, func(ctx context.Context, s session.Store) error {
			_, err := s.Rotate(ctx, rec.Key, session.Key{})
			return err
		}},
		{"Delete", 1, func(ctx context.Context, s session.Store) error { _, err := s.Delete(ctx, rec.Key); return err }},
		{"List", 1, func(ctx context.Context, s session.Store) error { _, err := s.List(ctx, "alice"); return err }},
		{"DeleteAll", 4, func(ctx context.Context, s session.Store) error { _, err := s.DeleteAll(ctx, "alice", nil); return err }},
		{"DeleteRef", 4, func(ctx context.Context, s session.Store) error { _, err := s.DeleteRef(ctx, "sid"); return err }},
		{"Epoch", 1, func(ctx context.Context, s session.Store) error { _, err := s.Epoch(ctx, "alice"); return err }},
	} {
		f := &faulty{}
		s, err := sqlstore.New(sql.OpenDB(f), sqlstore.PostgreSQL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.run(t.Context(), s.Sessions()); err != nil || f.ran.Load() != tt.want {
			t.Errorf("%s: %d statements, %v; want %d", tt.name, f.ran.Load(), err, tt.want)
		}
	}
}
