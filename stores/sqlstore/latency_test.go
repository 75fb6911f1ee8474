package sqlstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A proxy delays the statements of a client.
type proxy struct {
	net.Listener
	delay atomic.Int64
	hang  *regexp.Regexp // statements that match are not forwarded, nor are those after them
	done  chan struct{}
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	return startHangingProxy(t, to, nil)
}

func startHangingProxy(t testing.TB, to string, hang *regexp.Regexp) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, hang: hang, done: make(chan struct{})}
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
		if p.hang != nil && p.hang.Match(b[:n]) {
			<-p.done
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

// TestLatency: an operation waits for a slow database until the timeout, and the pool
// recovers afterwards.
func TestLatency(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, p := b.stores(t, nil)
			rec := sessiontest.Record("alice")
			if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
				t.Fatal(err)
			}
			proxy := startProxy(t, p.addr)
			p = p.at(proxy.Addr().String())
			patient, delayed := b.in(t, p, nil), b.in(t, p, &sqlstore.Options{Timeout: 1500 * time.Millisecond})
			load := func(s *sqlstore.Stores) (bool, error) {
				_, found, err := s.Sessions().Load(t.Context(), rec.Key)
				return found, err
			}
			for _, delay := range []time.Duration{0, 0, 200 * time.Millisecond} {
				proxy.delay.Store(int64(delay))
				if found, err := load(patient); !found || err != nil {
					t.Errorf("%v: Load = %t, %v", delay, found, err)
				}
			}
			_, _ = load(delayed) // has a connection
			proxy.delay.Store(int64(5 * time.Second))
			if found, err := load(delayed); found || status(err) != 503 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("stuck: Load = %t, %v", found, err)
			}
			proxy.delay.Store(0)
			const tries = 20 // a connection may still be delayed by 5 seconds, and the machine may stall
			for try := range tries {
				found, err := load(delayed)
				if found && err == nil {
					break
				}
				if try == tries-1 {
					t.Errorf("afterwards: Load = %t, %v", found, err)
				}
			}
		})
	}
}

// TestCommitsThatHang: the timeout ends a transaction whose COMMIT is not answered, or
// whose ROLLBACK is not, and its connection is not used again.
func TestCommitsThatHang(t *testing.T) {
	t.Parallel()
	for _, b := range backends[:2] {
		for _, statement := range []string{"commit", "rollback"} {
			t.Run(b.name+"/"+statement, func(t *testing.T) {
				t.Parallel()
				direct, p := b.stores(t, nil)
				if _, err := direct.Sessions().DeleteAll(t.Context(), "alice", nil); err != nil { // raises the epoch
					t.Fatal(err)
				}
				p = p.at(startHangingProxy(t, p.addr, regexp.MustCompile(`(?i)\b`+statement+`\b`)).Addr().String())
				if b.dialect == sqlstore.PostgreSQL {
					p.dsn += "&sslmode=disable" // the proxy reads the statements
				}
				db := p.open(t)
				db.SetMaxOpenConns(1)
				s := b.on(t, db, &sqlstore.Options{Timeout: 3 * time.Second}) // long enough for a stall of the machine
				epoch := int64(session.AnyEpoch)
				if statement == "rollback" {
					epoch = 0 // of before the DeleteAll
				}
				rec := sessiontest.Record("alice")
				rec.Ref = "x" // a condition: a transaction
				ended := make(chan error, 1)
				go func() { ended <- s.Sessions().Insert(context.Background(), rec, epoch) }()
				select {
				case err := <-ended:
					if refused := errors.Is(err, session.ErrEnded); refused != (statement == "rollback") || !refused && status(err) != 503 {
						t.Error(err)
					}
				case <-time.After(longTimeout):
					t.Fatal("it does not end")
				}
				if _, _, err := s.Sessions().Load(t.Context(), rec.Key); err != nil {
					t.Errorf("after that: %v", err)
				}
			})
		}
	}
}
