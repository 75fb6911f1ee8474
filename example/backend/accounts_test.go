package backend

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/totp"
	"github.com/go-guard/guard/signin/totp/totptest"
)

// opened returns accounts in an empty table of a database.
func opened(t *testing.T, driver, source string) Accounts {
	t.Helper()
	if driver == "sqlite" {
		source = "file:" + t.TempDir() + "/accounts.db?_pragma=busy_timeout(2000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if driver != "sqlite" { // a schema for this test, which ends with it
		name := fmt.Sprintf("accounts_%d_%d", os.Getpid(), schemas.Add(1))
		if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
			harness.Needs(t, "%s: %v", driver, err)
		}
		db.SetMaxOpenConns(1)
		use, drop := "USE "+name, "DROP SCHEMA "+name
		if driver == "pgx" {
			use, drop = "SET search_path TO "+name, drop+" CASCADE"
		}
		t.Cleanup(func() { _, _ = db.Exec(drop) })
		if _, err := db.Exec(use); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second finds the table
		if _, err = newSQLAccounts(t.Context(), db, driver); err != nil {
			t.Fatal(err)
		}
	}
	return &sqlAccounts{db: db, numbers: driver == "pgx"}
}

var schemas atomic.Int64

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func TestAccounts(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) Accounts{
		"memory": func(*testing.T) Accounts { return NewMemoryAccounts() },
		"SQLite": func(t *testing.T) Accounts { return opened(t, "sqlite", "") },
		"PostgreSQL": func(t *testing.T) Accounts {
			return opened(t, "pgx", env("GUARD_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test"))
		},
		"MySQL": func(t *testing.T) Accounts {
			return opened(t, "mysql", env("GUARD_MYSQL_DSN", "root@tcp(127.0.0.1:3306)/test"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("rows", func(t *testing.T) { rows(t, open(t)) })
			t.Run("swaps", func(t *testing.T) { swaps(t, open(t)) })
			var accounts Accounts
			totptest.Run(t, func(t *testing.T) totp.Store { accounts = open(t); return accounts }, func(t *testing.T, subject string) {
				if err := accounts.Add(context.Background(), Account{ID: subject, Email: subject + "@example.com"}); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func rows(t *testing.T, accounts Accounts) {
	ctx := t.Context()
	alice := Account{ID: "1", Email: "alice@example.com", Role: "admin", Hash: "$argon2id$1"}
	for _, a := range []Account{alice, {ID: "2", Email: "bob@example.com"}, {ID: "1", Email: "other@example.com", Hash: "changed"}} {
		if err := accounts.Add(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := accounts.All(ctx); err != nil || len(all) != 2 || all[0] != alice {
		t.Errorf("All: %v, %v", all, err)
	}
	for email, want := range map[string]bool{
		"alice@example.com": true, "álice@example.com": false, "Alice@example.com": false, "alice@example.com\x00": false, "\xff": false, "": false, "other@example.com": false,
	} {
		if a, found, err := accounts.ByEmail(ctx, email); err != nil || found != want || found && a != alice {
			t.Errorf("ByEmail(%q): %v, %t, %v", email, a, found, err)
		}
	}
	if a, found, err := accounts.ByID(ctx, "1"); err != nil || !found || a != alice {
		t.Errorf("ByID: %v, %t, %v", a, found, err)
	}
	if _, found, err := accounts.ByID(ctx, "3"); err != nil || found {
		t.Errorf("ByID of none: %t, %v", found, err)
	}
}

// swaps: of many at a time one changes the account, and none with another state.
func swaps(t *testing.T, accounts Accounts) {
	ctx := t.Context()
	if err := accounts.Add(ctx, Account{ID: "1", Email: "a", Hash: "old"}); err != nil {
		t.Fatal(err)
	}
	for name, swap := range map[string]func(id string, i int) (bool, error){
		"SetHash":   func(id string, i int) (bool, error) { return accounts.SetHash(ctx, id, "old", fmt.Sprint("new", i)) },
		"SpendLink": func(id string, _ int) (bool, error) { return accounts.SpendLink(ctx, id, 0) },
	} {
		if swapped, err := swap("2", 0); swapped || err != nil {
			t.Errorf("%s of no account: %t, %v", name, swapped, err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				swapped, err := swap("1", i)
				if err != nil {
					t.Error(err)
				}
				if swapped {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%s: %d of 16 swapped, want 1", name, won.Load())
		}
	}
	if a, _, err := accounts.ByID(ctx, "1"); err != nil || a.Hash == "old" || a.Links != 1 {
		t.Errorf("%v, %v", a, err)
	}
}
