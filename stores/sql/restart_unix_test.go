//go:build unix

package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
	sqlstore "github.com/go-guard/guard/stores/sql"
)

// An app is the handlers of an application with its sessions in SQL.
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

// load is what clients do while the database is killed: every answer must be
// true or 503, and what was acknowledged stays.
type load struct {
	*testing.T
	stores  *sqlstore.Stores
	db      *sql.DB
	dialect sqlstore.Dialect
	over    atomic.Bool
	refused atomic.Int64 // answers of 503
	served  atomic.Int64

	mu         sync.Mutex
	gone       []*http.Cookie   // sessions whose logout was acknowledged
	generation map[string]int64 // of families, the last that was acknowledged
	revoked    []string         // families whose end was
}

func (l *load) run(kill, revive func()) {
	l.generation = map[string]int64{}
	a := newApp(l.T, l.stores.Sessions())
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := 0; !l.over.Load(); n++ {
				l.session(a, fmt.Sprintf("u%d-%d", worker, n))
			}
		})
		wg.Go(func() {
			for !l.over.Load() {
				l.family()
			}
		})
	}
	for _, step := range []func(){kill, revive, func() { l.over.Store(true) }} {
		time.Sleep(300 * time.Millisecond) // a real server under load
		step()
	}
	wg.Wait()
	l.check(a)
}

// tell counts an error, which must be a 503.
func (l *load) tell(err error) bool {
	if err == nil {
		l.served.Add(1)
		return true
	}
	if status(err) != 503 {
		l.Errorf("%v", err)
	}
	l.refused.Add(1)
	time.Sleep(time.Millisecond) // a client that is refused waits
	return false
}

func (l *load) session(a app, who string) {
	code, _, cookie := a.do("POST", "/login?as="+who, nil)
	if code == 503 {
		l.tell(guard.Unavailable(nil))
		return
	}
	for range 3 {
		if code, body, _ := a.do("GET", "/", cookie); code != 503 && (code != 200 || body != who) {
			l.Errorf("a live session got %d %s", code, body)
		}
	}
	live := cookie
	if code, _, _ := a.do("POST", "/logout", cookie); code != 200 {
		return // not acknowledged: either is right
	}
	l.mu.Lock()
	l.gone = append(l.gone, live)
	l.mu.Unlock()
	if code, body, _ := a.do("GET", "/", live); code != 401 && code != 503 {
		l.Errorf("a session that was logged out got %d %s", code, body)
	}
}

func (l *load) family() {
	s, ctx, now := l.stores.Families(), context.Background(), time.Now()
	f := jwtauth.Family{Subject: "alice", ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}
	if !l.tell(s.Start(ctx, f)) {
		return
	}
	generation := int64(1)
	for range 5 {
		result, err := s.Rotate(ctx, jwtauth.Rotation{Subject: f.Subject, ID: f.ID, Generation: generation, Now: now, Grace: time.Minute, Idle: time.Hour})
		if !l.tell(err) {
			continue // the client tries again, with the token that it has
		}
		if result != jwtauth.Rotated && result != jwtauth.Repeated {
			l.Errorf("generation %d of a live family: %d", generation, result)
			return
		}
		generation++
	}
	end := generation%2 == 0 && l.tell(s.Revoke(ctx, f.Subject, f.ID))
	l.mu.Lock()
	defer l.mu.Unlock()
	if end {
		l.revoked = append(l.revoked, f.ID)
	} else if generation%2 != 0 {
		l.generation[f.ID] = generation
	}
}

// check: the pool has recovered, and nothing that was acknowledged is lost.
func (l *load) check(a app) {
	if l.refused.Load() == 0 || l.served.Load() == 0 {
		l.Errorf("%d requests met the outage, %d did not", l.refused.Load(), l.served.Load())
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
	for _, cookie := range l.gone {
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
		if err := l.db.QueryRow(query, []byte(id)).Scan(&have); err != sql.ErrNoRows {
			l.Fatalf("a family that was revoked has generation %d, %v", have, err)
		}
	}
	l.Logf("%d served, %d refused, %d logouts, %d families", l.served.Load(), l.refused.Load(), len(l.gone), len(l.generation)+len(l.revoked))
}

// TestConnectionsKilled: an administrator ends all connections, repeatedly.
func TestConnectionsKilled(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			admin := p.open(t)
			l := &load{T: t, stores: s, db: admin, dialect: b.dialect}
			kill := func() {
				for range 10 {
					killConnections(t, admin, b.dialect)
				}
			}
			l.run(kill, kill)
		})
	}
}

// killConnections ends those of this test.
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
		_, _ = admin.Exec("KILL " + strconv.FormatInt(id, 10)) // it may have gone
	}
}

// TestServerKilled: a server of the test's own crashes under load and comes
// back with what it acknowledged.
func TestServerKilled(t *testing.T) {
	for _, tt := range []struct {
		backend
		start func(t *testing.T) *server
	}{{backends[0], ownPostgreSQL}, {backends[1], ownMariaDB}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := tt.start(t)
			s := tt.in(t, srv.place, nil)
			srv.wait(s)
			l := &load{T: t, stores: s, db: srv.place.open(t), dialect: tt.dialect}
			l.run(srv.kill, func() { srv.run(); srv.wait(s) })
		})
	}
}

// A server is a process of the test's own.
type server struct {
	t       *testing.T
	place   place
	command func() *exec.Cmd
	cmd     *exec.Cmd
	ended   chan struct{}
}

func (s *server) run() {
	s.cmd, s.ended = s.command(), make(chan struct{})
	s.cmd.SysProcAttr, s.cmd.Dir = account(s.t), "/"
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

func (s *server) wait(stores *sqlstore.Stores) {
	var err error
	for range 500 {
		if err = stores.Migrate(context.Background()); err == nil {
			return
		}
		select {
		case <-s.ended: // children of the one that was killed were still there
			s.run()
		case <-time.After(20 * time.Millisecond): // another process
		}
	}
	s.t.Fatalf("the server did not start: %v", err)
}

// account is whom a database server runs as where the test runs as root, which
// it refuses to be.
func account(t *testing.T) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("needs an account other than root: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr
}

// ownDir is a directory that account can write to.
func ownDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if c := account(t).Credential; c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// find is the program of that name in PATH or where Debian puts it.
func find(t *testing.T, name, packageName string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/" + name, "/usr/sbin/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	unavailable(t, "needs %s (apt-get install %s)", name, packageName)
	return ""
}

func setup(t *testing.T, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	c.SysProcAttr, c.Dir = account(t), "/"
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func ownPostgreSQL(t *testing.T) *server {
	initdb, postgres := find(t, "initdb", "postgresql"), find(t, "postgres", "postgresql")
	dir, port := ownDir(t), freePort(t)
	data := filepath.Join(dir, "data")
	setup(t, initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	s := &server{t: t,
		place: place{driver: "pgx", dsn: "postgres://postgres@127.0.0.1:" + port + "/postgres"},
		command: func() *exec.Cmd {
			return exec.Command(postgres, "-D", data, "-p", port, "-k", dir, "-h", "127.0.0.1")
		},
	}
	s.run()
	t.Cleanup(s.kill)
	return s
}

func ownMariaDB(t *testing.T) *server {
	install, mariadbd := find(t, "mariadb-install-db", "mariadb-server"), find(t, "mariadbd", "mariadb-server")
	dir, port := ownDir(t), freePort(t)
	data := filepath.Join(dir, "data")
	setup(t, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	s := &server{t: t,
		place: place{driver: "mysql", dsn: "root@tcp(127.0.0.1:" + port + ")/mysql?interpolateParams=true"},
		command: func() *exec.Cmd {
			return exec.Command(mariadbd, "--no-defaults", "--datadir="+data, "--port="+port, "--bind-address=127.0.0.1",
				"--socket="+filepath.Join(dir, "s"), "--pid-file="+filepath.Join(dir, "pid"))
		},
	}
	s.run()
	t.Cleanup(s.kill)
	return s
}
