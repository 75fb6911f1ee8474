package sqlstore_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestMigrateNamesTheMistake: of a DSN, of Options and of a file.
func TestMigrateNamesTheMistake(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sqlite := func(name, options string) func(*testing.T, database) database {
		return func(*testing.T, database) database {
			return database{driver: "sqlite", dsn: "file:" + filepath.Join(dir, name) + options}
		}
	}
	pg := func(change func(u *url.URL, q url.Values)) func(*testing.T, database) database {
		return func(t *testing.T, p database) database {
			u, err := url.Parse(p.dsn)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			change(u, q)
			u.RawQuery = q.Encode()
			p.dsn = u.String()
			return p
		}
	}
	my := func(name string) func(*testing.T, database) database {
		return func(t *testing.T, p database) database {
			c, err := mysql.ParseDSN(p.dsn)
			if err != nil {
				t.Fatal(err)
			}
			c.DBName = name
			p.dsn = c.FormatDSN()
			return p
		}
	}
	same := func(_ *testing.T, p database) database { return p }
	for _, tt := range []struct {
		name    string
		backend backend
		connect func(*testing.T, database) database
		schema  string
		want    []string
	}{
		{"no such database", backends[0], pg(func(u *url.URL, _ url.Values) { u.Path = "/guardtest_none" }), "", []string{"guardtest_none", "CREATE DATABASE"}},
		{"no such schema", backends[0], same, "guardtest_None", []string{`CREATE SCHEMA "guardtest_None"`}},
		{"no schema in the search_path", backends[0], pg(func(_ *url.URL, q url.Values) { q.Set("search_path", "guardtest_none") }), "", []string{"search_path", "Options.Schema"}},
		{"read-only", backends[0], pg(func(_ *url.URL, q url.Values) { q.Set("default_transaction_read_only", "on") }), "", []string{"read-only", "primary"}},
		{"no database in the DSN", backends[1], my(""), "", []string{"name a database in the DSN", "Options.Schema"}},
		{"no such database", backends[1], my("guardtest_none"), "", []string{"guardtest_none", "CREATE DATABASE"}},
		{"no such schema", backends[1], my(""), "guardtest_none", []string{"guardtest_none", "CREATE DATABASE"}},
		{"no directory", backends[2], sqlite("none/a.db", ""), "", []string{"directory does not exist"}},
		{"read-only", backends[2], sqlite("a.db", "?mode=ro"), "", []string{"readonly", "allows no writes"}},
		{"a directory", backends[2], sqlite(".", ""), "", []string{"directory"}},
		{"not attached", backends[2], sqlite("a.db", ""), "other", []string{"unknown database"}},
	} {
		t.Run(tt.backend.name+"/"+tt.name, func(t *testing.T) {
			p := tt.connect(t, tt.backend.create(t))
			err := tt.backend.in(t, p, &sqlstore.Options{Schema: tt.schema}).Migrate(t.Context())
			t.Log(err)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

// TestMigrateFindsAMissingTable: the version alone does not show that all tables exist.
func TestMigrateFindsAMissingTable(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		if _, err := p.open(t).Exec("DROP TABLE guard_denied"); err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "guard_denied") || !strings.Contains(err.Error(), "version 1") {
			t.Errorf("without a table: %v", err)
		} else if !strings.Contains(err.Error(), "Stores.Schema") {
			t.Errorf("%v does not say what creates it", err)
		}
	})
}

// TestWithoutMigrate: the failure of each step says what creates the tables.
func TestWithoutMigrate(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s := b.in(t, b.create(t), nil)
		for _, step := range steps {
			if err := step.run(t.Context(), s); err == nil || !strings.Contains(err.Error(), "Stores.Migrate creates") {
				t.Errorf("%s: %v", step.name, err)
			}
		}
	})
}

// TestMigrateNamesTheDialect: of New, if the database has another. It may have the tables.
func TestMigrateNamesTheDialect(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		_, p := b.stores(t, nil)
		for _, other := range backends {
			if other.dialect == b.dialect {
				continue
			}
			s, err := sqlstore.New(p.open(t), other.dialect, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err = s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "the dialect "+other.dialect.String()) {
				t.Errorf("%v: %v", other.dialect, err)
			}
		}
	})
}
