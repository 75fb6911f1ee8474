package redisstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// losing starts a proxy of backend that, while lose holds a positive number, drops that
// many answers: with their connections or, if silent is true, with everything that
// follows.
func losing(t *testing.T, backend string, silent bool) (addr string, lose *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lose = new(atomic.Int64)
	answer := func(in, out net.Conn) {
		defer in.Close()
		b := make([]byte, 32<<10)
		for {
			n, err := out.Read(b)
			if err != nil {
				return
			}
			if lose.Add(-1) < 0 {
				_, err = in.Write(b[:n])
			} else if silent {
				_, err = io.Copy(io.Discard, out)
			} else {
				return
			}
			if err != nil {
				return
			}
		}
	}
	go relay(l, backend, func(in, out net.Conn) {
		go func() { io.Copy(out, in); out.Close() }()
		go answer(in, out)
	})
	return l.Addr().String(), lose
}

// standAlone is the state of a Cluster of the server at addr, which is in none.
func standAlone(addr string) func(context.Context) ([]redis.ClusterSlot, error) {
	return func(context.Context) ([]redis.ClusterSlot, error) {
		return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: addr}}}}, nil
	}
}

// TestLostAnswer: a script whose answer is lost has run a single time, whatever the
// client's retries are. With redirects of a Cluster or the retries of a client whose
// options cannot be read, it ran twice.
func TestLostAnswer(t *testing.T) {
	for _, silent := range []bool{false, true} {
		_, direct, prefix := newStores(t)
		addr, lose := losing(t, address(), silent)
		single := &redis.Options{Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1, ReadTimeout: 100 * time.Millisecond}
		retrying := *single
		retrying.MaxRetries = 3
		for name, c := range map[string]redis.UniversalClient{
			"a client": redis.NewClient(single),
			"a Cluster's client": redis.NewClusterClient(&redis.ClusterOptions{
				Addrs: []string{addr}, ClusterSlots: standAlone(addr), ContextTimeoutEnabled: true, ReadTimeout: 100 * time.Millisecond,
			}),
			"a client of another type, with retries": struct{ redis.UniversalClient }{redis.NewClient(&retrying)},
		} {
			defer c.Close()
			none := ratelimit.Take{Limit: ratelimit.Limit{Name: "a", Quota: 9, Window: time.Hour}, Key: name}
			one := none
			one.Cost = 1
			var limits ratelimit.Store
			harness.Eventually(t, "the server has the script", func() bool { // a stall is longer than the ReadTimeout
				s, err := redisstore.New(t.Context(), c, prefix)
				if err == nil {
					limits = s.RateLimits()
					_, err = limits.Take(t.Context(), []ratelimit.Take{none})
				}
				return err == nil
			})
			lose.Store(1)
			if _, err := limits.Take(t.Context(), []ratelimit.Take{one}); err == nil {
				t.Errorf("%s: no error", name)
			}
			lose.Store(0)
			states, err := open(t, direct, prefix).RateLimits().Take(t.Context(), []ratelimit.Take{none})
			if err != nil || states[0].Remaining != 8 {
				t.Errorf("%s, silent %t: %+v, %v; want 8 remaining", name, silent, states, err)
			}
		}
	}
}

// TestHungServer: a request waits for about a second, whatever the timeouts of the client
// are. With the options of the documentation it was five.
func TestHungServer(t *testing.T) {
	_, _, prefix := newStores(t)
	addr, lose := losing(t, address(), true)
	c := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1, ReadTimeout: time.Minute})
	defer c.Close()
	s, err := redisstore.New(t.Context(), c, prefix)
	if err != nil {
		t.Fatal(err)
	}
	lose.Store(1000)
	begun := time.Now()
	for name, command := range map[string]func() error{
		"a load":   func() error { _, _, err := s.Sessions().Load(t.Context(), session.Key{}); return err },
		"a script": func() error { _, err := s.Sessions().Delete(t.Context(), session.Key{}); return err },
	} {
		if err := command(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if took := time.Since(begun); took > longTimeout {
		t.Errorf("two commands took %v, want about two seconds", took)
	}
}

// TestFunctionThatHangs: a function of the application that hangs where a connection is
// opened does not hold up a command for longer than a second. It did so for ever.
func TestFunctionThatHangs(t *testing.T) {
	_, _, prefix := newStores(t)
	var hangs atomic.Bool
	released := make(chan struct{})
	c := redis.NewClient(&redis.Options{Addr: address(), ContextTimeoutEnabled: true, MaxRetries: -1, ConnMaxLifetime: time.Millisecond,
		CredentialsProvider: func() (string, string) {
			if hangs.Load() {
				<-released
			}
			return "", ""
		}})
	defer c.Close()
	defer close(released)
	s, err := redisstore.New(t.Context(), c, prefix)
	if err != nil {
		t.Fatal(err)
	}
	hangs.Store(true)
	time.Sleep(10 * time.Millisecond) // until the connections expire
	begun := time.Now()
	if _, _, err := s.Sessions().Load(t.Context(), session.Key{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(begun); took > longTimeout { // the machine may stall
		t.Errorf("a load took %v, want about a second", took)
	}
}

// A deaf client ignores contexts, as one without ContextTimeoutEnabled does. While gate
// is locked, it hangs.
type deaf struct {
	redis.UniversalClient
	gate    sync.RWMutex
	running atomic.Int64
}

func (d *deaf) hang() func() {
	d.running.Add(1)
	d.gate.RLock()
	return func() { d.gate.RUnlock(); d.running.Add(-1) }
}

func (d *deaf) Process(_ context.Context, cmd redis.Cmder) error {
	defer d.hang()()
	return d.UniversalClient.Process(context.Background(), cmd)
}

func (d *deaf) HGet(_ context.Context, key, field string) *redis.StringCmd {
	defer d.hang()()
	return d.UniversalClient.HGet(context.Background(), key, field)
}

// TestDeafClient: the commands of a client that ignores its contexts are given up, and
// those that run on are limited.
func TestDeafClient(t *testing.T) {
	_, c, prefix := newStores(t)
	d := &deaf{UniversalClient: c}
	s, err := redisstore.New(t.Context(), d, prefix)
	if err != nil {
		t.Fatal(err)
	}
	rec := insert(t, s.Sessions(), "u", nil)
	take := []ratelimit.Take{{Limit: ratelimit.Limit{Name: "a", Quota: 1e6, Window: time.Minute}, Key: "k", Cost: 1}}
	d.gate.Lock()
	begun := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, _, err := s.Sessions().Load(t.Context(), rec.Key); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a load: %v", err)
		}
	})
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.RateLimits().Take(short, take); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a take with a deadline: %v", err)
	}
	for range 1500 {
		wg.Go(func() {
			if _, err := s.RateLimits().Take(t.Context(), take); err == nil {
				t.Error("a take: no error")
			}
		})
	}
	wg.Wait()
	if took := time.Since(begun); took > longTimeout { // a loaded machine; it was for ever
		t.Errorf("the commands took %v, want about a second", took)
	}
	if n := d.running.Load(); n < 1000 || n > 1025 {
		t.Errorf("%d commands run on, want at most 1024", n)
	}
	d.gate.Unlock()
	harness.Eventually(t, "the client has recovered", func() bool { _, err := s.RateLimits().Take(t.Context(), take); return err == nil })
}
