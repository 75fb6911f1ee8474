package redisstore_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// A limited counts requests in a Redis that may fail. The time between calls of a
// store that fails passes by its clock, which stands still.
type limited struct {
	*testing.T
	*ratelimit.Limiter
	clock  *harness.Clock
	client *redis.Client
	wrong  strings.Builder
}

// timeout is long enough for a busy machine, and not for one that stalls: see bestOfThree.
const timeout = 500 * time.Millisecond

func newLimited(t *testing.T, addr, prefix string, timeout time.Duration) *limited {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, DialerRetries: 1, MaxRetries: -1, Protocol: 2, PoolSize: 128})
	t.Cleanup(func() { client.Close() })
	stores, clock := open(t, client, prefix), harness.NewClock()
	limit := ratelimit.Limit{Name: "requests", Quota: 1e6, Window: time.Minute}
	opts := &ratelimit.Options{Store: stores.RateLimits(), Timeout: timeout, Now: clock.Now}
	return &limited{T: t, Limiter: guard.Must(ratelimit.New(limit, ratelimit.ByHeader("K"), opts)), clock: clock, client: client}
}

// takes makes n takes at once. All of them must fail, or none.
func (l *limited) takes(when string, n int, fail bool) {
	var wg sync.WaitGroup
	var wrong atomic.Int64
	for range n {
		wg.Go(func() {
			if _, err := l.Take(l.Context(), "a", 1); (err != nil) != fail {
				wrong.Add(1)
			}
		})
	}
	wg.Wait()
	if n := wrong.Load(); n > 0 {
		fmt.Fprintf(&l.wrong, "%s: %d takes, failing %t; ", when, n, !fail)
	}
}

// TestStallOfTakesInFlight: the pause is a second, also if nine takes miss the
// timeout at once. It was 15 seconds.
func TestStallOfTakesInFlight(t *testing.T) {
	_, _, prefix := newStores(t)
	bestOfThree(t, func() string {
		p := startProxy(t, address())
		l := newLimited(t, p.Addr().String(), prefix, timeout)
		l.takes("before", 9, false)
		p.delay.Store(int64(timeout + 400*time.Millisecond)) // a call itself ends after a second
		l.takes("the stall", 9, true)
		p.delay.Store(0)
		l.takes("right after the stall", 1, true)
		l.clock.Advance(time.Second)
		l.takes("a second after it", 1, false)
		l.takes("later", 9, false)
		return l.wrong.String()
	})
}

// TestDroppedConnections: 100 idle connections that a firewall has dropped cost one
// failure, and not one each. With 100 of them, takes failed for five seconds.
func TestDroppedConnections(t *testing.T) {
	_, _, prefix := newStores(t)
	bestOfThree(t, func() string {
		p := startProxy(t, address())
		l := newLimited(t, p.Addr().String(), prefix, timeout)
		var conns []*redis.Conn
		for range 100 {
			c := l.client.Conn()
			if err := c.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Close() // into the pool
		}
		if n := l.client.PoolStats().IdleConns; n != 100 {
			t.Fatalf("%d idle connections", n)
		}
		p.drop()
		failures := 0
		for ; failures < 10; failures++ { // a failure takes the timeout, or a pause of the breaker
			if _, err := l.Take(t.Context(), "a", 1); err == nil {
				break
			}
		}
		if failures == 0 || failures > 3 {
			fmt.Fprintf(&l.wrong, "%d takes failed", failures)
		}
		l.takes("later", 50, false)
		return l.wrong.String()
	})
}

// TestTakesAfterOutage: takes go on a second after the client has recovered from a
// long outage. It was up to 15 seconds.
func TestTakesAfterOutage(t *testing.T) {
	s := startServer(t)
	l := newLimited(t, s.addr, "app", longTimeout)
	l.takes("before", 9, false)
	s.kill()
	for range 33 {
		l.takes("the outage", 20, true)
		l.clock.Advance(time.Second)
	}
	s.start()
	harness.Eventually(t, "the client has recovered", func() bool { return l.client.Ping(t.Context()).Err() == nil })
	l.clock.Advance(time.Second)
	l.takes("after the outage", 1, false)
	l.takes("later", 9, false)
	if wrong := l.wrong.String(); wrong != "" {
		t.Error(wrong)
	}
}
