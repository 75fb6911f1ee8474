package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/go-guard/guard/jwtauth/refresh"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A backend is a kind of database that the tests run on.
type backend struct {
	name    string
	dialect sqlstore.Dialect
	// create returns how to connect to an empty database of the test's own.
	create func(t testing.TB) place
}

// A place is an empty database.
type place struct {
	driver, dsn string
	// addr is the server's address, empty for SQLite. at returns the place by
	// way of another address, and readOnly for reading alone.
	addr     string
	at       func(addr string) place
	readOnly func() place
}

func (p place) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(p.driver, p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { db.Close() })
	return db
}

var backends = []backend{
	{"PostgreSQL", sqlstore.PostgreSQL, createPostgreSQL},
	{"MySQL", sqlstore.MySQL, createMySQL},
	{"SQLite", sqlstore.SQLite, createSQLite},
}

// patient is the timeout of tests that crowd a database: SQLite lets writers
// wait in no order.
const patient = 30 * time.Second

// onEach runs f on every backend that is there.
func onEach(t *testing.T, f func(t *testing.T, b backend)) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f(t, b)
		})
	}
}

// stores returns migrated stores in an empty database.
func (b backend) stores(t testing.TB, opts *sqlstore.Options) (*sqlstore.Stores, place) {
	t.Helper()
	p := b.create(t)
	s := b.in(t, p, opts)
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s, p
}

// in returns stores in a place, as another process has.
func (b backend) in(t testing.TB, p place, opts *sqlstore.Options) *sqlstore.Stores {
	t.Helper()
	s, err := sqlstore.New(p.open(t), b.dialect, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unavailable skips a test that needs what is not there; where services are
// required it fails it.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("GUARD_REQUIRE_SERVICES") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// startFamily is Start where nobody has to make room.
func startFamily(ctx context.Context, s *sqlstore.Stores, f refresh.Family) error {
	ended, err := s.TokenFamilies().Start(ctx, f)
	if err == nil && len(ended) > 0 {
		err = fmt.Errorf("%q made room", ended)
	}
	return err
}

var names atomic.Int64

func name() string { return fmt.Sprintf("guardtest_%d_%d", os.Getpid(), names.Add(1)) }

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func createPostgreSQL(t testing.TB) place {
	t.Helper()
	dsn := env("GUARD_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test")
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin := place{driver: "pgx", dsn: dsn}.open(t)
	schema := name()
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		unavailable(t, "needs PostgreSQL at %s (apt-get install postgresql, or set GUARD_POSTGRES_URL): %v", u.Redacted(), err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP SCHEMA " + schema + " CASCADE") })
	var with func(addr string, options ...string) place
	with = func(addr string, options ...string) place {
		v, q := *u, u.Query()
		q.Set("search_path", schema)
		q.Set("application_name", schema)
		for i := 0; i < len(options); i += 2 {
			q.Set(options[i], options[i+1])
		}
		v.Host, v.RawQuery = addr, q.Encode()
		return place{
			driver: "pgx", dsn: v.String(), addr: addr,
			at:       func(addr string) place { return with(addr) },
			readOnly: func() place { return with(addr, "default_transaction_read_only", "on") },
		}
	}
	return with(u.Host)
}

func createMySQL(t testing.TB) place {
	t.Helper()
	dsn := env("GUARD_MYSQL_DSN", "root@tcp(127.0.0.1:3306)/test")
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin := place{driver: "mysql", dsn: dsn}.open(t)
	database := name()
	if _, err := admin.Exec("CREATE DATABASE " + database); err != nil {
		unavailable(t, "needs MySQL or MariaDB at %s (apt-get install mariadb-server, or set GUARD_MYSQL_DSN): %v", c.Addr, err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP DATABASE " + database) })
	var with func(addr string, readOnly bool) place
	with = func(addr string, readOnly bool) place {
		v := c.Clone()
		v.DBName, v.Addr, v.InterpolateParams = database, addr, true
		if readOnly {
			v.Params = map[string]string{variable(t, admin, "read_only"): "1"}
		}
		return place{
			driver: "mysql", dsn: v.FormatDSN(), addr: addr,
			at:       func(addr string) place { return with(addr, false) },
			readOnly: func() place { return with(addr, true) },
		}
	}
	return with(c.Addr, false)
}

// variable is a variable of transactions, as the server calls it.
func variable(t testing.TB, db *sql.DB, name string) string {
	t.Helper()
	var version string
	if err := db.QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(version, "MariaDB") {
		return "tx_" + name // transaction_ from 11.1 on, and still this
	}
	return "transaction_" + name
}

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(silent{}) // the driver logs each connection of the outages under test
	os.Exit(m.Run())
}

type silent struct{}

func (silent) Print(...any) {}

func createSQLite(t testing.TB) place {
	t.Helper()
	return sqlitePlace(filepath.Join(t.TempDir(), "guard.db"), "")
}

func sqlitePlace(file, options string) place {
	return place{
		driver:   "sqlite",
		dsn:      "file:" + file + "?_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)" + options,
		readOnly: func() place { return sqlitePlace(file, options+"&_pragma=query_only(1)") },
	}
}
