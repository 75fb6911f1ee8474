package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/go-guard/guard"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// openPostgreSQL returns a pool of connections to the test database.
func openPostgreSQL(connections int) (*sql.DB, error) {
	dsn := os.Getenv("GUARD_POSTGRES_URL")
	if dsn == "" {
		dsn = "postgres://postgres@127.0.0.1:5432/test"
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// sqlSession loads one session from PostgreSQL in one goroutine, and in 8. The lower
// bound selects the row by a prepared statement of the same pool.
func sqlSession(settings) (comparison, error) {
	db, err := openPostgreSQL(8)
	if err != nil {
		return comparison{}, err
	}
	schema := fmt.Sprintf("guardbench_%d", os.Getpid())
	stop := func() {
		_, _ = db.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		db.Close()
	}
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		stop()
		return comparison{}, unavailable("needs PostgreSQL (" + err.Error() + ")")
	}
	stores := guard.Must(sqlstore.New(db, sqlstore.PostgreSQL, &sqlstore.Options{Schema: schema}))
	var h http.Handler
	var r *http.Request
	if err = stores.Migrate(ctx); err == nil {
		h, r, err = ourSessions(stores.Sessions())
	}
	if err != nil {
		stop()
		return comparison{}, err
	}
	rec := guard.Must(stores.Sessions().List(ctx, subject))[0]
	stmt := guard.Must(db.PrepareContext(ctx, "SELECT subject, deadline, data FROM "+schema+".guard_sessions WHERE token = $1"))
	// As that of a request: it ends when the client disconnects.
	ctx, cancel := context.WithCancel(ctx)
	load := func() (found bool) {
		_, found, err := stores.Sessions().Load(ctx, rec.Key)
		return found && err == nil
	}
	sel := func() bool {
		var subject, data []byte
		var deadline int64
		err := stmt.QueryRowContext(ctx, rec.Key[:]).Scan(&subject, &deadline, &data)
		return err == nil && string(data) == rec.Data
	}
	get := func() func(int) { return serving(h, r, 200) }
	parallel8 := func(newRun func() func(int)) func(int) { return parallel(8, newRun) }
	return comparison{
		benchmarks: []benchmark{
			{"guard: GET with a session", ours, get()},
			{"guard: Sessions().Load", ours, repeat(load, "Load")},
			{"bare prepared SELECT", lowerBound, repeat(sel, "SELECT")},
			{"guard: GET, 8 goroutines", ours, parallel8(get)},
			{"guard: Sessions().Load, 8 goroutines", ours, parallel8(func() func(int) { return repeat(load, "Load") })},
			{"bare prepared SELECT, 8 goroutines", lowerBound, parallel8(func() func(int) { return repeat(sel, "SELECT") })},
		},
		bars: []bar{
			ratio("guard: GET with a session", "bare prepared SELECT", 1.3),
			ratio("guard: GET, 8 goroutines", "bare prepared SELECT, 8 goroutines", 1.3),
		},
		close: func() { cancel(); stop() },
	}, nil
}

// repeat returns a benchmark of f, which must return true.
func repeat(f func() bool, what string) func(int) {
	return func(n int) {
		for range n {
			check(f(), what)
		}
	}
}
