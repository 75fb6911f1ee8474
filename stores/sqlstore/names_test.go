package sqlstore_test

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/go-guard/guard/apikey"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestNames: the names of Options become a part of statements, so that New refuses
// those which a database would read in another way.
func TestNames(t *testing.T) {
	db := database{driver: "sqlite", dsn: "file::memory:"}.open(t)
	for _, tt := range []struct {
		schema, prefix, want string
	}{
		{"auth", "app1_", ""},
		{"Auth_2", "_", ""},
		{"order", "order", ""},
		{strings.Repeat("x", 63), strings.Repeat("x", 30), ""},
		{strings.Repeat("x", 64), "", "the schema"},
		{"a.b", "", "the schema"},
		{"a\"b", "", "the schema"},
		{"a`b", "", "the schema"},
		{"a;b", "", "the schema"},
		{"a b", "", "the schema"},
		{"a\n", "", "the schema"},
		{"ä", "", "the schema"},
		{"", strings.Repeat("x", 31), "the prefix"},
		{"", "1app", "the prefix"},
		{"", "App_", "the prefix"},
		{"", "a.", "the prefix"},
		{"", "a ", "the prefix"},
		{"", "a\n", "the prefix"},
		{"", "a?", "the prefix"},
	} {
		for _, b := range backends {
			_, err := sqlstore.New(db, b.dialect, &sqlstore.Options{Schema: tt.schema, Prefix: tt.prefix})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: schema %q, prefix %q: %v", b.name, tt.schema, tt.prefix, err)
			}
		}
	}
	if _, err := sqlstore.New(db, sqlstore.SQLite, &sqlstore.Options{Schema: "-", Prefix: "-"}); err == nil || !strings.Contains(err.Error(), "schema") || !strings.Contains(err.Error(), "prefix") {
		t.Errorf("%v does not name both", err)
	}
}

// TestNamesFit: the longest prefix leaves enough bytes for the names of tables and
// indexes, which PostgreSQL would otherwise cut, silently.
func TestNamesFit(t *testing.T) {
	db := database{driver: "sqlite", dsn: "file::memory:"}.open(t)
	for _, b := range backends {
		s, err := sqlstore.New(db, b.dialect, &sqlstore.Options{Prefix: strings.Repeat("x", 30)})
		if err != nil {
			t.Fatal(err)
		}
		all := regexp.MustCompile(`x{30}\w+`).FindAllString(s.Schema(), -1)
		for _, name := range all {
			if len(name) > 63 {
				t.Errorf("%s: %s has %d bytes", b.name, name, len(name))
			}
		}
		if len(all) < 15 {
			t.Errorf("%s: %d names", b.name, len(all))
		}
	}
}

// qualified returns a pool whose connections find no table of guard without a schema,
// and the name of an empty schema.
func qualified(t *testing.T, b backend) (db *sql.DB, schema string) {
	t.Helper()
	p := b.create(t)
	switch b.dialect {
	case sqlstore.PostgreSQL:
		u, err := url.Parse(p.dsn)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		schema = "Upper_" + q.Get("search_path") // found only if it is quoted
		q.Set("search_path", "guardtest_none")   // another test may have tables in "public"
		u.RawQuery = q.Encode()
		p.dsn = u.String()
		db = p.open(t)
		if _, err := db.Exec(`CREATE SCHEMA "` + schema + `"`); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = db.Exec(`DROP SCHEMA "` + schema + `" CASCADE`) })
	case sqlstore.MySQL:
		c, err := mysql.ParseDSN(p.dsn)
		if err != nil {
			t.Fatal(err)
		}
		schema, c.DBName = c.DBName, ""
		p.dsn = c.FormatDSN()
		db = p.open(t)
	default:
		db, schema = p.open(t), "order" // a reserved word
		db.SetMaxOpenConns(1)           // each connection attaches
		if _, err := db.Exec(`ATTACH ? AS "order"; PRAGMA "order".synchronous = OFF`, filepath.Join(t.TempDir(), "other.db")); err != nil {
			t.Fatal(err)
		}
	}
	return db, schema
}

// TestSchemaAndPrefix runs the suites on tables in another schema, with a prefix, beside
// those of an application with another prefix.
func TestSchemaAndPrefix(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b backend) {
		db, schema := qualified(t, b)
		in := func(t *testing.T, prefix string) *sqlstore.Stores {
			t.Helper()
			s := b.on(t, db, &sqlstore.Options{Schema: schema, Prefix: prefix})
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			return s
		}
		first, second := in(t, "app1_"), in(t, "app2_")
		suites(t, first, nil)
		for _, id := range []string{"aaaaaaaaaaa1", "aaaaaaaaaaa2"} { // the second takes the place of the first
			e := apikey.Entry{Record: apikey.Record{ID: id, Ring: "ak_live", Subject: "alice", RevokedAt: time.Now()}}
			if inserted, err := first.APIKeys().Insert(t.Context(), e, 1); !inserted || err != nil {
				t.Errorf("inserting an API key: %t, %v", inserted, err)
			}
		}
		fill(t, first, time.Now().Add(-1000*time.Hour), time.Minute) // expired
		if n, err := second.Sweep(t.Context(), 0); n != 0 || err != nil {
			t.Errorf("the other application swept %d rows, %v", n, err)
		}
		for _, step := range steps {
			if err := step.run(t.Context(), second); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		if n, err := first.Sweep(t.Context(), 0); n == 0 || err != nil {
			t.Errorf("swept %d rows, %v", n, err)
		}
		in(t, "app1_") // migrated before
		opts := &sqlstore.Options{Prefix: "app1_"}
		if b.dialect == sqlstore.SQLite { // it finds the tables of all attached schemas
			opts = nil
		}
		s := b.on(t, db, opts)
		if _, err := s.Sweep(t.Context(), 0); err == nil {
			t.Error("there are tables without the schema")
		}
	})
}

// TestMigrateOfTwoPrefixes: the migrations of two prefixes in one schema disturb each
// other no more than two of one.
func TestMigrateOfTwoPrefixes(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		p := b.create(t)
		var wg sync.WaitGroup
		prefixes := []string{"", "a_", "b_"}
		for i := range 9 {
			s := b.in(t, p, &sqlstore.Options{Prefix: prefixes[i%3]})
			wg.Go(func() {
				if err := s.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, prefix := range prefixes {
			if n := count(t, p.open(t), prefix+"guard_schema"); n != 1 {
				t.Errorf("%q: %d versions", prefix, n)
			}
		}
	})
}
