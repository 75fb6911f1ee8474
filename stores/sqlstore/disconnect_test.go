//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// A countingConnector counts the connections that it opens.
type countingConnector struct {
	driver.Connector
	opened atomic.Int64
}

func (c *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	c.opened.Add(1)
	return c.Connector.Connect(ctx)
}

// counting opens a database as open does, and counts its connections.
func (p database) counting(t testing.TB) (*sql.DB, *countingConnector) {
	t.Helper()
	connector, err := p.open(t).Driver().(driver.DriverContext).OpenConnector(p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	c := &countingConnector{Connector: connector}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { db.Close() })
	return db, c
}

// A site is a server with sessions, and a client that has one.
type site struct {
	addr              string
	cookie, invention string // of the client, and one of no session
}

func newSite(t *testing.T, store session.Store) site {
	t.Helper()
	a, other := newApp(t, store), newApp(t, guardMemory(t))
	_, _, cookie := a.do("POST", "/login?as=alice", nil)
	_, _, invention := other.do("POST", "/login?as=alice", nil)
	srv := httptest.NewServer(a.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[string]) {
		fmt.Fprint(w, s.Sub())
	})))
	t.Cleanup(srv.Close)
	return site{srv.Listener.Addr().String(), cookie.Name + "=" + cookie.Value, invention.Name + "=" + invention.Value}
}

func guardMemory(t *testing.T) *session.Memory {
	t.Helper()
	m, err := session.NewMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// visit sends requests until done, and counts them.
func (s site) visit(t *testing.T, done *atomic.Bool, served *atomic.Int64) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for !done.Load() {
		r, _ := http.NewRequest("GET", "http://"+s.addr, nil)
		r.Header.Set("Cookie", s.cookie)
		resp, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("the client got %d", resp.StatusCode)
			return
		}
		served.Add(1)
	}
}

// A guest sends requests with an invented cookie.
type guest struct {
	every time.Duration // between two requests
	waits bool          // for the answer; otherwise it disconnects within 1.5 ms
}

func (s site) guest(t *testing.T, g guest, done *atomic.Bool, left *atomic.Int64) {
	for n := 0; !done.Load(); n++ {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n", s.invention)
		if g.waits {
			_, _ = c.Read(make([]byte, 1024))
		} else {
			time.Sleep(time.Duration(n%4) * 500 * time.Microsecond)
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
		left.Add(1)
		time.Sleep(g.every)
	}
}

// load visits for a time, with so many guests.
func (s site) load(t *testing.T, d time.Duration, guests int, g guest) (served, left int64) {
	t.Helper()
	var done atomic.Bool
	var ok, gone atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { s.visit(t, &done, &ok) })
	}
	for range guests {
		wg.Go(func() { s.guest(t, g, &done, &gone) })
	}
	for begun := time.Now(); time.Since(begun) < d || ok.Load() == 0 || guests > 0 && gone.Load() == 0; { // a stall may be longer than d
		time.Sleep(10 * time.Millisecond) // a real server under load
		if t.Failed() {
			break
		}
	}
	done.Store(true)
	wg.Wait()
	return ok.Load(), gone.Load()
}

// TestDisconnectingClients: clients with invented cookies that disconnect do not close
// the connections of the pool, which drivers close if a statement is cancelled.
func TestDisconnectingClients(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			_, p := b.stores(t, nil)
			db, opened := p.counting(t)
			s := b.on(t, db, nil)
			served, left := newSite(t, s.Sessions()).load(t, time.Second, 8, guest{})
			t.Logf("%d served, %d disconnected, %d connections opened", served, left, opened.opened.Load())
			if n := opened.opened.Load(); n > 8 || served == 0 || left == 0 {
				t.Errorf("%d served, %d disconnected, %d connections opened, want at most the 8 of the pool", served, left, n)
			}
		})
	}
}

// TestDisconnectingClientsRate: clients that disconnect cost the others no more than
// those that wait for their answers.
func TestDisconnectingClientsRate(t *testing.T) {
	if os.Getenv("GUARD_HARDEN") != "1" {
		t.Skip("compares rates: GUARD_HARDEN=1")
	}
	b := backends[0]
	_, p := b.stores(t, nil)
	s := b.on(t, p.open(t), nil)
	site := newSite(t, s.Sessions())
	site.load(t, time.Second, 0, guest{})
	var ratios []float64
	for range 9 {
		alone, _ := site.load(t, time.Second, 0, guest{})
		waiting, _ := site.load(t, time.Second, 8, guest{every: 20 * time.Millisecond, waits: true})
		leaving, left := site.load(t, time.Second, 8, guest{every: 20 * time.Millisecond})
		t.Logf("%d served alone, %d among clients that wait, %d among %d that disconnect", alone, waiting, leaving, left)
		ratios = append(ratios, float64(leaving)/float64(waiting))
	}
	slices.Sort(ratios)
	if median := ratios[len(ratios)/2]; median < 0.9 {
		t.Errorf("%.2f of the rate, want 0.9", median)
	}
}

// TestGoneRequestsDoNotQueue: while every connection is busy, requests that are gone
// leave the queue, and those that run end.
func TestGoneRequestsDoNotQueue(t *testing.T) {
	b := backends[0]
	_, p := b.stores(t, nil)
	db := p.open(t)
	db.SetMaxOpenConns(1)
	s := b.on(t, db, nil)
	busy, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 1000)
	for range cap(results) {
		go func() {
			_, _, err := s.Sessions().Load(ctx, sessiontest.Key("alice"))
			results <- err
		}()
	}
	for db.Stats().WaitCount < 64 { // so many operations run at most
		time.Sleep(time.Millisecond) // a real server
	}
	cancel()
	for range cap(results) - 64 {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("a request that is gone: %v", err)
		}
	}
	if n := db.Stats().WaitCount; n != 64 {
		t.Errorf("%d operations wait for a connection, want 64", n)
	}
	if err := busy.Close(); err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if err := <-results; err != nil {
			t.Errorf("an operation that ran: %v", err)
		}
	}
}

// TestDeadlinesOfCallers: unlike a cancellation, a deadline ends an operation. The
// touch of a session relies on it.
func TestDeadlinesOfCallers(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		_, p := b.stores(t, nil)
		db := p.open(t)
		db.SetMaxOpenConns(1)
		s := b.on(t, db, nil)
		busy, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := s.Sessions().Touch(ctx, session.Key{}, time.Now(), time.Now()); status(err) != 503 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Touch: %v", err)
		}
	})
}
