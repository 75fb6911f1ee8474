//go:build unix

package sqlstore_test

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A server is a database server of one test.
type server struct {
	t        *testing.T
	database database
	command  func() *exec.Cmd
	cmd      *exec.Cmd
	ended    chan struct{}
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
	for range 3000 { // a busy machine takes its time
		if err = stores.Migrate(context.Background()); err == nil {
			return
		}
		select {
		case <-s.ended: // processes of the killed server still ran
			s.run()
		case <-time.After(20 * time.Millisecond): // another process
		}
	}
	s.t.Fatalf("the server did not start: %v", err)
}

// account returns the account of a database server. If the test runs as root, it is
// another one, because the servers refuse to run as root.
func account(t *testing.T) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		harness.Needs(t, "an account other than root: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr
}

// writableDir returns a directory that the account can write to.
func writableDir(t *testing.T) string {
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

// find returns the path of a program in PATH or in the directories of Debian.
func find(t *testing.T, name, packageName string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/" + name, "/usr/sbin/" + name} {
		if paths, _ := filepath.Glob(pattern); len(paths) > 0 {
			return paths[len(paths)-1]
		}
	}
	harness.Needs(t, "%s (apt-get install %s)", name, packageName)
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

func startPostgreSQL(t *testing.T) *server {
	initdb, postgres := find(t, "initdb", "postgresql"), find(t, "postgres", "postgresql")
	dir, port := writableDir(t), harness.FreePort(t)
	data := filepath.Join(dir, "data")
	setup(t, initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	s := &server{t: t,
		database: database{driver: "pgx", dsn: "postgres://postgres@127.0.0.1:" + port + "/postgres"},
		command: func() *exec.Cmd {
			return exec.Command(postgres, "-D", data, "-p", port, "-k", dir, "-h", "127.0.0.1")
		},
	}
	s.run()
	t.Cleanup(s.kill)
	return s
}

func startMariaDB(t *testing.T) *server {
	install, mariadbd := find(t, "mariadb-install-db", "mariadb-server"), find(t, "mariadbd", "mariadb-server")
	dir, port := writableDir(t), harness.FreePort(t)
	data := filepath.Join(dir, "data")
	setup(t, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	s := &server{t: t,
		database: database{driver: "mysql", dsn: "root@tcp(127.0.0.1:" + port + ")/mysql?interpolateParams=true"},
		command: func() *exec.Cmd {
			return exec.Command(mariadbd, "--no-defaults", "--datadir="+data, "--port="+port, "--bind-address=127.0.0.1",
				"--socket="+filepath.Join(dir, "s"), "--pid-file="+filepath.Join(dir, "pid"))
		},
	}
	s.run()
	t.Cleanup(s.kill)
	return s
}
