package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// An app is the handlers of an application with its sessions in Redis.
type app struct {
	t testing.TB
	*session.Manager[string]
}

func newApp(t testing.TB, store session.Store) app {
	t.Helper()
	m, err := session.New[string](&session.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return app{t, m}
}

func (a app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/login":
		if _, err := a.Create(w, r, r.URL.Query().Get("as"), "data"); err != nil {
			guard.Refuse(w, r, err)
		}
	case "/logout":
		if err := a.Destroy(w, r); err != nil {
			guard.Refuse(w, r, err)
		}
	default:
		a.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[string]) {
			fmt.Fprint(w, s.Sub())
		})).ServeHTTP(w, r)
	}
}

// do sends a request and returns its status, body and cookie.
func (a app) do(method, target string, cookie *http.Cookie) (int, string, *http.Cookie) {
	r := httptest.NewRequest(method, target, nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		cookie = c
	}
	return w.Code, w.Body.String(), cookie
}

func ownStores(t testing.TB, addr string) *redisstore.Stores {
	t.Helper()
	s, err := redisstore.New(context.Background(), newClient(t, addr), "app")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// outage kills the server while f runs in several goroutines, restarts it, and
// lets f go on for a while. f is called with a number of its own until then.
func outage(t *testing.T, s *server, f func(worker int, over func() bool)) {
	t.Helper()
	var over atomic.Bool
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { f(i, over.Load) })
	}
	for _, step := range []func(){s.kill, s.start, func() { over.Store(true) }} {
		time.Sleep(300 * time.Millisecond) // a real server under load
		step()
	}
	wg.Wait()
}

// recovered waits for the client's pool, which tries a server that was gone
// about once a second.
func recovered(t *testing.T, f func() bool) {
	t.Helper()
	for range 100 {
		if f() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the pool did not recover within 5 s")
}

func TestSessionsThroughARestart(t *testing.T) {
	s := startServer(t)
	a := newApp(t, ownStores(t, s.addr).Sessions())
	var outages atomic.Int64
	outage(t, s, func(worker int, over func() bool) {
		for n := 0; !over(); n++ {
			user := fmt.Sprintf("u%d-%d", worker, n)
			code, _, cookie := a.do("POST", "/login?as="+user, nil)
			if code == 503 {
				outages.Add(1)
				time.Sleep(time.Millisecond)
				continue
			}
			for range 3 {
				if code, body, _ := a.do("GET", "/", cookie); code != 503 && (code != 200 || body != user) {
					t.Errorf("a live session got %d %s", code, body)
				}
			}
			live := cookie
			if code, _, _ = a.do("POST", "/logout", cookie); code != 200 {
				continue // not acknowledged: either is right
			}
			if code, body, _ := a.do("GET", "/", live); code != 401 && code != 503 {
				t.Errorf("a session that was logged out got %d %s", code, body)
			}
		}
	})
	if outages.Load() == 0 {
		t.Error("no request met the outage")
	}
	recovered(t, func() bool { code, _, _ := a.do("POST", "/login?as=first", nil); return code == 200 })
	code, _, cookie := a.do("POST", "/login?as=after", nil)
	if code2, body, _ := a.do("GET", "/", cookie); code != 200 || code2 != 200 || body != "after" {
		t.Errorf("after the restart: %d, then %d %s", code, code2, body)
	}
}

func TestAcknowledgedLogoutOutlivesARestart(t *testing.T) {
	s := startServer(t)
	a := newApp(t, ownStores(t, s.addr).Sessions())
	_, _, gone := a.do("POST", "/login?as=gone", nil)
	_, _, here := a.do("POST", "/login?as=here", nil)
	if code, _, _ := a.do("POST", "/logout", gone); code != 200 {
		t.Fatalf("logout: %d", code)
	}
	s.kill()
	if code, body, _ := a.do("GET", "/", here); code != 503 || strings.Contains(body, "redis") {
		t.Errorf("without a server: %d %s; want 503 and no cause", code, body)
	}
	if code, _, _ := a.do("GET", "/", nil); code != 401 {
		t.Errorf("without a cookie and without a server: %d, want 401", code)
	}
	s.start()
	recovered(t, func() bool { code, _, _ := a.do("GET", "/", here); return code != 503 })
	if code, _, _ := a.do("GET", "/", gone); code != 401 {
		t.Errorf("logged out before the restart: %d, want 401", code)
	}
	if code, _, _ := a.do("GET", "/", here); code != 200 {
		t.Errorf("logged in before the restart: %d, want 200", code)
	}
}

func newRefresher(t testing.TB, s *redisstore.Stores) *jwtauth.Refresher[struct{}] {
	t.Helper()
	issuer, err := jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Issuer: "test", Denylist: s.Denylist()})
	if err != nil {
		t.Fatal(err)
	}
	reload := func(context.Context, string) (struct{}, bool, error) { return struct{}{}, true, nil }
	r, err := jwtauth.NewRefresher(issuer, reload, &jwtauth.RefreshOptions{Store: s.Families()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refused reports whether err tells the client to log in again.
func refused(err error) bool {
	var e *guard.Error
	return errors.As(err, &e) && e.Status < 500
}

func TestRefreshThroughARestart(t *testing.T) {
	s := startServer(t)
	r := newRefresher(t, ownStores(t, s.addr))
	var outages, refreshes atomic.Int64
	outage(t, s, func(worker int, over func() bool) {
		var token string
		for !over() {
			var pair *jwtauth.Tokens
			var err error
			if token == "" {
				pair, err = r.Start(t.Context(), fmt.Sprint("u", worker))
			} else {
				pair, err = r.Refresh(t.Context(), token)
			}
			switch {
			case err == nil:
				token = pair.RefreshToken
				refreshes.Add(1)
			case refused(err):
				t.Errorf("a login was lost: %v", err)
				return
			default:
				outages.Add(1)
				time.Sleep(time.Millisecond)
			}
		}
		var err error
		recovered(t, func() bool { _, err = r.Refresh(t.Context(), token); return err == nil || refused(err) })
		if err != nil {
			t.Errorf("the last token after the restart: %v", err)
		}
	})
	if outages.Load() == 0 || refreshes.Load() < 16 {
		t.Errorf("%d refreshes, %d in the outage", refreshes.Load(), outages.Load())
	}
}

func TestOneSuccessorFromManyProcesses(t *testing.T) {
	_, _, prefix := newStores(t)
	pair, err := newRefresher(t, reopen(t, prefix)).Start(t.Context(), "u")
	if err != nil {
		t.Fatal(err)
	}
	var successors sync.Map
	var wg sync.WaitGroup
	for range 8 {
		r := newRefresher(t, reopen(t, prefix))
		for range 25 {
			wg.Go(func() {
				next, err := r.Refresh(t.Context(), pair.RefreshToken)
				if err != nil {
					t.Error(err)
					return
				}
				successors.Store(next.RefreshToken, true)
			})
		}
	}
	wg.Wait()
	n := 0
	successors.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("200 parallel refreshes of one token made %d successors, want 1", n)
	}
}

func TestLatency(t *testing.T) {
	newStores(t) // skips where there is no Redis
	p := startProxy(t, address())
	a := newApp(t, ownStores(t, p.Addr().String()).Sessions())
	_, _, cookie := a.do("POST", "/login?as=slow", nil)
	p.delay.Store(int64(200 * time.Millisecond))
	if code, _, _ := a.do("GET", "/", cookie); code != 200 {
		t.Errorf("at 200 ms: %d, want 200", code)
	}
	p.delay.Store(int64(5 * time.Second))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	start := time.Now()
	a.ServeHTTP(w, r)
	if took := time.Since(start); w.Code != 503 || took > 3*time.Second {
		t.Errorf("at 5 s with a deadline of 300 ms: %d after %v", w.Code, took)
	}
	p.delay.Store(0)
	if code, _, _ := a.do("GET", "/", cookie); code != 200 {
		t.Errorf("after the latency: %d, want 200: the pool recovers", code)
	}
}

func TestFlushes(t *testing.T) {
	s := startServer(t)
	stores := ownStores(t, s.addr)
	a := newApp(t, stores.Sessions())
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	admin := newClient(t, s.addr)
	if err := admin.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := a.do("POST", "/login?as=v", nil); code != 200 {
		t.Errorf("a script after SCRIPT FLUSH: %d, want 200", code)
	}
	if err := admin.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := a.do("GET", "/", cookie); code != 401 || !strings.Contains(body, "Invalid session") {
		t.Errorf("after FLUSHALL: %d %s", code, body)
	}
}

func TestReadOnlyReplica(t *testing.T) {
	main := startServer(t)
	a := newApp(t, ownStores(t, main.addr).Sessions())
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	// The server becomes a replica of one that is not there: it keeps its data
	// and takes no writes.
	if err := newClient(t, main.addr).Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := a.do("GET", "/", cookie); code != 200 || body != "u" {
		t.Errorf("a read: %d %s, want 200", code, body)
	}
	for _, target := range []string{"/login?as=v", "/logout"} {
		if code, body, _ := a.do("POST", target, cookie); code != 503 {
			t.Errorf("%s: %d %s, want 503", target, code, body)
		}
	}
	if code, _, _ := a.do("GET", "/", cookie); code != 200 {
		t.Errorf("after a logout that failed: %d, want 200", code)
	}
}

func TestNew(t *testing.T) {
	refusing := newClient(t, "127.0.0.1:1")
	old := newClient(t, oldServer(t))
	noDeadlines := redis.NewClient(&redis.Options{Addr: address(), MaxRetries: -1})
	defer noDeadlines.Close()
	for _, tt := range []struct {
		name   string
		client redis.UniversalClient
		prefix string
		want   string
	}{
		{"no client", nil, "app", "client is nil"},
		{"no prefix", old, "", "prefix"},
		{"a brace", old, "a{b", "prefix"},
		{"nobody listens", refusing, "app", "refused"},
		{"an old server", old, "app", "Redis 6.0.16"},
		{"deadlines", noDeadlines, "app", "ContextTimeoutEnabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := redisstore.New(t.Context(), tt.client, tt.prefix)
			if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, %v; want an error with %q", s, err, tt.want)
			}
		})
	}
}

// oldServer says that it is Redis 6.
func oldServer(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					switch strings.ToLower(strings.TrimSpace(line)) {
					case "hello":
						fmt.Fprint(c, "-ERR unknown command\r\n")
					case "client":
						fmt.Fprint(c, "+OK\r\n")
					case "info":
						info := "# Server\r\nredis_version:6.0.16\r\n"
						fmt.Fprintf(c, "$%d\r\n%s\r\n", len(info), info)
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// A round trip is what the client waits for; a hook counts them.
func TestOneRoundTripEach(t *testing.T) {
	s, c, _ := newStores(t)
	var trips atomic.Int64
	c.AddHook(hook(func(commands int, next func() error) error {
		trips.Add(int64(commands))
		return next()
	}))
	a := newApp(t, s.Sessions())
	r := newRefresher(t, s)
	limits := s.RateLimits()
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	pair, _ := r.Start(t.Context(), "u")
	takes := []ratelimit.Take{
		{Limit: ratelimit.Limit{Name: "a", Quota: 2, Window: time.Minute}, Key: "k", Cost: 1},
		{Limit: ratelimit.Limit{Name: "b", Quota: 3, Window: time.Hour}, Key: "k", Cost: 1},
	}
	one := []ratelimit.Take{{Limit: ratelimit.Limit{Name: "c", Quota: 1, Window: time.Hour}, Key: "k", Cost: 1}}
	// A script that the server does not know yet takes a second command.
	for _, load := range []func() error{
		func() error {
			_, err := limits.Take(t.Context(), []ratelimit.Take{{Limit: takes[0].Limit, Key: "other", Cost: 0}})
			return err
		},
		func() error { return s.Sessions().Touch(t.Context(), session.Key{}, time.Now(), time.Now()) },
		func() error {
			_, err := s.Families().Rotate(t.Context(), jwtauth.Rotation{Subject: "u", ID: "none", Now: time.Now()})
			return err
		},
	} {
		if err := load(); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		want int64
		do   func() error
	}{
		{"a session's load", 1, func() error { a.do("GET", "/", cookie); return nil }},
		{"a touch", 1, func() error {
			return s.Sessions().Touch(t.Context(), session.Key{}, time.Now(), time.Now().Add(time.Hour))
		}},
		{"a decision of two limits", 1, func() error { _, err := limits.Take(t.Context(), takes); return err }},
		{"a grant", 1, func() error { _, err := limits.Take(t.Context(), one); return err }},
		{"the first refusal", 1, func() error { _, err := limits.Take(t.Context(), one); return err }},
		{"every further refusal", 0, func() error { _, err := limits.Take(t.Context(), one); return err }},
		{"a denylist check", 1, func() error { _, err := s.Denylist().Denied(t.Context(), "a", "b"); return err }},
		{"a rotation", 1, func() error {
			_, err := s.Families().Rotate(t.Context(), jwtauth.Rotation{Subject: "u", ID: "none", Now: time.Now()})
			return err
		}},
	} {
		trips.Store(0)
		if err := tt.do(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if n := trips.Load(); n != tt.want {
			t.Errorf("%s took %d round trips, want %d", tt.name, n, tt.want)
		}
	}
	if pair == nil {
		t.Error("no login")
	}
}
