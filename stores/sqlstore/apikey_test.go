package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestAPIKeyStatements: the number of round trips that docs/running-on-sql.md names, with
// BEGIN and COMMIT.
func TestAPIKeyStatements(t *testing.T) {
	rec := apikey.Record{ID: "a", Subject: "alice", MaxUses: 2}
	for _, tt := range []struct {
		name string
		want int64
		run  func(ctx context.Context, s apikey.Store) error
	}{
		{"Load", 1, func(ctx context.Context, s apikey.Store) error { _, _, err := s.Load(ctx, "a"); return err }},
		{"Rotate", 1, func(ctx context.Context, s apikey.Store) error {
			_, err := s.Rotate(ctx, "a", apikey.Rotation{})
			return err
		}},
		{"Update", 1, func(ctx context.Context, s apikey.Store) error { _, err := s.Update(ctx, rec, 0); return err }},
		{"Revoke", 1, func(ctx context.Context, s apikey.Store) error { _, err := s.Revoke(ctx, "a", time.Now()); return err }},
		{"Used", 1, func(ctx context.Context, s apikey.Store) error {
			return s.Used(ctx, "a", apikey.Digest{}, time.Now())
		}},
		{"Spend", 1, func(ctx context.Context, s apikey.Store) error {
			_, err := s.Spend(ctx, &rec, apikey.Digest{}, time.Now())
			return err
		}},
		{"List", 1, func(ctx context.Context, s apikey.Store) error { _, err := s.List(ctx, "ak_live", "alice"); return err }},
		{"ListAll", 1, func(ctx context.Context, s apikey.Store) error {
			_, _, err := s.ListAll(ctx, "ak_live", apikey.Position{}, 10)
			return err
		}},
		{"Insert", 5, func(ctx context.Context, s apikey.Store) error {
			_, err := s.Insert(ctx, apikey.Entry{Record: rec}, 10)
			return err
		}},
	} {
		f := &faulty{}
		s, err := sqlstore.New(sql.OpenDB(f), sqlstore.PostgreSQL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.run(t.Context(), s.APIKeys()); err != nil || f.ran.Load() != tt.want {
			t.Errorf("%s: %d statements, %v; want %d", tt.name, f.ran.Load(), err, tt.want)
		}
	}
}

// TestAPIKeyPlans: no list reads all rows: it follows an index in its order.
func TestAPIKeyPlans(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		db := p.open(t)
		now := time.UnixMilli(time.Now().UnixMilli()).UTC()
		for i := range 400 {
			e := apikey.Entry{Record: apikey.Record{ID: fmt.Sprintf("a%011d", i), Ring: []string{"ak_live", "ak_test"}[i/200], Subject: fmt.Sprint("u", i%100), CreatedAt: now.Add(time.Duration(i) * time.Second)}}
			if ok, err := s.APIKeys().Insert(t.Context(), e, 10); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		number := func(n int) string { return fmt.Sprint(now.Add(time.Duration(n) * time.Second).UnixMilli()) }
		ring := map[sqlstore.Dialect]string{sqlstore.PostgreSQL: `'ak_live'::bytea`, sqlstore.MySQL: `'ak_live'`, sqlstore.SQLite: `x'616b5f6c697665'`}[b.dialect]
		id := map[sqlstore.Dialect]string{sqlstore.PostgreSQL: `'a00000000200'::bytea`, sqlstore.MySQL: `'a00000000200'`, sqlstore.SQLite: `x'61'`}[b.dialect]
		subject := map[sqlstore.Dialect]string{sqlstore.PostgreSQL: `'u1'::bytea`, sqlstore.MySQL: `'u1'`, sqlstore.SQLite: `x'7531'`}[b.dialect]
		explain := map[sqlstore.Dialect]string{sqlstore.PostgreSQL: "EXPLAIN ", sqlstore.MySQL: "EXPLAIN FORMAT=JSON ", sqlstore.SQLite: "EXPLAIN QUERY PLAN "}[b.dialect]
		if b.dialect == sqlstore.PostgreSQL {
			if _, err := db.Exec("ANALYZE guard_api_keys"); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct{ query, index string }{
			{"ring = " + ring + " AND created <= " + number(100) + " AND (created < " + number(100) + " OR id < " + id + ") ORDER BY created DESC, id DESC LIMIT 11", "guard_api_keys_created"},
			{"ring = " + ring + " AND subject = " + subject, "guard_api_keys_subject"},
		} {
			rows, err := db.Query(explain + "SELECT * FROM guard_api_keys WHERE " + tt.query)
			if err != nil {
				t.Fatal(err)
			}
			var plan strings.Builder
			columns, _ := rows.Columns()
			for rows.Next() {
				fields := make([]any, len(columns))
				for i := range fields {
					fields[i] = new(sql.NullString)
				}
				if err := rows.Scan(fields...); err != nil {
					t.Fatal(err)
				}
				for _, f := range fields {
					plan.WriteString(f.(*sql.NullString).String + " ")
				}
			}
			rows.Close()
			text := plan.String()
			if !strings.Contains(text, tt.index) || strings.Contains(tt.query, "LIMIT") && (strings.Contains(text, "Sort") || strings.Contains(text, "filesort") || strings.Contains(text, "TEMP B-TREE")) {
				t.Errorf("%s: %s", tt.query, text)
			}
		}
	})
}
