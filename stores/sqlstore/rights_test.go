package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// as creates a role without rights, and returns how it connects to p. admin is a pool
// that may grant it rights, and quoted the role as GRANT names it.
func (b backend) as(t *testing.T, p database) (as database, admin *sql.DB, quoted string) {
	t.Helper()
	admin, as = p.open(t), p
	name := uniqueName()
	must := func(statement string) {
		t.Helper()
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	switch b.dialect {
	case sqlstore.PostgreSQL:
		must("CREATE ROLE " + name + " LOGIN PASSWORD 'pw'")
		t.Cleanup(func() { _, _ = admin.Exec("DROP OWNED BY " + name); _, _ = admin.Exec("DROP ROLE " + name) })
		u, err := url.Parse(p.dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(name, "pw")
		as.dsn, quoted = u.String(), name
	case sqlstore.MySQL:
		name += "@b" // as the address of a person
		quoted = "'" + name + "'@'%'"
		must("CREATE USER " + quoted + " IDENTIFIED BY 'pw'")
		t.Cleanup(func() { _, _ = admin.Exec("DROP USER " + quoted) })
		c, err := mysql.ParseDSN(p.dsn)
		if err != nil {
			t.Fatal(err)
		}
		c.User, c.Passwd = name, "pw"
		as.dsn = c.FormatDSN()
	}
	return as, admin, quoted
}

// onServers runs f on the backends that have roles.
func onServers(t *testing.T, f func(t *testing.T, b backend)) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f(t, b)
		})
	}
}

// TestMigrateNamesTheRight: with the statements in its errors, Migrate succeeds at last,
// for a role that creates the tables and for one that only uses them.
func TestMigrateNamesTheRight(t *testing.T) {
	for _, exist := range []bool{false, true} {
		for _, schema := range []bool{false, true} {
			t.Run(fmt.Sprintf("tables exist %t, Options.Schema %t", exist, schema), func(t *testing.T) {
				onServers(t, func(t *testing.T, b backend) { migrateWithRights(t, b, exist, schema) })
			})
		}
	}
}

func migrateWithRights(t *testing.T, b backend, exist, schema bool) {
	p := b.create(t)
	as, admin, role := b.as(t, p)
	opts := &sqlstore.Options{Prefix: "p_"}
	if schema {
		opts.Schema = b.schemaOf(t, p)
	}
	if exist {
		if err := b.in(t, p, opts).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b.dialect == sqlstore.MySQL { // without any right it cannot connect
		if err := b.in(t, as, opts).Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "may not connect") {
			t.Error(err)
		}
		if _, err := admin.Exec("CREATE TABLE another (a int)"); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Exec("GRANT SELECT ON another TO " + role); err != nil {
			t.Fatal(err)
		}
	}
	var granted []string
	for {
		err := b.in(t, as, opts).Migrate(t.Context()) // with a new pool
		if err == nil {
			break
		}
		t.Log(err)
		text := err.Error()
		if toUse, toCreate, ok := strings.Cut(text, "; or to create the tables: "); ok && exist {
			text = toUse
		} else if ok {
			text = toCreate
		}
		grants := regexp.MustCompile(`GRANT [^;]+ TO [^;, ]+`).FindAllString(text, -1)
		for _, grant := range grants {
			if _, err := admin.Exec(grant); err != nil || !strings.HasSuffix(grant, " TO "+role) {
				t.Fatalf("%s: %v", grant, err)
			}
		}
		if len(grants) == 0 || len(granted) > 40 {
			t.Fatalf("after %q: %v", granted, err)
		}
		granted = append(granted, grants...)
	}
	if all := strings.Join(granted, ";"); exist == strings.Contains(all, "CREATE") || strings.Contains(all, "*") {
		t.Errorf("granted %q", granted)
	}
	fill(t, b.in(t, as, opts), time.Now(), time.Minute)
}

// schemaOf returns the name of the schema, or MySQL's database, of p.
func (b backend) schemaOf(t *testing.T, p database) (name string) {
	t.Helper()
	query := map[sqlstore.Dialect]string{sqlstore.PostgreSQL: "SELECT current_schema()", sqlstore.MySQL: "SELECT DATABASE()", sqlstore.SQLite: "SELECT 'main'"}[b.dialect]
	if err := p.open(t).QueryRow(query).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestLeastRights runs the suites with the rights of docs/running-on-sql.md, and with no
// others.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/running-on-sql.md")
	if err != nil {
		t.Fatal(err)
	}
	onServers(t, func(t *testing.T, b backend) {
		p := b.create(t)
		as, admin, role := b.as(t, p)
		block := regexp.MustCompile("(?s)```sql\n-- " + b.name + ".*?\n(.*?)```").FindSubmatch(page)
		if block == nil {
			t.Fatal("docs/running-on-sql.md has no grants for", b.name)
		}
		schema := b.schemaOf(t, p)
		grant := func() {
			for statement := range strings.SplitSeq(strings.TrimSpace(string(block[1])), ";\n") {
				statement = strings.NewReplacer("SCHEMA auth", "SCHEMA "+schema, " auth.", " "+schema+".", "\tauth.", " "+schema+".", "TO 'app'@'%'", "TO "+role, "TO app", "TO "+role).Replace(strings.TrimSuffix(statement, ";"))
				if _, err := admin.Exec(statement); err != nil {
					t.Fatalf("%v: %s", err, statement)
				}
			}
		}
		open := func(t *testing.T) *sqlstore.Stores { // empties the tables
			t.Helper()
			if err := b.in(t, p, nil).Migrate(context.Background()); err != nil {
				t.Fatal(err)
			}
			grant()
			if _, err := admin.Exec("DELETE FROM guard_api_keys"); err != nil {
				t.Fatal(err)
			}
			s := b.in(t, as, nil)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open(t)
		for _, step := range steps {
			if err := step.run(t.Context(), s); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		suites(t, s, open)
		if _, err := as.open(t).Exec("UPDATE guard_schema SET version = 1"); err == nil {
			t.Error("the role has a right that it does not need")
		}
	})
}

// TestSafeUpdates: MySQL may refuse statements that use no key.
func TestSafeUpdates(t *testing.T) {
	_, p := backends[1].stores(t, nil)
	p.dsn += "&sql_safe_updates=1"
	s := backends[1].in(t, p, nil)
	if err := s.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	for _, step := range steps {
		if err := step.run(t.Context(), s); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	fill(t, s, time.Now(), time.Minute)
}

// TestMigrationLock: a lock that another process holds and a failure of GET_LOCK are two
// errors.
func TestMigrationLock(t *testing.T) {
	for answer, want := range map[driver.Value]string{
		int64(0): "another process has held the migration lock for a minute",
		nil:      "GET_LOCK returned NULL",
	} {
		s, err := sqlstore.New(sql.OpenDB(locking{answer: answer}), sqlstore.MySQL, &sqlstore.Options{Schema: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// locking is an empty MySQL with an answer to GET_LOCK.
type locking struct{ answer driver.Value }

func (l locking) Connect(context.Context) (driver.Conn, error) { return l, nil }
func (locking) Driver() driver.Driver                          { return nil }
func (locking) Prepare(string) (driver.Stmt, error)            { return nil, errors.ErrUnsupported }
func (locking) Begin() (driver.Tx, error)                      { return nil, errors.ErrUnsupported }
func (locking) Close() error                                   { return nil }

func (l locking) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if strings.Contains(query, "GET_LOCK") {
		return &singleRow{value: l.answer}, nil
	}
	return nil, &mysql.MySQLError{Number: 1146, Message: "no such table"}
}

type singleRow struct {
	value driver.Value
	read  bool
}

func (*singleRow) Columns() []string { return []string{"a"} }
func (*singleRow) Close() error      { return nil }

func (r *singleRow) Next(row []driver.Value) error {
	if r.read {
		return io.EOF
	}
	row[0], r.read = r.value, true
	return nil
}
