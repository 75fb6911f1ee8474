package link_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/link"
)

const base = "https://app.example.com/reset"

func key(b byte) guard.Secret { return []byte(strings.Repeat(string(b), 32)) }

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// accounts are a table of passwords.
type accounts struct {
	mu     sync.Mutex
	hashes map[string]string
	err    error
	reads  int
}

func newAccounts() *accounts {
	return &accounts{hashes: map[string]string{"1": "hash-1", "2": "hash-2"}}
}

func (a *accounts) state(_ context.Context, subject string) (string, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reads++
	hash, found := a.hashes[subject]
	return hash, found, a.err
}

func (a *accounts) set(subject, hash string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hashes[subject] = hash
}

// reset is an action that changes the password.
func (a *accounts) reset(_ context.Context, subject string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hashes[subject] += "+"
	return nil
}

func newLinks(t testing.TB, a *accounts, c *clock) *link.Links {
	t.Helper()
	l, err := link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// issue returns a token.
func issue(t testing.TB, l *link.Links, subject string) string {
	t.Helper()
	address, err := l.Issue(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("token")
}

// An answer is what a client and Observe see of a call.
type answer struct {
	*httptest.ResponseRecorder
	err       error
	decisions []guard.Decision
}

// answerOf answers a request by f as a handler does.
func answerOf(f func(ctx context.Context) error) answer {
	a := answer{ResponseRecorder: httptest.NewRecorder()}
	var mu sync.Mutex
	observed := guard.Observe(func(_ *http.Request, d guard.Decision) {
		mu.Lock()
		defer mu.Unlock()
		a.decisions = append(a.decisions, d)
	})
	h := observed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.err = f(r.Context()); a.err != nil {
			guard.Refuse(w, r, a.err)
		}
	}))
	h.ServeHTTP(a, httptest.NewRequest("POST", "/reset", nil))
	return a
}

// is checks a refusal, or a success where status is 200. reason is a part of it.
func (a answer) is(t *testing.T, status int, message, reason string) {
	t.Helper()
	if a.Code != status || !strings.Contains(a.Body.String(), message) {
		t.Errorf("%d %s, want %d %s", a.Code, a.Body, status, message)
	}
	d := a.last()
	want := map[bool]guard.Outcome{true: guard.Allowed, false: guard.Refused}[status == 200]
	if status >= 500 {
		want = guard.Failed
	}
	if d.Outcome != want || !strings.Contains(d.Reason, reason) {
		t.Errorf("%s: %q, want %s: %q", d.Outcome, d.Reason, want, reason)
	}
	if (status == 400) != errors.Is(a.err, link.ErrInvalid) {
		t.Errorf("%d has the cause %v", status, a.err)
	}
}

func (a answer) last() guard.Decision {
	if len(a.decisions) == 0 {
		return guard.Decision{Reason: "no decision"}
	}
	return a.decisions[len(a.decisions)-1]
}

const refused = `{"error":"Bad Request","message":"Invalid or expired link"}`

func open(l *link.Links, token string) answer {
	return answerOf(func(ctx context.Context) error {
		_, err := l.Open(ctx, token)
		return err
	})
}

func redeem(l *link.Links, token string, action func(context.Context, string) error) answer {
	return answerOf(func(ctx context.Context) error { return l.Redeem(ctx, token, action) })
}

// A store counts the calls of a once.Store, and fails where fail says so.
type store struct {
	once.Store
	mu    sync.Mutex
	calls []string
	fail  map[string]error
}

func newStore(c *clock) *store {
	return &store{Store: guard.Must(once.NewMemory(&once.MemoryOptions{Now: c.Now})), fail: map[string]error{}}
}

func (s *store) called(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
	return s.fail[name]
}

func (s *store) Acquire(ctx context.Context, k [32]byte, d time.Duration) (once.Lease, once.State, error) {
	if err := s.called("Acquire"); err != nil {
		return once.Lease{}, once.Busy, err
	}
	return s.Store.Acquire(ctx, k, d)
}

func (s *store) Commit(ctx context.Context, l once.Lease, until time.Time) error {
	if err := errors.Join(s.called("Commit"), ctx.Err()); err != nil {
		return err
	}
	return s.Store.Commit(ctx, l, until)
}

func (s *store) Release(ctx context.Context, l once.Lease) error {
	if err := errors.Join(s.called("Release"), ctx.Err()); err != nil {
		return err
	}
	return s.Store.Release(ctx, l)
}

func (s *store) Take(context.Context, [32]byte, time.Time) (bool, error) {
	return false, s.called("Take")
}
