package redisstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// An app is an application with its sessions in Redis.
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

// newStoresAt returns stores of the server at addr.
func newStoresAt(t testing.TB, addr string) *redisstore.Stores {
	t.Helper()
	s, err := redisstore.New(context.Background(), newClient(t, addr), "app")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// outage runs f in several goroutines. It kills and restarts the server while f runs,
// and then makes done report true, at which f must return.
func outage(t *testing.T, s *server, f func(worker int, done func() bool)) {
	t.Helper()
	var done atomic.Bool
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { f(i, done.Load) })
	}
	for _, step := range []func(){s.kill, s.start, func() { done.Store(true) }} {
		time.Sleep(300 * time.Millisecond) // a real server under load
		step()
	}
	wg.Wait()
}

// recovered waits until f reports that the client's pool, which dials about once a
// second after an outage, has recovered.
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

func TestSessionsDuringRestart(t *testing.T) {
	s := startServer(t)
	a := newApp(t, newStoresAt(t, s.addr).Sessions())
	var outages atomic.Int64
	outage(t, s, func(worker int, done func() bool) {
		for n := 0; !done(); n++ {
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
				continue // not acknowledged: the session may be live or not
			}
			if code, body, _ := a.do("GET", "/", live); code != 401 && code != 503 {
				t.Errorf("a session that was logged out got %d %s", code, body)
			}
		}
	})
	if outages.Load() == 0 {
		t.Error("no request failed during the outage")
	}
	recovered(t, func() bool { code, _, _ := a.do("POST", "/login?as=first", nil); return code == 200 })
	code, _, cookie := a.do("POST", "/login?as=after", nil)
	if code2, body, _ := a.do("GET", "/", cookie); code != 200 || code2 != 200 || body != "after" {
		t.Errorf("after the restart: %d, then %d %s", code, code2, body)
	}
}

func TestLogoutSurvivesRestart(t *testing.T) {
	s := startServer(t)
	a := newApp(t, newStoresAt(t, s.addr).Sessions())
	_, _, ended := a.do("POST", "/login?as=ended", nil)
	_, _, live := a.do("POST", "/login?as=live", nil)
	if code, _, _ := a.do("POST", "/logout", ended); code != 200 {
		t.Fatalf("logout: %d", code)
	}
	s.kill()
	if code, body, _ := a.do("GET", "/", live); code != 503 || strings.Contains(body, "redis") {
		t.Errorf("without a server: %d %s; want 503 without the cause", code, body)
	}
	if code, _, _ := a.do("GET", "/", nil); code != 401 {
		t.Errorf("without a cookie and without a server: %d, want 401", code)
	}
	s.start()
	recovered(t, func() bool { code, _, _ := a.do("GET", "/", live); return code != 503 })
	if code, _, _ := a.do("GET", "/", ended); code != 401 {
		t.Errorf("logged out before the restart: %d, want 401", code)
	}
	if code, _, _ := a.do("GET", "/", live); code != 200 {
		t.Errorf("logged in before the restart: %d, want 200", code)
	}
}

func TestLatency(t *testing.T) {
	newStores(t) // skips where there is no Redis
	p := startProxy(t, address())
	a := newApp(t, newStoresAt(t, p.Addr().String()).Sessions())
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
		t.Errorf("after the latency: %d, want 200 from a recovered pool", code)
	}
}
