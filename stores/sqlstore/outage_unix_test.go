//go:build unix

package sqlstore_test

import (
	"database/sql"
	"strconv"
	"testing"

	"github.com/go-guard/guard/internal/testing/traffic"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// trafficOf returns the stores of credentials.
func trafficOf(s *sqlstore.Stores) traffic.Stores {
	return traffic.Stores{Sessions: s.Sessions(), TokenFamilies: s.TokenFamilies(), Denylist: s.Denylist(), APIKeys: s.APIKeys()}
}

// TestConnectionsKilled: an administrator ends all connections, repeatedly.
func TestConnectionsKilled(t *testing.T) {
	t.Parallel()
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			admin := p.open(t)
			kill := func() {
				for range 10 {
					killConnections(t, admin, b.dialect)
				}
			}
			traffic.Outages(t, trafficOf(s), kill, kill)
		})
	}
}

// killConnections ends all connections of this test.
func killConnections(t testing.TB, admin *sql.DB, d sqlstore.Dialect) {
	t.Helper()
	if d == sqlstore.PostgreSQL {
		_, err := admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE pid <> pg_backend_pid() AND application_name = current_setting('application_name')`)
		if err != nil {
			t.Error(err)
		}
		return
	}
	rows, err := admin.Query("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
	if err != nil {
		t.Error(err)
		return
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Error(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		_, _ = admin.Exec("KILL " + strconv.FormatInt(id, 10)) // it may have been closed
	}
}

// TestServerKilled: a database server that crashes under load loses no acknowledged
// change.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		backend
		start func(t *testing.T) *server
	}{{backends[0], startPostgreSQL}, {backends[1], startMariaDB}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := tt.start(t)
			s := tt.in(t, srv.database, nil)
			srv.wait(s)
			traffic.Outages(t, trafficOf(s), srv.kill, func() { srv.run(); srv.wait(s) })
		})
	}
}
