package interop_test

import (
	"cmp"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/stores/redisstore"
	"github.com/go-guard/guard/stores/sqlstore"
)

// passkeyBackend has the stores of two processes.
type passkeyBackend struct {
	name string
	open func(t *testing.T) [2]passkeyStores
}

type passkeyStores struct {
	credentials passkey.Store
	challenges  once.Store
}

var passkeyBackends = []passkeyBackend{
	{"memory", func(*testing.T) [2]passkeyStores {
		s := passkeyStores{guard.Must(passkey.NewMemory(nil)), guard.Must(once.NewMemory(nil))}
		return [2]passkeyStores{s, s}
	}},
	{"PostgreSQL", sqlProcesses(sqlstore.PostgreSQL, "pgx", postgresDSN)},
	{"MySQL", sqlProcesses(sqlstore.MySQL, "mysql", mysqlDSN)},
	{"SQLite", sqlProcesses(sqlstore.SQLite, "sqlite", func(t *testing.T) string {
		return "file:" + filepath.Join(t.TempDir(), "db") + "?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)"
	})},
	{"PostgreSQL and Redis", func(t *testing.T) [2]passkeyStores {
		both := sqlProcesses(sqlstore.PostgreSQL, "pgx", postgresDSN)(t)
		prefix := "guardpasskeys:" + rand.Text()
		for i := range both {
			both[i].challenges = redisProcess(t, prefix)
		}
		return both
	}},
}

// sqlProcesses opens the stores of two processes in one new database.
func sqlProcesses(d sqlstore.Dialect, driver string, dsn func(t *testing.T) string) func(t *testing.T) [2]passkeyStores {
	return func(t *testing.T) (both [2]passkeyStores) {
		name := dsn(t)
		for i := range both {
			db := openDatabase(t, driver, name)
			stores := guard.Must(sqlstore.New(db, d, &sqlstore.Options{Timeout: time.Minute}))
			if err := stores.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			both[i] = passkeyStores{stores.Passkeys(), stores.Once()}
		}
		return both
	}
}

// openDatabase returns a pool, which is closed after the test.
func openDatabase(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// namespace creates a schema or database of the test, and drops it after it.
func namespace(t *testing.T, admin *sql.DB, kind, drop, server string) (name string) {
	t.Helper()
	name = "guardpasskeys_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec("CREATE " + kind + " " + name); err != nil {
		harness.Needs(t, "%s: %v", server, err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP " + kind + " " + name + drop) })
	return name
}

func postgresDSN(t *testing.T) string {
	u, err := url.Parse(cmp.Or(os.Getenv("GUARD_POSTGRES_URL"), "postgres://postgres@127.0.0.1:5432/test"))
	if err != nil {
		t.Fatal(err)
	}
	schema := namespace(t, openDatabase(t, "pgx", u.String()), "SCHEMA", " CASCADE", "PostgreSQL (apt-get install postgresql, or set GUARD_POSTGRES_URL)")
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func mysqlDSN(t *testing.T) string {
	c, err := mysql.ParseDSN(cmp.Or(os.Getenv("GUARD_MYSQL_DSN"), "root@tcp(127.0.0.1:3306)/test"))
	if err != nil {
		t.Fatal(err)
	}
	c.DBName = namespace(t, openDatabase(t, "mysql", c.FormatDSN()), "DATABASE", "", "MySQL or MariaDB (apt-get install mariadb-server, or set GUARD_MYSQL_DSN)")
	return c.FormatDSN()
}

func redisProcess(t *testing.T, prefix string) once.Store {
	t.Helper()
	addr := cmp.Or(os.Getenv("GUARD_REDIS_ADDR"), "127.0.0.1:6379")
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	if err := client.Ping(t.Context()).Err(); err != nil {
		harness.Needs(t, "Redis 7 at %s (apt-get install redis-server, or set GUARD_REDIS_ADDR): %v", addr, err)
	}
	return guard.Must(redisstore.New(t.Context(), client, prefix)).Once()
}
