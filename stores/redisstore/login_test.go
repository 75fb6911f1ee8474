package redisstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// TestLoginsAtOnce: in four processes, right logins from one address or network at once
// all succeed, one way or the other, and of wrong ones no more than the quota are tried.
func TestLoginsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		limit ratelimit.Limit
		from  string // with the number of a login
		opts  func(ratelimit.Limit) ratelimit.LoginOptions
	}{
		{ratelimit.Limit{Quota: 5, Window: time.Hour}, "192.0.2.1:%d", byAddress},
		{ratelimit.Limit{Quota: 20, Window: time.Hour}, "192.0.2.1:%d", byAddress},
		{ratelimit.Limit{Quota: 5, Window: time.Hour, Algorithm: ratelimit.GCRA}, "192.0.2.1:%d", byAddress},
		{ratelimit.Limit{Quota: 5, Window: time.Hour}, "[2001:db8:0:%d::1]:1", byNetwork},
	} {
		_, _, prefix := newStores(t)
		var logins [4]*ratelimit.Login
		for i := range logins {
			opts := tt.opts(tt.limit)
			opts.Store, opts.Secret, opts.Timeout = reopen(t, prefix).RateLimits(), []byte("sixteen bytes..."), time.Minute
			logins[i] = guard.Must(ratelimit.NewLogin(clientip.Direct(), &opts))
		}
		var inFlight, most, tried atomic.Int64
		// login tries again as a client that obeys a Retry-After of a second, and
		// returns the first longer one, "" after an attempt.
		login := func(i int, right bool) string {
			r := httptest.NewRequest("POST", "/", nil)
			r.RemoteAddr = fmt.Sprintf(tt.from, i)
			for {
				attempt, err := logins[i%len(logins)].Attempt(r, fmt.Sprint("user", i))
				if e, refused := errors.AsType[*guard.Error](err); refused {
					if after := e.Header.Get("Retry-After"); after != "1" {
						return after + " for " + e.Error()
					}
					continue
				}
				for n := inFlight.Add(1); ; {
					if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
						break
					}
				}
				tried.Add(1)
				inFlight.Add(-1)
				if right {
					if err := attempt.Succeed(t.Context()); err != nil {
						t.Error(err)
					}
				}
				attempt.Fail(t.Context())
				return ""
			}
		}
		for _, right := range []bool{true, false} {
			tried.Store(0)
			var refused atomic.Int64
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					if after := login(i, right); after != "" {
						if refused.Add(1); right {
							t.Errorf("a right login was refused: %s", after)
						}
					}
				})
			}
			wg.Wait()
			want := int64(64)
			if !right {
				want = int64(tt.limit.Quota)
			}
			if tried.Load() != want || refused.Load() != 64-want || most.Load() > int64(tt.limit.Quota) {
				t.Errorf("%+v from %s, right %t: %d tried, %d refused, up to %d in flight", tt.limit, tt.from, right, tried.Load(), refused.Load(), most.Load())
			}
		}
	}
}

func byAddress(l ratelimit.Limit) ratelimit.LoginOptions { return ratelimit.LoginOptions{Address: l} }
func byNetwork(l ratelimit.Limit) ratelimit.LoginOptions { return ratelimit.LoginOptions{Network: l} }

// TestLoginOfADevice: devices have their own counts, and Reset undoes them in all
// processes.
func TestLoginOfADevice(t *testing.T) {
	_, _, prefix := newStores(t)
	device, found := 3, true
	open := func() *ratelimit.Login {
		return guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
			Account: ratelimit.Limit{Quota: 2, Window: time.Hour}, Device: ratelimit.Limit{Quota: 2, Window: time.Hour},
			Store: reopen(t, prefix).RateLimits(), Secret: []byte("sixteen bytes..."), Timeout: time.Minute,
			DeviceOf: func(r *http.Request, _ string) (int, bool, error) { return device, found, nil },
		}))
	}
	a, b := open(), open()
	fails := func(l *ratelimit.Login, n int) {
		t.Helper()
		for i := range 10 {
			attempt, err := l.Attempt(httptest.NewRequest("POST", "/", nil), "alice")
			if attempt.Fail(t.Context()); (err == nil) != (i < n) {
				t.Fatalf("attempt %d of %d: %v", i+1, n, err)
			}
		}
	}
	found = false
	fails(a, 2)
	found = true
	fails(b, 2)
	device = 4
	fails(a, 2)
	if err := b.Reset(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	fails(a, 4) // the device's, and then the stranger's
	device = 3
	fails(b, 2)
}
