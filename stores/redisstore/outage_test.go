package redisstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/traffic"
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
	return open(t, newClient(t, addr), "app")
}

// TestServerKilled: a Redis that writes each change to its disk is killed and started
// again under mixed traffic: see traffic.Outages.
func TestServerKilled(t *testing.T) {
	s := startServer(t)
	traffic.Outages(t, trafficOf(newStoresAt(t, s.addr)), s.kill, s.start)
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
	harness.Eventually(t, "the client has recovered", func() bool { code, _, _ := a.do("GET", "/", live); return code != 503 })
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
	p.delay.Store(int64(time.Minute))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	start := time.Now()
	a.ServeHTTP(w, r)
	if took := time.Since(start); w.Code != 503 || took > longTimeout/2 {
		t.Errorf("at a minute with a deadline of 300 ms: %d after %v", w.Code, took)
	}
	p.delay.Store(0)
	if code, _, _ := a.do("GET", "/", cookie); code != 200 {
		t.Errorf("after the latency: %d, want 200 from a recovered pool", code)
	}
}
