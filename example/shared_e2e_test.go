package main_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
)

// redisDatabases are the numbers of the databases of Redis that no test uses now.
var redisDatabases = func() chan int {
	free := make(chan int, 15)
	for n := range cap(free) {
		free <- n + 1
	}
	return free
}()

// redisURL is a database of Redis that is the test's alone, and empty.
func redisURL(t *testing.T) string {
	t.Helper()
	number := <-redisDatabases
	t.Cleanup(func() { redisDatabases <- number })
	addr := os.Getenv("GUARD_REDIS_ADDR")
	if addr == "" {
		addr = "127.0.0.1:6379"
	}
	c := redis.NewClient(&redis.Options{Addr: addr, DB: number, MaxRetries: -1})
	defer c.Close()
	if err := c.FlushDB(context.Background()).Err(); err != nil {
		harness.Needs(t, "Redis 7 at %s (apt-get install redis-server, or set GUARD_REDIS_ADDR): %v", addr, err)
	}
	return fmt.Sprintf("REDIS_URL=redis://%s/%d", addr, number)
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// ownDatabase makes a database, or what is called a schema, for a test.
func ownDatabase(t *testing.T, driver, source, kind, what string) string {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("guardexample_%d_%d", os.Getpid(), databases.Add(1))
	if _, err := db.Exec("CREATE " + kind + " " + name); err != nil {
		harness.Needs(t, "%s: %v", what, err)
	}
	t.Cleanup(func() {
		cascade := ""
		if kind == "SCHEMA" {
			cascade = " CASCADE"
		}
		_, _ = db.Exec("DROP " + kind + " " + name + cascade)
		db.Close()
	})
	return name
}

var databases atomic.Int64

// Processes that share their stores are one: whatever happens at one of them
// is so at the others with the next request.
func TestTwoProcesses(t *testing.T) {
	for _, backend := range []struct {
		name string
		env  func(t *testing.T) []string
	}{
		{"Redis", func(t *testing.T) []string { return []string{redisURL(t)} }},
		{"PostgreSQL", func(t *testing.T) []string {
			at := env("GUARD_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test")
			own := ownDatabase(t, "pgx", at, "SCHEMA", "PostgreSQL (apt-get install postgresql, or set GUARD_POSTGRES_URL)")
			return []string{"DATABASE_URL=" + at + "?search_path=" + own, "RATE_LIMITS=database"}
		}},
		{"MySQL", func(t *testing.T) []string {
			dsn := env("GUARD_MYSQL_DSN", "root@tcp(127.0.0.1:3306)/test")
			own := ownDatabase(t, "mysql", dsn, "DATABASE", "MySQL or MariaDB (apt-get install mariadb-server, or set GUARD_MYSQL_DSN)")
			c, err := mysql.ParseDSN(dsn)
			if err != nil {
				t.Fatal(err)
			}
			u := url.URL{Scheme: "mysql", User: url.UserPassword(c.User, c.Passwd), Host: c.Addr, Path: "/" + own}
			return []string{"DATABASE_URL=" + u.String(), "RATE_LIMITS=database"}
		}},
		{"SQLite", func(t *testing.T) []string {
			return []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "guard.db"), "RATE_LIMITS=database"}
		}},
		{"PostgreSQL and Redis", func(t *testing.T) []string {
			at := env("GUARD_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test")
			own := ownDatabase(t, "pgx", at, "SCHEMA", "PostgreSQL (apt-get install postgresql, or set GUARD_POSTGRES_URL)")
			return []string{"DATABASE_URL=" + at + "?search_path=" + own, redisURL(t)}
		}},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			as := newMCPIssuer(t)
			env := append(backend.env(t), as.env()...)
			a, b := start(t, env...), start(t, env...)
			t.Run("notes", func(t *testing.T) { sharedNotes(t, as, a, b) })
			t.Run("sessions", func(t *testing.T) { sharedSessions(t, a, b) })
			t.Run("refresh", func(t *testing.T) { sharedRefresh(t, a, b) })
			t.Run("API keys", func(t *testing.T) { sharedKeys(t, env, a, b) })
			t.Run("limits", func(t *testing.T) { sharedLimits(t, a, b) })
			a.stop(t)
			b.stop(t)
		})
	}
}

func sharedSessions(t *testing.T, a, b *process) {
	in := a.send(t, call{do: "POST /session/login", body: bob})
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	if in.status != 200 || cookie == "" {
		t.Fatal(in)
	}
	signedIn := []string{"Cookie: " + cookie}
	row{call: call{do: "GET /session/profile"}, status: 200, body: `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`}.
		check(t, b.send(t, call{do: "GET /session/profile", header: signedIn}))
	row{call: call{do: "POST /session/logout"}, status: 200}.check(t, b.send(t, call{do: "POST /session/logout", header: signedIn}))
	row{call: call{do: "GET /session/profile"}, status: 401, body: e(401, "Invalid session")}.
		check(t, a.send(t, call{do: "GET /session/profile", header: signedIn}))
}

func sharedRefresh(t *testing.T, a, b *process) {
	first := a.login(t, "/refresh/login", bob)
	refresh := func(p *process, token string) answer {
		return p.send(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + token + `"}`})
	}
	second := b.tokens(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + first.Refresh + `"}`})
	if again := a.tokens(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + first.Refresh + `"}`}); again.Refresh != second.Refresh {
		t.Error("two processes made two successors of one token")
	}
	third := a.tokens(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + second.Refresh + `"}`})
	out := call{do: "POST /refresh/logout", header: bearer(third.Access), body: `{"refresh_token":"` + third.Refresh + `"}`}
	row{call: out, status: 200, body: `{"message":"Logged out successfully"}`}.check(t, b.send(t, out))
	profile := call{do: "GET /refresh/profile", header: bearer(third.Access)}
	row{call: profile, status: 401, body: e(401, "Token revoked")}.check(t, a.send(t, profile))
	row{call: out, status: 401, body: `{"error":"Invalid refresh token"}`}.check(t, refresh(a, third.Refresh))

	// The other process knows that the token was used before, and when.
	login := a.login(t, "/refresh/login", carol)
	one := a.tokens(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + login.Refresh + `"}`})
	two := a.tokens(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + one.Refresh + `"}`})
	row{call: out, status: 401, body: `{"error":"Invalid refresh token"}`}.check(t, refresh(b, login.Refresh))
	b.tokens(t, call{do: "POST /refresh/refresh", body: `{"refresh_token":"` + two.Refresh + `"}`})
}

// sharedLimits: the sixth attempt is refused wherever it lands.
func sharedLimits(t *testing.T, a, b *process) {
	for range 6 { // right ones are given back, more than an address may fail
		a.login(t, "/complete/login", alice)
		b.login(t, "/complete/login", alice)
	}
	// An attempt that waits for the store as long as it may is counted here, there or twice:
	// then another address begins again.
	for from := 2; ; from++ {
		problems, slow := fiveAttempts(t, from, a, b)
		if len(problems) == 0 {
			return
		}
		if !slow || from == 5 {
			t.Error(problems)
			return
		}
		t.Log("once more, as the store was slow: ", problems)
	}
}

// fiveAttempts has five logins admitted from an address and five fail, and no others.
func fiveAttempts(t *testing.T, from int, a, b *process) (problems []string, slow bool) {
	t.Helper()
	send := func(p *process, path, body string, want int) {
		t.Helper()
		began := time.Now()
		got := p.send(t, call{do: "POST " + path, body: body, from: from})
		slow = slow || time.Since(began) > storeTimeout
		if got.status != want || want == 429 && got.body != e(429, "Too many login attempts. Try again later.") {
			problems = append(problems, fmt.Sprintf("%s: %v, want %d", path, got, want))
		}
	}
	for _, p := range []*process{a, b, a, b, a} {
		send(p, "/practices/login", bob, 200)
		send(p, "/complete/login", credentials(fmt.Sprintf("nobody%d@example.com", from), "wrong"), 401)
	}
	for _, p := range []*process{a, b} {
		send(p, "/practices/login", bob, 429)
		send(p, "/complete/login", bob, 429)
	}
	return problems, slow
}

// TestLimitsPerProcess: with DATABASE_URL alone, each process counts by itself.
func TestLimitsPerProcess(t *testing.T) {
	t.Parallel()
	url := "DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "guard.db")
	for _, p := range []*process{start(t, url), start(t, url)} {
		attempt := call{do: "POST /practices/login", body: bob}
		for range 5 {
			row{call: attempt, status: 200}.check(t, p.send(t, attempt))
		}
		row{call: attempt, status: 429}.check(t, p.send(t, attempt))
		p.stop(t)
	}
}

// command runs example/apikey.
func command(t *testing.T, env []string, args ...string) string {
	t.Helper()
	name := filepath.Join(filepath.Dir(binary), "apikey")
	if _, err := os.Stat(name); err != nil {
		if err := build(name, "./apikey", "-tags", "sql"); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(name, args...)
	c.Env = append(env, "HOME="+os.Getenv("HOME"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("apikey %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func sharedKeys(t *testing.T, env []string, a, b *process) {
	var issued, rotated struct {
		Key    string
		Record struct{ ID string }
	}
	if err := json.Unmarshal([]byte(command(t, env, "issue", "-subject", "2", "-name", "laptop")), &issued); err != nil {
		t.Fatal(err)
	}
	ask := func(p *process, key string, status int, body string) {
		t.Helper()
		c := call{do: "GET /apikey/protected", header: []string{"X-API-Key: " + key}}
		row{call: c, status: status, body: body}.check(t, p.send(t, c))
	}
	hello := `{"message":"Hello, Bob!","user_id":"2"}`
	ask(a, issued.Key, 200, hello)
	ask(b, issued.Key, 200, hello)
	if l := command(t, env, "list", "-subject", "2"); !strings.Contains(l, issued.Record.ID) || strings.Contains(l, issued.Key) {
		t.Errorf("list: %s", l)
	}
	if err := json.Unmarshal([]byte(command(t, env, "rotate", "-id", issued.Record.ID)), &rotated); err != nil {
		t.Fatal(err)
	}
	ask(a, issued.Key, 401, e(401, "Invalid API key"))
	ask(b, rotated.Key, 200, hello)
	command(t, env, "revoke", "-id", issued.Record.ID)
	ask(a, rotated.Key, 401, e(401, "Invalid API key"))
	ask(b, rotated.Key, 401, e(401, "Invalid API key"))
}

// eight starts as many processes that share a Redis.
func eight(t *testing.T) []*process {
	t.Helper()
	url := redisURL(t)
	all := make([]*process, 8)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = start(t, url) })
	}
	wg.Wait()
	return all
}

func TestEightProcessesAdmitFive(t *testing.T) {
	all := eight(t)
	var admitted, refused, undecided atomic.Int64
	var wg sync.WaitGroup
	for _, p := range all {
		for range 64 {
			wg.Go(func() {
				for {
					a := p.sendOnce(t, call{do: "POST /practices/login", body: credentials("bob@example.com", "wrong")})
					switch a.status {
					case 401:
						admitted.Add(1)
					case 429:
						refused.Add(1)
					case 503: // too busy to be answered in time, and perhaps counted
						undecided.Add(1)
						continue
					default:
						t.Errorf("%v", a)
					}
					return
				}
			})
		}
	}
	wg.Wait()
	t.Logf("%d admitted, %d refused, %d undecided", admitted.Load(), refused.Load(), undecided.Load())
	if n := admitted.Load(); n > 5 || n < 5 && undecided.Load() == 0 || n+refused.Load() != 512 {
		t.Errorf("%d of 512 were admitted and %d refused, want 5 and 507", n, refused.Load())
	}
}

func TestEightProcessesMakeOneSuccessor(t *testing.T) {
	all := eight(t)
	const grace = 10 * time.Second
	for tries := 3; ; tries-- {
		login := all[0].login(t, "/refresh/login", bob)
		var mu sync.Mutex
		var wg sync.WaitGroup
		successors, others := map[string]bool{}, []answer{}
		began := time.Now()
		for i := range 200 {
			wg.Go(func() {
				a := all[i%8].send(t, refreshCall(login.Refresh))
				var tk tokens
				_ = json.Unmarshal([]byte(a.body), &tk)
				mu.Lock()
				defer mu.Unlock()
				if a.status != 200 {
					others = append(others, a)
				} else {
					successors[tk.Refresh] = true
				}
			})
		}
		wg.Wait()
		took := time.Since(began)
		if len(successors) > 1 || len(others) == 0 || took < grace || tries == 0 {
			if len(successors) != 1 || len(others) > 0 {
				t.Errorf("200 parallel refreshes made %d successors in %v, want 1; %d times %v", len(successors), took, len(others), others[:min(1, len(others))])
			}
			return
		}
		t.Logf("once more, as the grace period was over: %v", took)
	}
}
