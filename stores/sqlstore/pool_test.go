package sqlstore_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/go-guard/guard/internal/testing/race"
)

// TestPool runs the suites with the connections of a pgxpool.Pool.
func TestPool(t *testing.T) {
	config, err := pgxpool.ParseConfig(createPostgreSQL(t).dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := backends[0].on(t, stdlib.OpenDBFromPool(pool), nil)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if err := step.run(t.Context(), s); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	fill(t, s, time.Now(), time.Minute)
	if !race.Enabled { // see TestVariants
		suites(t, s, nil)
	}
}
