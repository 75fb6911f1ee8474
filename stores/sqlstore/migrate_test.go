package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// busyOnce fails the first connection as SQLite does while another one changes the file
// to WAL.
type busyOnce struct {
	driver driver.Driver
	dsn    string
	calls  atomic.Int32
}

func (b *busyOnce) Driver() driver.Driver { return b.driver }

func (b *busyOnce) Connect(context.Context) (driver.Conn, error) {
	if b.calls.Add(1) == 1 {
		return nil, locked{}
	}
	return b.driver.Open(b.dsn)
}

type locked struct{}

func (locked) Error() string { return "database is locked (5) (SQLITE_BUSY)" }
func (locked) Code() int     { return 5 }

// TestMigrateOfABusyFile: a file that is locked for a moment was reported as a database of
// another kind.
func TestMigrateOfABusyFile(t *testing.T) {
	p := createSQLite(t)
	db := sql.OpenDB(&busyOnce{driver: p.open(t).Driver(), dsn: p.dsn})
	t.Cleanup(func() { db.Close() })
	s, err := sqlstore.New(db, sqlstore.SQLite, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
}
