package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard"
)

// serveEnv is the environment variable that makes this program the server of the load
// table.
const serveEnv = "GUARD_BENCH_SERVE"

const page = `{"id":"7","title":"Post 7"}`

// serveLoad serves the same page twice on loopback: /articles/7 with all guards,
// /bare/articles/7 without any. It exits when its standard input is closed.
func serveLoad() {
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, page)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /articles/{id}", stackAround(answer))
	mux.Handle("GET /bare/articles/{id}", answer)
	l := guard.Must(net.Listen("tcp", "127.0.0.1:0"))
	fmt.Println(l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fail(http.Serve(l, mux))
}

// loadOverTCP sends requests over persistent connections to a server in another
// process, alternately to both routes.
func loadOverTCP(set settings) (comparison, error) {
	self, err := os.Executable()
	if err != nil {
		return comparison{}, err
	}
	server := exec.Command(self)
	server.Env = append(os.Environ(), serveEnv+"=1")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		return comparison{}, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return comparison{}, err
	}
	if err := server.Start(); err != nil {
		return comparison{}, err
	}
	defer server.Wait()
	defer in.Close()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return comparison{}, err
	}
	addr = strings.TrimSpace(addr)

	var bare, guarded load
	const turns = 10
	for range turns {
		bare.run(addr, "/bare/articles/7", set.load/turns/2)
		guarded.run(addr, "/articles/7", set.load/turns/2)
	}
	return comparison{
		facts: []Fact{
			{"guard: requests a second", guarded.rate(), ""},
			{"bare: requests a second", bare.rate(), ""},
			{"guard: 99 of 100 requests within", guarded.p99(), "ms"},
			{"bare: 99 of 100 requests within", bare.p99(), "ms"},
			{"guard: requests", float64(len(guarded.took)), ""},
			{"errors", float64(bare.errors + guarded.errors), ""},
		},
		bars: []bar{factAtMost("errors", 0)},
	}, nil
}

// A load is many requests for one route, and their times.
type load struct {
	mu      sync.Mutex
	took    []time.Duration
	errors  int
	seconds float64
}

const connections = 32

// run sends requests over all connections for some time.
func (l *load) run(addr, path string, length time.Duration) {
	start := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			took, err := sendUntil(addr, path, start.Add(length))
			l.mu.Lock()
			defer l.mu.Unlock()
			l.took = append(l.took, took...)
			if err != nil {
				l.errors++
				fmt.Fprintln(os.Stderr, "bench: load:", err)
			}
		})
	}
	all.Wait()
	l.seconds += time.Since(start).Seconds()
}

// sendUntil sends consecutive requests on one connection until the end.
func sendUntil(addr, path string, end time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer token_alice\r\n\r\n")
	in := bufio.NewReader(conn)
	for start := time.Now(); start.Before(end); start = time.Now() {
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return took, err
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || string(body) != page {
			return took, fmt.Errorf("%d %q, %v", res.StatusCode, body, err)
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// rate returns the requests per second.
func (l *load) rate() float64 { return float64(len(l.took)) / l.seconds }

// p99 returns the 99th percentile of the times, in ms.
func (l *load) p99() float64 {
	slices.Sort(l.took)
	return float64(l.took[len(l.took)*99/100]) / float64(time.Millisecond)
}
