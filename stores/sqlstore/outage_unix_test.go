//go:build unix

package sqlstore_test

import (
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/traffic"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// outage sends mixed traffic for GUARD_SOAK, during which kill and revive are called in
// turn. Nothing that was acknowledged is lost, and no good credential is refused.
func outage(t *testing.T, s *sqlstore.Stores, kill, revive func()) {
	t.Helper()
	d := traffic.Duration(t, 3*time.Second)
	l := traffic.Start(t, traffic.Stores{Sessions: s.Sessions(), TokenFamilies: s.TokenFamilies(), Denylist: s.Denylist(), APIKeys: s.APIKeys()},
		d/10_000) // a long test sends less in a second
	kills := 0
	const least = 20 // facts: a stall may be longer than d
	for end := time.Now().Add(d); time.Now().Before(end) || l.Facts() < least && kills < 100; kills++ {
		time.Sleep(max(d/100, 500*time.Millisecond)) // a real server under load
		kill()
		time.Sleep(100 * time.Millisecond) // without a server
		revive()
	}
	facts := l.Facts()
	r := l.Stop()
	t.Logf("%v with %d outages: %v", d, kills, r)
	if r.Losses() > 0 || r.Unavailable == 0 || facts < least {
		t.Errorf("%d losses of %d, 503: %d", r.Losses(), facts, r.Unavailable)
	}
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
			outage(t, s, kill, kill)
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
			outage(t, s, srv.kill, func() { srv.run(); srv.wait(s) })
		})
	}
}
