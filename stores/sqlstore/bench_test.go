package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// BenchmarkSteps measures the most frequent operations and, for comparison, a trivial
// statement.
func BenchmarkSteps(b *testing.B) {
	for _, back := range backends {
		b.Run(back.name, func(b *testing.B) {
			s, p := back.stores(b, nil)
			db := p.open(b)
			ctx := b.Context()
			rec := sessiontest.Record("alice")
			now := time.Now()
			f := refresh.Family{Subject: "alice", ID: "0123456789012345678901", Started: now, Expires: now.Add(time.Hour)}
			if err := s.Sessions().Insert(ctx, rec, session.AnyEpoch); err != nil {
				b.Fatal(err)
			}
			if err := startFamily(ctx, s, f); err != nil {
				b.Fatal(err)
			}
			generation := int64(0)
			for _, step := range []struct {
				name string
				run  func() error
			}{
				{"bare", func() error { var n int; return db.QueryRowContext(ctx, "SELECT 1").Scan(&n) }},
				{"Sessions.Load", func() error { _, _, err := s.Sessions().Load(ctx, rec.Key); return err }},
				{"Denylist.Denied", func() error { _, err := s.Denylist().Denied(ctx, time.Time{}, "", "a", "b"); return err }},
				{"Sessions.Insert", func() error { return s.Sessions().Insert(ctx, sessiontest.Record("bob"), session.AnyEpoch) }},
				{"TokenFamilies.Rotate", func() error {
					generation++
					_, err := s.TokenFamilies().Rotate(ctx, refresh.Rotation{Subject: "alice", ID: f.ID, Generation: generation, Now: now, Idle: time.Hour})
					return err
				}},
			} {
				b.Run(step.name, func(b *testing.B) {
					for b.Loop() {
						if err := step.run(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkSize measures the size of 10,000 sessions of as many subjects.
func BenchmarkSize(b *testing.B) {
	for _, back := range backends {
		b.Run(back.name, func(b *testing.B) {
			s, p := back.stores(b, nil)
			db := p.open(b)
			const n = 10_000
			before := size(b, db, back.dialect)
			for i := range n {
				rec := sessiontest.Record(fmt.Sprintf("user-%06d", i))
				rec.Data = `{"theme":"dark","locale":"en-GB"}`
				if err := s.Sessions().Insert(b.Context(), rec, session.AnyEpoch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size(b, db, back.dialect)-before)/n, "B/session")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func size(b *testing.B, db *sql.DB, d sqlstore.Dialect) (n int64) {
	b.Helper()
	query := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "SELECT pg_total_relation_size('guard_sessions')",
		sqlstore.MySQL:      "SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'guard_sessions'",
		sqlstore.SQLite:     "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
	}[d]
	if d == sqlstore.MySQL {
		if _, err := db.Exec("ANALYZE TABLE guard_sessions"); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.QueryRow(query).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}
