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

// serveEnv makes this program the server of the load table.
const serveEnv = "GUARD_BENCH_SERVE"

const page = `{"id":"7","title":"Post 7"}`

// serveLoad serves the same answer twice on loopback: /articles/7 behind the
// whole stack, /bare/articles/7 behind nothing. It ends with its input.
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

// overTCP sends requests over kept connections to a server in another process,
// to both routes in turn.
func overTCP(set settings) (rows, error) {
	self, err := os.Executable()
	if err != nil {
		return rows{}, err
	}
	server := exec.Command(self)
	server.Env = append(os.Environ(), serveEnv+"=1")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		return rows{}, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return rows{}, err
	}
	if err := server.Start(); err != nil {
		return rows{}, err
	}
	defer server.Wait()
	defer in.Close()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return rows{}, err
	}
	addr = strings.TrimSpace(addr)

	var bare, guarded volley
	const turns = 10
	for range turns {
		bare.fire(addr, "/bare/articles/7", set.load/turns/2)
		guarded.fire(addr, "/articles/7", set.load/turns/2)
	}
	return rows{
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

// A volley is many requests of one kind.
type volley struct {
	mu      sync.Mutex
	took    []time.Duration
	errors  int
	seconds float64
}

const connections = 32

func (v *volley) fire(addr, path string, length time.Duration) {
	start := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			took, err := ask(addr, path, start.Add(length))
			v.mu.Lock()
			defer v.mu.Unlock()
			v.took = append(v.took, took...)
			if err != nil {
				v.errors++
				fmt.Fprintln(os.Stderr, "bench: load:", err)
			}
		})
	}
	all.Wait()
	v.seconds += time.Since(start).Seconds()
}

// ask sends one request after the other on one connection until the end.
func ask(addr, path string, end time.Time) (took []time.Duration, err error) {
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

func (v *volley) rate() float64 { return float64(len(v.took)) / v.seconds }

func (v *volley) p99() float64 {
	slices.Sort(v.took)
	return float64(v.took[len(v.took)*99/100]) / float64(time.Millisecond)
}
