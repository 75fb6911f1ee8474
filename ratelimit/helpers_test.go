package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// byHeader is the key of most tests.
var byHeader = ratelimit.ByHeader("K")

var loginLimit = ratelimit.Limit{Name: "login", Quota: 5, Window: 15 * time.Minute}

// longTimeout is for tests in real time: a busy machine is not a dead store.
const longTimeout = time.Minute

// An answer is the response to a request, and the decisions that were reported.
type answer struct {
	*httptest.ResponseRecorder
	reached   bool
	ctx       context.Context // of the handler, if it was reached
	decisions []guard.Decision
}

func serve(t *testing.T, m guard.Middleware, r *http.Request) (a answer) {
	t.Helper()
	observed := guard.Observe(func(_ *http.Request, d guard.Decision) { a.decisions = append(a.decisions, d) })
	a.ResponseRecorder, a.reached = harness.Serve(t, guard.Chain(observed, m), func(w http.ResponseWriter, r *http.Request) {
		a.ctx = r.Context()
		w.WriteHeader(http.StatusNoContent)
	}, r)
	if a.reached != (a.Code == http.StatusNoContent) {
		t.Errorf("status %d, reached %t", a.Code, a.reached)
	}
	if a.Code == http.StatusTooManyRequests {
		if n, err := strconv.Atoi(a.Header().Get("Retry-After")); err != nil || n < 1 {
			t.Errorf("a 429 with Retry-After %q", a.Header().Values("Retry-After"))
		}
	}
	return a
}

func of(key string) *http.Request {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("K", key)
	return r
}

func newMemory(c *harness.Clock, maxKeys int, deny bool) *ratelimit.Memory {
	return guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: maxKeys, DenyNewWhenFull: deny, Now: c.Now}))
}

// take is a single take's state.
func take(t testing.TB, s ratelimit.Store, l ratelimit.Limit, key string, cost int) ratelimit.State {
	t.Helper()
	states, err := s.Take(context.Background(), []ratelimit.Take{{Limit: l, Key: key, Cost: cost}})
	if err != nil {
		t.Fatal(err)
	}
	return states[0]
}

func newLogin(t *testing.T, opts *ratelimit.LoginOptions) *ratelimit.Login {
	t.Helper()
	l, err := ratelimit.NewLogin(clientip.Direct(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func fromIP(addr string) *http.Request {
	r := httptest.NewRequest("POST", "/login", nil)
	r.RemoteAddr = addr + ":1000"
	return r
}

// served returns r with a context that ends with its handler, as a server's does.
func served(r *http.Request) (_ *http.Request, end func()) {
	ctx, cancel := context.WithCancel(r.Context())
	return r.WithContext(ctx), cancel
}

// login tries the password "right" from an address, as a handler does.
func login(l *ratelimit.Login, addr, account, password string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r, end := served(fromIP(addr))
	defer end()
	attempt, err := l.Attempt(r, account)
	if err != nil {
		guard.Refuse(w, r, err)
		return w
	}
	if password != "right" {
		w.WriteHeader(http.StatusUnauthorized)
		return w
	}
	if err := attempt.Succeed(r.Context()); err != nil {
		guard.Refuse(w, r, err)
		return w
	}
	w.WriteHeader(http.StatusOK)
	return w
}

// failed makes an attempt that fails.
func failed(l *ratelimit.Login, r *http.Request, account string) error {
	attempt, err := l.Attempt(r, account)
	attempt.Fail(r.Context())
	return err
}

// A faulty store fails as fault says.
type faulty struct {
	ratelimit.Store
	mu    sync.Mutex
	fault func(ctx context.Context) error // nil: works
	calls atomic.Int64
	keys  []string
}

func newFaulty() *faulty { return &faulty{Store: guard.Must(ratelimit.NewMemory(nil))} }

func (f *faulty) set(fault func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *faulty) fail(ctx context.Context) error {
	f.calls.Add(1)
	f.mu.Lock()
	fault := f.fault
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(ctx)
}

func (f *faulty) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	if err := f.fail(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	for _, t := range takes {
		f.keys = append(f.keys, t.Key)
	}
	f.mu.Unlock()
	return f.Store.Take(ctx, takes)
}

func (f *faulty) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	if err := f.fail(ctx); err != nil {
		return err
	}
	return f.Store.GiveBack(ctx, taken)
}

var errDown = errors.New("connection refused by 10.1.2.3:6379")

func down(context.Context) error { return errDown }

// hangs ignores its context, as some client libraries do.
func hangs(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}
