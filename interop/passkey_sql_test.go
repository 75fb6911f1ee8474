package interop_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// passkeyTables are a passkey.Store in two tables of an application, as the documentation of
// passkey.Store has them.
type passkeyTables struct {
	db     *sql.DB
	driver string
}

func newPasskeyTables(t *testing.T, driver string, db *sql.DB) passkeyTables {
	t.Helper()
	c := passkeyTables{db, driver}
	id, subject := "VARCHAR(1364)", "VARCHAR(255)"
	if driver == "mysql" { // compares exactly, spaces at the end included
		id, subject = "VARBINARY(1364)", "VARBINARY(255)"
	}
	for _, statement := range []string{
		"CREATE TABLE passkey_users (subject " + subject + " PRIMARY KEY, user_handle VARCHAR(86) NOT NULL)",
		"CREATE TABLE passkeys (id " + id + " PRIMARY KEY, subject " + subject + ` NOT NULL, user_handle VARCHAR(86) NOT NULL,
		 public_key VARCHAR(1500) NOT NULL, sign_count BIGINT NOT NULL, backup_eligible BOOLEAN NOT NULL, backed_up BOOLEAN NOT NULL,
		 transports VARCHAR(135) NOT NULL, aaguid VARCHAR(36) NOT NULL, name VARCHAR(64) NOT NULL, created BIGINT NOT NULL, last_used BIGINT NOT NULL)`,
		"CREATE INDEX passkeys_subject ON passkeys (subject)",
	} {
		if _, err := c.db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// query replaces the placeholders of PostgreSQL, which are in order.
func (c passkeyTables) query(q string) string {
	if c.driver == "pgx" {
		return q
	}
	for i := 12; i > 0; i-- {
		q = strings.ReplaceAll(q, "$"+strconv.Itoa(i), "?")
	}
	return q
}

// exec reports whether a statement changed a row.
func (c passkeyTables) exec(ctx context.Context, q string, args ...any) (bool, error) {
	result, err := c.db.ExecContext(ctx, c.query(q), args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// insert is exec of an INSERT that does nothing where the key is there.
func (c passkeyTables) insert(ctx context.Context, into string, args ...any) (bool, error) {
	if c.driver == "mysql" {
		return c.exec(ctx, "INSERT IGNORE INTO "+into, args...)
	}
	return c.exec(ctx, "INSERT INTO "+into+" ON CONFLICT DO NOTHING", args...)
}

func (c passkeyTables) UserHandle(ctx context.Context, subject, candidate string) (handle string, err error) {
	if _, err = c.insert(ctx, "passkey_users (subject, user_handle) VALUES ($1, $2)", subject, candidate); err != nil {
		return "", err
	}
	err = c.db.QueryRowContext(ctx, c.query("SELECT user_handle FROM passkey_users WHERE subject = $1"), subject).Scan(&handle)
	return handle, err
}

const passkeyColumns = "id, subject, user_handle, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name, created, last_used"

func unixOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func (c passkeyTables) Add(ctx context.Context, p passkey.Credential) (bool, error) {
	return c.insert(ctx, "passkeys ("+passkeyColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		p.ID, p.Subject, p.UserHandle, p.PublicKey, p.SignCount, p.BackupEligible, p.BackedUp, strings.Join(p.Transports, " "), p.AAGUID, p.Name, unixOf(p.Created), unixOf(p.LastUsed))
}

func scanPasskey(row interface{ Scan(...any) error }) (p passkey.Credential, err error) {
	var transports string
	var created, lastUsed int64
	err = row.Scan(&p.ID, &p.Subject, &p.UserHandle, &p.PublicKey, &p.SignCount, &p.BackupEligible, &p.BackedUp, &transports, &p.AAGUID, &p.Name, &created, &lastUsed)
	p.Transports, p.Created = strings.Fields(transports), time.Unix(created, 0).UTC()
	if lastUsed != 0 {
		p.LastUsed = time.Unix(lastUsed, 0).UTC()
	}
	return p, err
}

func (c passkeyTables) Load(ctx context.Context, id string) (passkey.Credential, bool, error) {
	p, err := scanPasskey(c.db.QueryRowContext(ctx, c.query("SELECT "+passkeyColumns+" FROM passkeys WHERE id = $1"), id))
	if errors.Is(err, sql.ErrNoRows) {
		return passkey.Credential{}, false, nil
	}
	return p, err == nil, err
}

func (c passkeyTables) List(ctx context.Context, subject string) (list []passkey.Credential, err error) {
	rows, err := c.db.QueryContext(ctx, c.query("SELECT "+passkeyColumns+" FROM passkeys WHERE subject = $1 ORDER BY created, id"), subject)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p, err := scanPasskey(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

func (c passkeyTables) Use(ctx context.Context, id string, u passkey.Use) (bool, error) {
	return c.exec(ctx, "UPDATE passkeys SET sign_count = $1, backup_eligible = $2, backed_up = $3, last_used = $4 WHERE id = $5 AND (sign_count < $6 OR sign_count = 0 AND sign_count = $7)",
		int64(u.SignCount), u.BackupEligible, u.BackedUp, unixOf(u.At), id, int64(u.SignCount), int64(u.SignCount))
}

func (c passkeyTables) Rename(ctx context.Context, subject, id, name string) (bool, error) {
	changed, err := c.exec(ctx, "UPDATE passkeys SET name = $1 WHERE id = $2 AND subject = $3", name, id, subject)
	if err != nil || changed || c.driver != "mysql" {
		return changed, err
	}
	p, found, err := c.Load(ctx, id) // MySQL does not count a row that has the name already
	return found && p.Subject == subject, err
}

func (c passkeyTables) Remove(ctx context.Context, subject, id string) (bool, error) {
	return c.exec(ctx, "DELETE FROM passkeys WHERE id = $1 AND subject = $2", id, subject)
}

// TestPasskeyTables: the two tables are a passkey.Store on each database.
func TestPasskeyTables(t *testing.T) {
	for driver, open := range map[string]func(t *testing.T) *sql.DB{"pgx": openPostgreSQL, "mysql": openMySQL, "sqlite": openSQLite} {
		t.Run(driver, func(t *testing.T) {
			tables := newPasskeyTables(t, driver, open(t))
			passkeytest.Run(t, func(*testing.T) passkey.Store { return tables })
		})
	}
}

// openDatabase returns a pool, which is closed after the test.
func openDatabase(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openSQLite(t *testing.T) *sql.DB {
	return openDatabase(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "db")+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)")
}

// passkeyNamespace creates a schema or database of the test, and drops it after it.
func passkeyNamespace(t *testing.T, admin *sql.DB, kind, drop, server string) (name string) {
	t.Helper()
	name = "guardpasskeys_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec("CREATE " + kind + " " + name); err != nil {
		harness.Needs(t, "%s: %v", server, err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP " + kind + " " + name + drop) })
	return name
}

func openPostgreSQL(t *testing.T) *sql.DB {
	u, err := url.Parse(cmp.Or(os.Getenv("GUARD_POSTGRES_URL"), "postgres://postgres@127.0.0.1:5432/test"))
	if err != nil {
		t.Fatal(err)
	}
	schema := passkeyNamespace(t, openDatabase(t, "pgx", u.String()), "SCHEMA", " CASCADE", "PostgreSQL (apt-get install postgresql, or set GUARD_POSTGRES_URL)")
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return openDatabase(t, "pgx", u.String())
}

func openMySQL(t *testing.T) *sql.DB {
	c, err := mysql.ParseDSN(cmp.Or(os.Getenv("GUARD_MYSQL_DSN"), "root@tcp(127.0.0.1:3306)/test"))
	if err != nil {
		t.Fatal(err)
	}
	c.DBName = passkeyNamespace(t, openDatabase(t, "mysql", c.FormatDSN()), "DATABASE", "", "MySQL or MariaDB (apt-get install mariadb-server, or set GUARD_MYSQL_DSN)")
	return openDatabase(t, "mysql", c.FormatDSN())
}
