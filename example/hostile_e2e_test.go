package main_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
)

// An attack is a request as its bytes go over the wire: no client of ours would
// send most of them.
type attack struct {
	name    string
	request string
	status  int  // 0 is any of 300 to 499
	heavy   bool // too large, or too slow for the server's password hash, to be sent by the thousand
	last    bool // its connection is of no use afterwards
}

// wire writes a request down.
func wire(do string, header []string, body string) string {
	method, path, _ := strings.Cut(do, " ")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: example\r\n", method, path)
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return b.String() + "\r\n" + body
}

// A line is a connection to the example, opened again where it was closed.
type line struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

func (p *process) line() *line { return &line{addr: strings.TrimPrefix(p.url, "http://")} }

func (l *line) close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// attack sends an attack, and reads the answer.
func (l *line) attack(at attack) (answer, error) {
	a, err := l.send(at.request)
	if at.last {
		l.close()
	}
	return a, err
}

// send writes the request and reads the answer. A connection that is closed
// without an answer is status 0.
func (l *line) send(request string) (a answer, err error) {
	if l.conn == nil {
		if l.conn, err = net.Dial("tcp", l.addr); err != nil {
			return a, err
		}
		l.in = bufio.NewReader(l.conn)
	}
	conn := l.conn
	_ = conn.SetDeadline(time.Now().Add(harness.Patience))
	unread := make(chan struct{})
	go func() { // the server may answer before it has read all
		defer close(unread)
		_, _ = io.WriteString(conn, request)
	}()
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(l.in, &http.Request{Method: method})
	if err != nil {
		l.close()
		<-unread
		return a, nil
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || res.Close || len(request) > 4<<10 {
		l.close() // what is left of a large request must not be taken for the next
	}
	<-unread
	return answer{res.StatusCode, res.Header, string(b)}, nil
}

// withstood checks what every attack is to get: no entry, and no failure.
func (at attack) withstood(t *testing.T, a answer) {
	t.Helper()
	switch {
	case at.status != 0 && a.status != at.status:
		t.Errorf("%s: %v; want %d", at.name, a, at.status)
	case at.status == 0 && (a.status >= 500 || a.status < 300 && a.status != 0):
		t.Errorf("%s: %v", at.name, a)
	case slices.ContainsFunc(a.header["Set-Cookie"], func(line string) bool { return !strings.HasPrefix(line, "session=; Path=/; Max-Age=0;") }):
		t.Errorf("%s: a cookie: %v", at.name, a)
	}
	if a.header.Get("Content-Type") != "" { // else it is net/http's own, of a request that is none
		invariants(t, call{do: at.name}, a)
	}
}

// hostileServers runs a test against the example in each of its set-ups.
func hostileServers(t *testing.T, run func(t *testing.T, p *process)) {
	for _, tt := range []struct {
		name string
		env  func(t *testing.T) []string
	}{
		{"memory", func(*testing.T) []string { return nil }},
		{"behind a proxy", func(*testing.T) []string { return []string{"TRUSTED_PROXIES=127.0.0.0/8"} }},
		{"Redis", func(t *testing.T) []string { return []string{redisURL(t)} }},
	} {
		if testing.Short() && tt.name != "memory" {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, start(t, tt.env(t)...))
		})
	}
}

// TestHostile: none of the attacks is let in, and none makes the server fail.
func TestHostile(t *testing.T) {
	t.Parallel()
	hostileServers(t, func(t *testing.T, p *process) {
		l := p.line()
		defer l.close()
		for _, at := range attacks(t, p) {
			a, err := l.attack(at)
			if err != nil {
				t.Fatalf("%s: %v", at.name, err)
			}
			at.withstood(t, a)
		}
		p.stop(t)
	})
}

// attacks are all of them.
func attacks(t *testing.T, p *process) []attack {
	return slices.Concat(tokenAttacks(), headerAttacks(), cookieAttacks(t, p), bodyAttacks(t, p), pathAttacks(), rawAttacks(), forwardedAttacks())
}

// TestHostileControls: the routes that refuse the attacks let others in, so
// that it is the attacks that are refused.
func TestHostileControls(t *testing.T) {
	t.Parallel()
	p := start(t)
	l := p.line()
	defer l.close()
	for _, r := range tokenRoutes {
		if r.do == "DELETE /permissions/users/9" {
			continue // there is none
		}
		a, err := l.send(wire(r.do, bearer(forge(goodHeader, goodClaims(r.issuer))), r.body))
		if err != nil || a.status != 200 {
			t.Errorf("%s: %v, %v", r.do, a, err)
		}
	}
	for _, h := range []string{"X-API-Key: key_12345", "x-api-key:key_12345", "X-API-Key:  key_12345 \t"} {
		if a, err := l.send(wire("GET /apikey/protected", []string{h}, "")); err != nil || a.status != 200 {
			t.Errorf("%s: %v, %v", h, a, err)
		}
	}
}

// memoryBound is how much more memory the server may hold after the flood than
// after its first tenth: the garbage collector lets the heap of a server of this
// size swing by about as much.
const memoryBound = 16 << 20

// filesBound is how many more files may be open: Redis has ten connections for
// each processor.
var filesBound = 4 + 10*runtime.NumCPU()

// TestHostileFlood: GUARD_HARDEN=1 sends 100,000 attacks, else 5,000.
func TestHostileFlood(t *testing.T) {
	n := 5_000
	switch {
	case os.Getenv("GUARD_HARDEN") == "1":
		n = 100_000
	case testing.Short() || race.Enabled:
		n = 1_000
	}
	hostileServers(t, func(t *testing.T, p *process) {
		var light []attack
		for _, at := range attacks(t, p) {
			if !at.heavy {
				light = append(light, at)
			}
		}
		p.flood(t, light, n/10)
		warm := p.usage(t)
		began := time.Now()
		p.flood(t, light, n-n/10)
		took := time.Since(began)
		after := p.usage(t)
		t.Logf("%d attacks of %d kinds, the last nine tenths in %v; before those %v, after %v", n, len(light), took.Round(time.Millisecond), warm, after)
		if after.rss > warm.rss+memoryBound && !race.Enabled {
			t.Errorf("memory grew from %v to %v", warm, after)
		}
		if after.files > warm.files+filesBound {
			t.Errorf("open files grew from %v to %v", warm, after)
		}
		if a := p.send(t, call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_12345"}}); a.status != 200 {
			t.Errorf("afterwards: %v", a)
		}
		p.stop(t)
	})
}

// flood sends n attacks over eight connections that stay open where they can.
func (p *process) flood(t *testing.T, list []attack, n int) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			l := p.line()
			defer l.close()
			for range n / 8 {
				at := list[random.IntN(len(list))]
				at.request = fresh(at.request, random)
				a, err := l.attack(at)
				if err != nil {
					t.Errorf("%s: %v", at.name, err)
					return
				}
				if at.withstood(t, a); t.Failed() {
					return
				}
			}
		})
	}
	wg.Wait()
}

// fresh makes each address of a flood another one: what the server keeps for
// each must be bounded.
func fresh(request string, random *rand.Rand) string {
	return strings.Replace(request, "RANDOM", fmt.Sprintf("%x:%x", random.IntN(1<<16), random.IntN(1<<16)), 1)
}

// usage is what a process holds.
type usage struct {
	rss            int64
	files, threads int
}

func (u usage) String() string {
	return fmt.Sprintf("%.1f MiB, %d files, %d threads", float64(u.rss)/(1<<20), u.files, u.threads)
}

// usage waits until the server has closed the connections that it is to close.
func (p *process) usage(t *testing.T) (u usage) {
	t.Helper()
	clientFrom(1).CloseIdleConnections()
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	for i := range 20 {
		files, err := os.ReadDir(proc + "fd")
		if err != nil {
			harness.Needs(t, "/proc: %v", err)
		}
		if i > 4 && len(files) == u.files {
			break
		}
		u.files = len(files)
		time.Sleep(100 * time.Millisecond)
	}
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		harness.Needs(t, "/proc: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			u.rss = n << 10
		case "Threads":
			u.threads = int(n)
		}
	}
	return u
}
