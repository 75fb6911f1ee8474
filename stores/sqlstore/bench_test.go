package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
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

// BenchmarkSize measures the size of 10,000 entries of each kind, of as many subjects.
func BenchmarkSize(b *testing.B) {
	for _, back := range backends {
		for _, kind := range []struct {
			name, table string
			insert      func(s *sqlstore.Stores, n int, now time.Time) error
		}{
			{"session", "guard_sessions", func(s *sqlstore.Stores, n int, _ time.Time) error {
				rec := sessiontest.Record(fmt.Sprintf("user-%06d", n))
				rec.Data = `{"theme":"dark","locale":"en-GB"}`
				return s.Sessions().Insert(context.Background(), rec, session.AnyEpoch)
			}},
			{"family", "guard_families", func(s *sqlstore.Stores, n int, now time.Time) error {
				return startFamily(context.Background(), s, refresh.Family{Subject: fmt.Sprintf("0123456789abcdefuser-%06d", n), ID: fmt.Sprintf("%022d", n), Started: now, Expires: now.Add(time.Hour)})
			}},
			{"denied token", "guard_denied", func(s *sqlstore.Stores, n int, now time.Time) error {
				return s.Denylist().Deny(context.Background(), now.Add(time.Hour), "", fmt.Sprint(n))
			}},
			{"API key", "guard_api_keys", func(s *sqlstore.Stores, n int, now time.Time) error {
				_, err := s.APIKeys().Insert(context.Background(), apikey.Entry{Record: apikey.Record{
					ID: fmt.Sprintf("%012d", n), Ring: "acme_live", Subject: fmt.Sprintf("user-%06d", n), Name: "deploy",
					Scopes: []string{"posts:read", "posts:write"}, Last4: "abcd", CreatedAt: now.UTC().Truncate(time.Millisecond),
				}}, 100)
				return err
			}},
		} {
			b.Run(back.name+"/"+kind.name, func(b *testing.B) {
				s, p := back.stores(b, nil)
				db := p.open(b)
				const n = 10_000
				before, now := size(b, db, back.dialect, kind.table), time.Now()
				for i := range n {
					if err := kind.insert(s, i, now); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(size(b, db, back.dialect, kind.table)-before)/n, "B/entry")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func size(b *testing.B, db *sql.DB, d sqlstore.Dialect, table string) (n int64) {
	b.Helper()
	query := map[sqlstore.Dialect]string{
		sqlstore.PostgreSQL: "SELECT pg_total_relation_size('" + table + "')",
		sqlstore.MySQL:      "SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + table + "'",
		sqlstore.SQLite:     "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
	}[d]
	if d == sqlstore.MySQL {
		if _, err := db.Exec("ANALYZE TABLE " + table); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.QueryRow(query).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}
