package sqlstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A proxy delays what a client sends to the server.
type proxy struct {
	net.Listener
	delay atomic.Int64
	done  chan struct{}
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, done: make(chan struct{})}
	t.Cleanup(func() { l.Close(); close(p.done) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(in, out); in.Close() }()
			go p.forward(out, in)
		}
	}()
	return p
}

func (p *proxy) forward(out, in net.Conn) {
	defer out.Close()
	defer in.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := in.Read(b)
		if err != nil {
			return
		}
		select {
		case <-p.done:
			return
		case <-time.After(time.Duration(p.delay.Load())): // the latency under test
		}
		if _, err := out.Write(b[:n]); err != nil {
			return
		}
	}
}

// TestLatency: a slow database is waited for, a stuck one until the timeout;
// and the pool recovers by itself.
func TestLatency(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			rec := sessiontest.Record("alice")
			if err := s.Sessions().Insert(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			line := startProxy(t, p.addr)
			far := b.in(t, p.at(line.Addr().String()), &sqlstore.Options{Timeout: 1500 * time.Millisecond})
			load := func() (bool, error) {
				_, found, err := far.Sessions().Load(t.Context(), rec.Key)
				return found, err
			}
			for _, delay := range []time.Duration{0, 0, 200 * time.Millisecond} {
				line.delay.Store(int64(delay))
				if found, err := load(); !found || err != nil {
					t.Errorf("%v: Load = %t, %v", delay, found, err)
				}
			}
			line.delay.Store(int64(5 * time.Second))
			if found, err := load(); found || status(err) != 503 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("stuck: Load = %t, %v", found, err)
			}
			line.delay.Store(0)
			for try := range 3 { // a connection may be in the midst of 5 seconds
				found, err := load()
				if found && err == nil {
					break
				}
				if try == 2 {
					t.Errorf("afterwards: Load = %t, %v", found, err)
				}
			}
		})
	}
}
