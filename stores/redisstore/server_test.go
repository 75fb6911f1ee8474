package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// address returns the address of the Redis that the tests share.
func address() string {
	if a := os.Getenv("GUARD_REDIS_ADDR"); a != "" {
		return a
	}
	return "127.0.0.1:6379"
}

// longTimeout is that of all tests but those of timeouts: the machine may stall.
const longTimeout = 30 * time.Second

func newClient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, DialTimeout: time.Second, DialerRetries: 1, MaxRetries: -1, Protocol: 2,
		ReadTimeout: longTimeout, WriteTimeout: longTimeout,
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// open returns stores whose commands may take long, which New bounds by a second.
func open(t testing.TB, c redis.UniversalClient, prefix string) *redisstore.Stores {
	t.Helper()
	s, err := redisstore.New(context.Background(), c, prefix)
	if err != nil {
		t.Fatal(err)
	}
	redisstore.SetTimeout(s, longTimeout)
	return s
}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{}) // the client logs every dial of the outages under test
	os.Exit(m.Run())
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// A hook wraps every command or pipeline that a client sends.
type hook func(commands int, next func() error) error

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h(1, func() error { return next(ctx, cmd) })
	}
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h(len(cmds), func() error { return next(ctx, cmds) })
	}
}

var prefixes atomic.Int64

// newStores returns stores of the shared Redis under a new prefix, whose keys are
// deleted at the end.
func newStores(t testing.TB) (*redisstore.Stores, *redis.Client, string) {
	t.Helper()
	c := newClient(t, address())
	ctx := context.Background()
	if err := c.Ping(ctx).Err(); err != nil {
		harness.Needs(t, "Redis 7 or Valkey at %s (apt-get install redis-server, or set GUARD_REDIS_ADDR): %v", address(), err)
	}
	prefix := fmt.Sprintf("guardtest:%d:%d", os.Getpid(), prefixes.Add(1))
	t.Cleanup(func() {
		keys, err := c.Keys(ctx, prefix+":*").Result()
		if err == nil && len(keys) > 0 {
			c.Del(ctx, keys...)
		}
	})
	return open(t, c, prefix), c, prefix
}

// A server is a Redis of one test, which can be killed and restarted. It loses no
// acknowledged write (appendfsync always).
type server struct {
	t    testing.TB
	addr string
	args []string
	cmd  *exec.Cmd
}

func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := newServer(t, args...)
	s.start()
	return s
}

// newServer returns a server that has not started.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	harness.Program(t, "redis-server")
	port := harness.FreePort(t)
	s := &server{t: t, addr: net.JoinHostPort("127.0.0.1", port), args: append([]string{
		"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no", "--loglevel", "warning",
	}, args...)}
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.SysProcAttr = endsWithTest()
	var output bytes.Buffer
	s.cmd.Stdout = &output
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1})
	defer c.Close()
	for range 3000 { // a busy machine takes its time
		if c.Ping(context.Background()).Err() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond) // another process: synctest cannot wait for it
	}
	s.kill()
	s.t.Fatalf("redis-server at %s did not start:\n%s", s.addr, &output)
}

func (s *server) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// A proxy delays the commands of a client.
type proxy struct {
	net.Listener
	delay atomic.Int64
	conns sync.Map

	accepted, dropped atomic.Int64 // connections
}

// drop drops all connections without a word, as a firewall does. New ones work.
func (p *proxy) drop() { p.dropped.Store(p.accepted.Load()) }

func startProxy(t testing.TB, backend string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l}
	t.Cleanup(func() {
		l.Close()
		p.conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	})
	go relay(l, backend, func(in, out net.Conn) {
		p.conns.Store(in, nil)
		p.conns.Store(out, nil)
		go func() { io.Copy(in, out); in.Close() }()
		n := p.accepted.Add(1)
		go p.forward(out, in, func() bool { return n <= p.dropped.Load() })
	})
	return p
}

// relay calls carry for each connection that l accepts, with one to backend.
func relay(l net.Listener, backend string, carry func(in, out net.Conn)) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", backend)
		if err != nil {
			in.Close()
			continue
		}
		carry(in, out)
	}
}

func (p *proxy) forward(out, in net.Conn, dropped func() bool) {
	defer out.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := in.Read(b)
		if n > 0 && !dropped() {
			time.Sleep(time.Duration(p.delay.Load())) // the latency under test
			if _, err := out.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// reopen returns stores of the shared Redis with a new client, as in another process.
func reopen(t testing.TB, prefix string) *redisstore.Stores {
	t.Helper()
	return open(t, newClient(t, address()), prefix)
}
