package sqlstore_test

import (
	"cmp"
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

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth/refresh"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A backend is a kind of database.
type backend struct {
	name    string
	dialect sqlstore.Dialect
	// create creates an empty database for one test.
	create func(t testing.TB) database
}

// A database is how to connect to a database.
type database struct {
	driver, dsn string
	// addr is the server's address, empty for SQLite.
	addr string
	// at connects to the same database by another address.
	at func(addr string) database
	// readOnly connects for reading only.
	readOnly func() database
}

func (p database) open(t testing.TB) *sql.DB {
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

// longTimeout is that of all tests but those of timeouts: the machine may stall, and
// SQLite serves waiting writers in no particular order.
const longTimeout = 30 * time.Second

// onEach runs f on every backend.
func onEach(t *testing.T, f func(t *testing.T, b backend)) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f(t, b)
		})
	}
}

// stores returns migrated stores in an empty database.
func (b backend) stores(t testing.TB, opts *sqlstore.Options) (*sqlstore.Stores, database) {
	t.Helper()
	p := b.create(t)
	s := b.in(t, p, opts)
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s, p
}

// in returns stores in a database with a new pool, as in another process.
func (b backend) in(t testing.TB, p database, opts *sqlstore.Options) *sqlstore.Stores {
	t.Helper()
	return b.on(t, p.open(t), opts)
}

// on returns stores of a pool.
func (b backend) on(t testing.TB, db *sql.DB, opts *sqlstore.Options) *sqlstore.Stores {
	t.Helper()
	var o sqlstore.Options
	if opts != nil {
		o = *opts
	}
	o.Timeout = cmp.Or(o.Timeout, longTimeout)
	s, err := sqlstore.New(db, b.dialect, &o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startFamily starts a family. It is an error if that ends another one.
func startFamily(ctx context.Context, s *sqlstore.Stores, f refresh.Family) error {
	ended, err := s.TokenFamilies().Start(ctx, f)
	if err == nil && len(ended) > 0 {
		err = fmt.Errorf("%v was ended", ended)
	}
	return err
}

var names atomic.Int64

// uniqueName returns a new name of a schema or database.
func uniqueName() string { return fmt.Sprintf("guardtest_%d_%d", os.Getpid(), names.Add(1)) }

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func createPostgreSQL(t testing.TB) database {
	t.Helper()
	dsn := env("GUARD_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test")
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin := database{driver: "pgx", dsn: dsn}.open(t)
	schema := uniqueName()
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		harness.Needs(t, "PostgreSQL at %s (apt-get install postgresql, or set GUARD_POSTGRES_URL): %v", u.Redacted(), err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP SCHEMA " + schema + " CASCADE") })
	var with func(addr string, options ...string) database
	with = func(addr string, options ...string) database {
		v, q := *u, u.Query()
		q.Set("search_path", schema)
		q.Set("application_name", schema)
		for i := 0; i < len(options); i += 2 {
			q.Set(options[i], options[i+1])
		}
		v.Host, v.RawQuery = addr, q.Encode()
		return database{
			driver: "pgx", dsn: v.String(), addr: addr,
			at:       func(addr string) database { return with(addr) },
			readOnly: func() database { return with(addr, "default_transaction_read_only", "on") },
		}
	}
	return with(u.Host)
}

func createMySQL(t testing.TB) database {
	t.Helper()
	dsn := env("GUARD_MYSQL_DSN", "root@tcp(127.0.0.1:3306)/test")
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin := database{driver: "mysql", dsn: dsn}.open(t)
	dbName := uniqueName()
	if _, err := admin.Exec("CREATE DATABASE " + dbName); err != nil {
		harness.Needs(t, "MySQL or MariaDB at %s (apt-get install mariadb-server, or set GUARD_MYSQL_DSN): %v", c.Addr, err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP DATABASE " + dbName) })
	var with func(addr string, readOnly bool) database
	with = func(addr string, readOnly bool) database {
		v := c.Clone()
		v.DBName, v.Addr, v.InterpolateParams = dbName, addr, true
		if readOnly {
			v.Params = map[string]string{variable(t, admin, "read_only"): "1"}
		}
		return database{
			driver: "mysql", dsn: v.FormatDSN(), addr: addr,
			at:       func(addr string) database { return with(addr, false) },
			readOnly: func() database { return with(addr, true) },
		}
	}
	return with(c.Addr, false)
}

// variable returns the server's name of a transaction variable.
func variable(t testing.TB, db *sql.DB, name string) string {
	t.Helper()
	if isMariaDB(t, db) {
		return "tx_" + name // from 11.1 on also transaction_
	}
	return "transaction_" + name
}

func isMariaDB(t testing.TB, db *sql.DB) bool {
	t.Helper()
	var version string
	if err := db.QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(version, "MariaDB")
}

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(silent{}) // the driver logs each connection of the outages under test
	os.Exit(m.Run())
}

type silent struct{}

func (silent) Print(...any) {}

func createSQLite(t testing.TB) database {
	t.Helper()
	return sqliteDatabase(filepath.Join(t.TempDir(), "guard.db"), "")
}

func sqliteDatabase(file, options string) database {
	return database{
		driver:   "sqlite",
		dsn:      "file:" + file + "?_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)" + options,
		readOnly: func() database { return sqliteDatabase(file, options+"&_pragma=query_only(1)") },
	}
}
