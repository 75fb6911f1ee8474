package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// atServer returns a request as an http.Server passes it on, and what the server
// does when its handler returns.
func atServer(t *testing.T, addr string) (r *http.Request, end func()) {
	r = fromIP(addr)
	return served(r.WithContext(context.WithValue(t.Context(), http.ServerContextKey, &http.Server{})))
}

// A site counts what happens to logins that take 50 ms each.
type site struct {
	t      *testing.T
	logins []*ratelimit.Login // of one process each
	takes  time.Duration

	mu          sync.Mutex
	codes       map[string]int // 200, 401, or 429 with the Retry-After
	now, most   int            // attempts in flight
	failed, sum int            // failures; the largest sum of both
	longest     time.Duration
}

func newSite(t *testing.T, logins ...*ratelimit.Login) *site {
	return &site{t: t, logins: logins, takes: 50 * time.Millisecond, codes: map[string]int{}}
}

func (s *site) count(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code]++
}

func (s *site) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	s.most, s.sum = max(s.most, s.now), max(s.sum, s.now+s.failed)
}

func (s *site) end(right bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now--; !right {
		s.failed++
	}
}

// login is one login at the i-th process, which panics if the password is right
// and explode is true.
func (s *site) login(i int, addr, account string, right, explode bool) {
	r, end := atServer(s.t, addr)
	defer end()
	defer func() { _ = recover() }()
	began := time.Now()
	attempt, err := s.logins[i%len(s.logins)].Attempt(r, account)
	s.mu.Lock()
	s.longest = max(s.longest, time.Since(began))
	s.mu.Unlock()
	if err != nil {
		e, _ := errors.AsType[*guard.Error](err)
		s.count(fmt.Sprintf("%d after %s", e.Status, e.Header.Get("Retry-After")))
		return
	}
	s.begin()
	time.Sleep(s.takes)
	s.end(right && !explode)
	if explode {
		panic("handler")
	}
	if !right {
		s.count("401")
		return
	}
	if err := attempt.Succeed(r.Context()); err != nil {
		s.t.Error(err)
	}
	s.count("200")
}

func (s *site) atOnce(n int, login func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { login(i) })
	}
	wg.Wait()
}

func (s *site) want(codes string) {
	s.t.Helper()
	if got := fmt.Sprint(s.codes); got != codes {
		s.t.Errorf("%s, want %s", got, codes)
	}
}

// twoProcesses returns logins that share a store.
func twoProcesses(t *testing.T, o ratelimit.LoginOptions) []*ratelimit.Login {
	o.Store, o.Secret = guard.Must(ratelimit.NewMemory(nil)), []byte("sixteen bytes...")
	return []*ratelimit.Login{newLogin(t, &o), newLogin(t, &o)}
}
