//go:build unix

package sqlstore_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/session"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestPgBouncer: the stores work behind PgBouncer in transaction mode, which gives each
// transaction any connection to the server and accepts no search_path: Options.Schema
// names the tables.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	direct, variants := createPostgreSQL(t), []string{"exec", "simple_protocol"}
	schema := backends[0].schemaOf(t, direct)
	port, prepares := startPgBouncer(t, direct, 3)
	if prepares { // with max_prepared_statements
		variants = append(variants, "cache_statement")
	}
	through := func(port string, options ...string) database {
		u, err := url.Parse(direct.dsn)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Del("search_path")
		for i := 0; i < len(options); i += 2 {
			q.Set(options[i], options[i+1])
		}
		u.Host, u.RawQuery = net.JoinHostPort("127.0.0.1", port), q.Encode()
		return database{driver: "pgx", dsn: u.String()}
	}
	if err := through(port, "search_path", schema).open(t).Ping(); err == nil || !strings.Contains(err.Error(), "search_path") {
		t.Errorf("with a search_path: %v", err)
	}
	for i, mode := range variants {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			opts := &sqlstore.Options{Schema: schema, Prefix: fmt.Sprintf("v%d_", i)}
			in := func(t *testing.T) *sqlstore.Stores {
				t.Helper()
				s := backends[0].in(t, through(port, "default_query_exec_mode", mode), opts)
				if err := s.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				return s
			}
			s := in(t)
			for _, step := range steps {
				if err := step.run(t.Context(), s); err != nil {
					t.Errorf("%s: %v", step.name, err)
				}
			}
			fill(t, s, time.Now(), time.Minute)
			if _, err := s.Sweep(t.Context(), 0); err != nil {
				t.Error(err)
			}
			if mode == "simple_protocol" || race.Enabled { // see TestVariants
				return
			}
			suites(t, s, nil)
		})
	}
	if prepares {
		return
	}
	t.Run("statements that another client prepared", func(t *testing.T) {
		port, _ := startPgBouncer(t, direct, 1)
		opts := &sqlstore.Options{Schema: schema, Prefix: "other_"}
		err := backends[0].in(t, direct, opts).Migrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s := backends[0].in(t, through(port), opts)
			_, _, err = s.Sessions().Load(t.Context(), session.Key{})
		}
		if err == nil || !strings.Contains(err.Error(), "prepared statement") || !strings.Contains(err.Error(), "default_query_exec_mode=exec") {
			t.Errorf("the second client: %v", err)
		}
	})
}

// startPgBouncer starts a PgBouncer in transaction mode, with size connections to the
// server of p. It prepares statements on each of them if its version, 1.21, can.
func startPgBouncer(t *testing.T, p database, size int) (port string, prepares bool) {
	t.Helper()
	program := os.Getenv("GUARD_PGBOUNCER")
	if program == "" {
		program = find(t, "pgbouncer", "pgbouncer")
	}
	out, err := exec.Command(program, "--version").Output()
	version := regexp.MustCompile(`PgBouncer 1\.(\d+)`).FindSubmatch(out)
	if err != nil || version == nil {
		t.Fatalf("%s --version: %v, %s", program, err, out)
	}
	minor, _ := strconv.Atoi(string(version[1]))
	u, err := url.Parse(p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	port = harness.FreePort(t)
	server := fmt.Sprintf("host=%s port=%s user=%s", u.Hostname(), u.Port(), u.User.Username())
	if password, ok := u.User.Password(); ok {
		server += " password=" + password
	}
	config := "[databases]\n* = " + server + "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nauth_type = any\npool_mode = transaction\nunix_socket_dir =\n" +
		fmt.Sprintf("listen_port = %s\ndefault_pool_size = %d\n", port, size)
	if prepares = minor >= 21; prepares {
		config += "max_prepared_statements = 200\n"
	}
	file := filepath.Join(writableDir(t), "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{file}
	if os.Getuid() == 0 { // as whom it refuses to run
		args = []string{"-u", "nobody", file}
	}
	log, err := os.Create(file + ".log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	logged := func() []byte {
		b, _ := os.ReadFile(log.Name())
		return b[:min(len(b), 4000)]
	}
	cmd := exec.Command(program, args...)
	cmd.Stderr, cmd.SysProcAttr = log, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("PgBouncer: %s", logged())
		}
	})
	for range 3000 { // a busy machine takes its time
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			conn.Close()
			return port, prepares
		}
		time.Sleep(20 * time.Millisecond) // another process
	}
	t.Fatalf("PgBouncer does not listen: %s", logged())
	return "", false
}
