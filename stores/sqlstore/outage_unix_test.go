//go:build unix

package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// An app is an application with its sessions in SQL.
type app struct{ *session.Manager[string] }

func newApp(t testing.TB, store session.Store) app {
	t.Helper()
	m, err := session.New[string](&session.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return app{m}
}

// do sends a request and returns its status, body and cookie.
func (a app) do(method, target string, cookie *http.Cookie) (int, string, *http.Cookie) {
	r := httptest.NewRequest(method, target, nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	var err error
	switch r.URL.Path {
	case "/login":
		_, err = a.Create(w, r, r.URL.Query().Get("as"), "data")
	case "/logout":
		err = a.Destroy(w, r)
	default:
		a.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[string]) {
			fmt.Fprint(w, s.Sub())
		})).ServeHTTP(w, r)
	}
	if err != nil {
		guard.Refuse(w, r, err)
	}
	for _, c := range w.Result().Cookies() {
		cookie = c
	}
	return w.Code, w.Body.String(), cookie
}

// load is a load of clients while the database is killed. Every response must be correct
// or 503, and every acknowledged change must survive.
type load struct {
	*testing.T
	stores  *sqlstore.Stores
	db      *sql.DB
	dialect sqlstore.Dialect
	done    atomic.Bool
	refused atomic.Int64 // responses with 503
	served  atomic.Int64

	mu         sync.Mutex
	loggedOut  []*http.Cookie   // sessions with an acknowledged logout
	generation map[string]int64 // the last acknowledged one, by family ID
	revoked    []string         // families with an acknowledged revocation
}

func (l *load) run(kill, revive func()) {
	l.generation = map[string]int64{}
	a := newApp(l.T, l.stores.Sessions())
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := 0; !l.done.Load(); n++ {
				l.session(a, fmt.Sprintf("u%d-%d", worker, n))
			}
		})
		wg.Go(func() {
			for !l.done.Load() {
				l.family()
			}
		})
	}
	for _, step := range []func(){kill, revive, func() { l.done.Store(true) }} {
		time.Sleep(300 * time.Millisecond) // a real server under load
		step()
	}
	wg.Wait()
	l.check(a)
}

// succeeded counts the result of a request. An error must be a 503.
func (l *load) succeeded(err error) bool {
	if err == nil {
		l.served.Add(1)
		return true
	}
	if status(err) != 503 {
		l.Errorf("%v", err)
	}
	l.refused.Add(1)
	time.Sleep(time.Millisecond) // as a client waits
	return false
}

func (l *load) session(a app, subject string) {
	code, _, cookie := a.do("POST", "/login?as="+subject, nil)
	if code == 503 {
		l.succeeded(guard.Unavailable(nil))
		return
	}
	for range 3 {
		if code, body, _ := a.do("GET", "/", cookie); code != 503 && (code != 200 || body != subject) {
			l.Errorf("a live session got %d %s", code, body)
		}
	}
	live := cookie
	if code, _, _ := a.do("POST", "/logout", cookie); code != 200 {
		return // not acknowledged: the session may be live or not
	}
	l.mu.Lock()
	l.loggedOut = append(l.loggedOut, live)
	l.mu.Unlock()
	if code, body, _ := a.do("GET", "/", live); code != 401 && code != 503 {
		l.Errorf("a session that was logged out got %d %s", code, body)
	}
}

func (l *load) family() {
	s, ctx, now := l.stores.TokenFamilies(), context.Background(), time.Now()
	f := refresh.Family{Subject: "alice", ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}
	if !l.succeeded(startFamily(ctx, l.stores, f)) {
		return
	}
	generation := int64(1)
	for range 5 {
		result, err := s.Rotate(ctx, refresh.Rotation{Subject: f.Subject, ID: f.ID, Generation: generation, Now: now, Grace: time.Minute, Idle: time.Hour})
		if !l.succeeded(err) {
			continue // the client tries again with the same token
		}
		if result != refresh.Rotated && result != refresh.Repeated {
			l.Errorf("generation %d of a live family: %d", generation, result)
			return
		}
		generation++
	}
	end := generation%2 == 0 && l.succeeded(s.Revoke(ctx, f.Subject, f.Expires, f.ID))
	l.mu.Lock()
	defer l.mu.Unlock()
	if end {
		l.revoked = append(l.revoked, f.ID)
	} else if generation%2 != 0 {
		l.generation[f.ID] = generation
	}
}

// check verifies that the pool recovers and that no acknowledged change is lost.
func (l *load) check(a app) {
	if l.refused.Load() == 0 || l.served.Load() == 0 {
		l.Errorf("%d requests failed, %d succeeded", l.refused.Load(), l.served.Load())
	}
	recovered := false
	for range 100 {
		if code, _, _ := a.do("POST", "/login?as=first", nil); code == 200 {
			recovered = true
			break
		}
		time.Sleep(20 * time.Millisecond) // another process
	}
	if !recovered {
		l.Fatal("the pool did not recover")
	}
	for _, cookie := range l.loggedOut {
		if code, body, _ := a.do("GET", "/", cookie); code != 401 {
			l.Fatalf("a session that was logged out got %d %s", code, body)
		}
	}
	query := "SELECT generation FROM guard_families WHERE id = ?"
	if l.dialect == sqlstore.PostgreSQL {
		query = "SELECT generation FROM guard_families WHERE id = $1"
	}
	for id, acknowledged := range l.generation {
		var have int64
		if err := l.db.QueryRow(query, []byte(id)).Scan(&have); err != nil || have < acknowledged {
			l.Fatalf("generation %d was acknowledged, there is %d, %v", acknowledged, have, err)
		}
	}
	for _, id := range l.revoked {
		var have int64
		// An ended family has generation 0; of more than a hundred, the oldest are deleted.
		if err := l.db.QueryRow(query, []byte(id)).Scan(&have); have != 0 || err != nil && !errors.Is(err, sql.ErrNoRows) {
			l.Fatalf("a family that was revoked has generation %d, %v", have, err)
		}
	}
	l.Logf("%d served, %d refused, %d logouts, %d families", l.served.Load(), l.refused.Load(), len(l.loggedOut), len(l.generation)+len(l.revoked))
}

// TestConnectionsKilled: an administrator ends all connections, repeatedly.
func TestConnectionsKilled(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			admin := p.open(t)
			l := &load{T: t, stores: s, db: admin, dialect: b.dialect}
			kill := func() { // until one was in use
				for n := 0; n < 10 || n < 1000 && l.refused.Load() == 0; n++ {
					killConnections(t, admin, b.dialect)
				}
			}
			l.run(kill, kill)
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
	for _, tt := range []struct {
		backend
		start func(t *testing.T) *server
	}{{backends[0], startPostgreSQL}, {backends[1], startMariaDB}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := tt.start(t)
			s := tt.in(t, srv.database, nil)
			srv.wait(s)
			l := &load{T: t, stores: s, db: srv.database.open(t), dialect: tt.dialect}
			l.run(srv.kill, func() { srv.run(); srv.wait(s) })
		})
	}
}
