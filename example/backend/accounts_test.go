package backend

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
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

// opened returns accounts in empty tables of a database.
func opened(t *testing.T, driver, source string) Accounts {
	t.Helper()
	if driver == "sqlite" {
		source = "file:" + t.TempDir() + "/accounts.db?_pragma=busy_timeout(20000)"
	} else { // a schema for this test, which ends with it
		name, admin := fmt.Sprintf("accounts_%d_%d", os.Getpid(), schemas.Add(1)), connect(t, driver, source)
		if _, err := admin.Exec("CREATE SCHEMA " + name); err != nil {
			harness.Needs(t, "%s: %v", driver, err)
		}
		drop := "DROP SCHEMA " + name
		if driver == "pgx" {
			source, drop = source+"?search_path="+name, drop+" CASCADE"
		} else {
			source = source[:strings.LastIndexByte(source, '/')+1] + name
		}
		t.Cleanup(func() { _, _ = admin.Exec(drop) })
	}
	db := connect(t, driver, source)
	for range 2 { // the second finds the tables
		if _, err := newSQLAccounts(t.Context(), db, driver); err != nil {
			t.Fatal(err)
		}
	}
	return &sqlAccounts{db: db, numbers: driver == "pgx"}
}

func connect(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	t.Cleanup(func() { db.Close() })
	return db
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
			t.Run("addresses", func(t *testing.T) { addresses(t, open(t)) })
			t.Run("identities", func(t *testing.T) { identities(t, open(t)) })
			var accounts Accounts
			totptest.Run(t, func(t *testing.T) totp.Store { accounts = open(t); return accounts }, func(t *testing.T, subject string) {
				create(t, accounts, Account{ID: subject, Email: subject + "@example.com"})
			})
		})
	}
}

// create adds accounts that are new.
func create(t *testing.T, accounts Accounts, all ...Account) {
	t.Helper()
	for _, a := range all {
		if created, err := accounts.Create(context.Background(), a); err != nil || !created {
			t.Fatalf("Create(%v): %t, %v", a, created, err)
		}
	}
}

// race does something 16 times at once, and returns how often it reports true.
func race(t *testing.T, do func(i int) (bool, error)) int64 {
	t.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			did, err := do(i)
			if err != nil {
				t.Error(err)
			}
			if did {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return won.Load()
}

// TestAccountsOfAnotherVersion: the program does not start with a table that lacks a column.
func TestAccountsOfAnotherVersion(t *testing.T) {
	db := connect(t, "sqlite", "file:"+t.TempDir()+"/accounts.db")
	if _, err := db.Exec("CREATE TABLE example_accounts (id VARCHAR(64) PRIMARY KEY, email VARCHAR(254))"); err != nil {
		t.Fatal(err)
	}
	_, err := newSQLAccounts(t.Context(), db, "sqlite")
	if err == nil || !strings.Contains(err.Error(), "the table example_accounts is of another version") {
		t.Errorf("error %v", err)
	}
}

func rows(t *testing.T, accounts Accounts) {
	ctx := t.Context()
	alice := Account{ID: "1", Email: "alice@example.com", Role: "admin", Hash: "$argon2id$1", Links: 3, Verified: true, Suspended: true}
	bob := Account{ID: "2", Email: "bob@example.com"}
	create(t, accounts, alice, bob)
	for _, a := range []Account{alice, {ID: "1", Email: "other@example.com", Hash: "changed"}, {ID: "3", Email: "alice@example.com", Hash: "changed"}} {
		if created, err := accounts.Create(ctx, a); err != nil || created {
			t.Errorf("Create(%v): %t, %v; the ID or the address is taken", a, created, err)
		}
	}
	if all, err := accounts.All(ctx); err != nil || len(all) != 2 || all[0] != alice || all[1] != bob {
		t.Errorf("All: %v, %v", all, err)
	}
	for email, want := range map[string]bool{
		"alice@example.com": true, "álice@example.com": false, "Alice@example.com": false, "alice@example.com\x00": false, "alice@example.com ": false,
		"\xff": false, "": false, "other@example.com": false,
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
	for _, suspended := range []bool{true, true, false, false} {
		if found, err := accounts.SetSuspended(ctx, "2", suspended); !found || err != nil {
			t.Errorf("SetSuspended(%t): %t, %v", suspended, found, err)
		}
		if a, _, err := accounts.ByID(ctx, "2"); a.Suspended != suspended || err != nil {
			t.Errorf("%v, %v; want suspended %t", a, err, suspended)
		}
	}
	if found, err := accounts.SetSuspended(ctx, "3", true); found || err != nil {
		t.Errorf("SetSuspended of none: %t, %v", found, err)
	}
}

// swaps: of many at a time one changes the account, and none with another state.
func swaps(t *testing.T, accounts Accounts) {
	ctx := t.Context()
	create(t, accounts, Account{ID: "1", Email: "a", Hash: "old"})
	for _, tt := range []struct {
		name string
		swap func(id string, i int) (bool, error)
	}{
		{"SetHash", func(id string, i int) (bool, error) { return accounts.SetHash(ctx, id, "old", fmt.Sprint("new", i)) }},
		{"SpendLink", func(id string, _ int) (bool, error) { return accounts.SpendLink(ctx, id, 0) }},
		{"SetVerified", func(id string, _ int) (bool, error) { return accounts.SetVerified(ctx, id, "a") }},
		{"SetEmail", func(id string, i int) (bool, error) { return accounts.SetEmail(ctx, id, "a", fmt.Sprint("b", i)) }},
	} {
		if swapped, err := tt.swap("2", 0); swapped || err != nil {
			t.Errorf("%s of no account: %t, %v", tt.name, swapped, err)
		}
		if won := race(t, func(i int) (bool, error) { return tt.swap("1", i) }); won != 1 {
			t.Errorf("%s: %d of 16 swapped, want 1", tt.name, won)
		}
	}
	if a, _, err := accounts.ByID(ctx, "1"); err != nil || a.Hash == "old" || a.Links != 1 || a.Email == "a" || !a.Verified {
		t.Errorf("%v, %v", a, err)
	}
}
