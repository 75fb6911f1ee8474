package sqlstore_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	"github.com/go-guard/guard/signin/credential"
	"github.com/go-guard/guard/signin/credential/credentialtest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestVariants runs the suites with other settings of the drivers and with one
// connection.
func TestVariants(t *testing.T) {
	t.Parallel()
	if race.Enabled {
		t.Skip("the race detector finds no more here than in TestConformance, and is slow")
	}
	postgres, mariadb, sqlite := backends[0], backends[1], backends[2]
	for _, v := range []struct {
		name string
		backend
		dsn   func(dsn string) string
		conns int
	}{
		{"PostgreSQL, not prepared", postgres, func(dsn string) string { return dsn + "&default_query_exec_mode=exec" }, 8},
		{"PostgreSQL, simple protocol", postgres, func(dsn string) string { return dsn + "&default_query_exec_mode=simple_protocol" }, 8},
		{"PostgreSQL, one connection", postgres, func(dsn string) string { return dsn }, 1},
		{"MySQL, prepared", mariadb, func(dsn string) string { return strings.Replace(dsn, "interpolateParams=true", "", 1) }, 8},
		{"MySQL, found rows", mariadb, func(dsn string) string { return dsn + "&clientFoundRows=true" }, 8},
		{"MySQL, without autocommit", mariadb, func(dsn string) string { return dsn + "&autocommit=0" }, 8},
		{"MySQL, not strict", mariadb, func(dsn string) string { return dsn + "&sql_mode=%27%27" }, 8},
		{"MySQL, one connection", mariadb, func(dsn string) string { return dsn }, 1},
		{"SQLite, one connection", sqlite, func(dsn string) string { return dsn }, 1},
		{"SQLite, other pragmas", sqlite, func(dsn string) string {
			return dsn + "&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)&_pragma=synchronous(OFF)&_pragma=case_sensitive_like(1)&_txlock=immediate"
		}, 8},
		{"SQLite, in memory", sqlite, func(string) string { return "file::memory:" }, 1},
	} {
		t.Run(v.name, func(t *testing.T) {
			switch v.name {
			case "PostgreSQL, not prepared", "PostgreSQL, one connection", "MySQL, not strict":
				if os.Getenv("GUARD_HARDEN") != "1" {
					t.Skip("takes seconds; TestPgBouncer and the variants of MySQL are like it: GUARD_HARDEN=1")
				}
			}
			t.Parallel()
			p := v.create(t)
			p.dsn = v.dsn(p.dsn)
			db := p.open(t)
			db.SetMaxOpenConns(v.conns)
			b := backend{dialect: v.dialect}
			s := b.on(t, db, nil)
			if err := s.Migrate(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, step := range steps {
				if err := step.run(t.Context(), s); err != nil {
					t.Errorf("%s: %v", step.name, err)
				}
			}
			fill(t, s, (&clock{}).now(), 0)
			sessiontest.Run(t, func(*testing.T) session.Store { return s.Sessions() })
			refreshtest.Run(t, func(*testing.T) refresh.Store { return s.TokenFamilies() })
			credentialtest.Run(t, func(*testing.T) credential.Store { return s.Passkeys() })
			c := harness.NewClock()
			limits := b.on(t, db, &sqlstore.Options{Now: c.Now}).RateLimits()
			ratelimittest.Traces(t, limits, c, 0, 10)
		})
	}
}
