package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/race"
)

// TestSoak sends mixed traffic for GUARD_SOAK, such as 10m, while the server's
// Redis is killed twice, and asks that nothing is left behind: no goroutine, no
// memory, no open file, no session that was ended.
func TestSoak(t *testing.T) {
	whole, err := time.ParseDuration(os.Getenv("GUARD_SOAK"))
	if err != nil {
		t.Skip("set GUARD_SOAK to a duration such as 10m")
	}
	url, stop, restart := redisOf(t)
	env := []string{"REDIS_URL=" + url, "GODEBUG=gctrace=1"}
	p := start(t, env...)
	s := &soak{p: p}
	for _, at := range attacks(t, p) {
		if !at.heavy {
			s.attacks = append(s.attacks, at)
		}
	}
	// The same in five parts, with an outage at the end of the second and of the
	// third; the first is to warm up.
	part := whole / 5
	s.run(t, part)
	warm, heap := s.settled(t), p.heap(t)
	// Goroutines can be counted at the end of a process only: what a server of
	// this age has is seen by its twin.
	twin := &soak{p: start(t, env...), attacks: s.attacks}
	twin.run(t, part/8)
	twin.settled(t)
	goroutines := twin.p.goroutines(t)
	for _, outage := range []bool{true, true, false, false} {
		if !outage {
			s.run(t, part)
			t.Logf("%v, %v", s, p.usage(t))
			continue
		}
		s.run(t, part-part/4)
		s.outage(t, part/4, stop, restart)
		t.Logf("%v, %v", s, p.usage(t))
	}
	after, live := s.settled(t), p.heap(t)
	left := p.goroutines(t)
	t.Logf("%v; after the warm-up %v, %d MB live, %d goroutines; at the end %v, %d MB live, %d goroutines",
		s, warm, heap, goroutines, after, live, left)
	if after.rss > warm.rss+memoryBound && !race.Enabled {
		t.Errorf("memory grew by more than %d MiB: %v, then %v", memoryBound>>20, warm, after)
	}
	if after.files > warm.files+max(warm.files/10, 2) {
		t.Errorf("open files grew by more than a tenth: %v, then %v", warm, after)
	}
	if live > heap+max(heap/10, 1) {
		t.Errorf("the heap grew by more than a tenth: %d MB, then %d MB", heap, live)
	}
	if left > goroutines+max(goroutines/10, 2) {
		t.Errorf("goroutines grew by more than a tenth: %d, then %d", goroutines, left)
	}
}

// A soak is the traffic and what came of it.
type soak struct {
	p       *process
	attacks []attack
	down    atomic.Bool // Redis may be: 503 is right

	requests, unavailable, logouts atomic.Int64
}

func (s *soak) String() string {
	return fmt.Sprintf("%d requests, %d logouts, %d times 503", s.requests.Load(), s.logouts.Load(), s.unavailable.Load())
}

// run sends traffic from eight clients for a while.
func (s *soak) run(t *testing.T, d time.Duration) {
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			l := s.p.line()
			defer l.close()
			random := rand.New(rand.NewPCG(uint64(n), uint64(end.UnixNano())))
			for time.Now().Before(end) && !t.Failed() {
				s.visit(t, 20+n, l, random)
				time.Sleep(50 * time.Millisecond) // a steady stream, that leaves the machine to others
			}
			clientFrom(20 + n).CloseIdleConnections()
		})
	}
	wg.Wait()
}

// outage is traffic while Redis is killed, away, and empty again.
func (s *soak) outage(t *testing.T, d time.Duration, stop, restart func()) {
	s.down.Store(true)
	var wg sync.WaitGroup
	wg.Go(func() { s.run(t, d) })
	time.Sleep(d / 4)
	stop()
	time.Sleep(d / 4)
	restart()
	wg.Wait()
	time.Sleep(time.Second) // until those who were refused would try again
	s.down.Store(false)
}

// send sends c; whoever was refused for the outage has no answer.
func (s *soak) send(t *testing.T, from int, c call, want ...int) (a answer, ok bool) {
	t.Helper()
	c.from = from
	a = s.p.send(t, c)
	s.requests.Add(1)
	if a.status == 503 && s.down.Load() {
		s.unavailable.Add(1)
		return a, false
	}
	for _, status := range want {
		if a.status == status {
			return a, true
		}
	}
	// What Redis held is lost with it: who was known may be unknown.
	if !s.down.Load() || a.status != 401 || len(c.header) == 0 && !strings.Contains(c.body, "refresh_token") {
		t.Errorf("%s: %v; want %v", c.do, a, want)
	}
	return a, false
}

// visit is what one client does: one of each kind, many of those that cost
// little.
func (s *soak) visit(t *testing.T, from int, l *line, random *rand.Rand) {
	switch kind := random.IntN(20); {
	case kind == 0:
		s.session(t, from)
	case kind == 1:
		s.refresh(t, from)
	case kind == 2:
		s.send(t, from, call{do: "POST /practices/login", body: `{`, header: forwardedFor("203.0.113.7")}, 400, 429)
		s.send(t, from, call{do: "POST /complete/login", body: credentials(fmt.Sprintf("u%d@example.com", random.IntN(1000)), "wrong")}, 401, 429)
	case kind < 8:
		s.send(t, from, call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_12345"}}, 200)
		s.send(t, from, call{do: "GET /apikey/protected", header: []string{"X-API-Key: ex_0"}}, 401)
		s.send(t, from, call{do: "GET /rbac/admin/users", header: bearer(forge(goodHeader, goodClaims("jwt")))}, 200)
	default:
		for range 5 {
			at := s.attacks[random.IntN(len(s.attacks))]
			at.request = fresh(at.request, random)
			a, err := l.attack(at)
			s.requests.Add(1)
			switch {
			case err != nil:
				t.Errorf("%s: %v", at.name, err)
			case a.status == 503 && s.down.Load():
				s.unavailable.Add(1)
			default:
				at.withstood(t, a)
			}
		}
	}
}

// session: an acknowledged logout holds, even where Redis was lost meanwhile.
func (s *soak) session(t *testing.T, from int) {
	in, ok := s.send(t, from, call{do: "POST /session/login", body: bob}, 200)
	if !ok {
		return
	}
	cookies := (&http.Response{Header: in.header}).Cookies()
	if len(cookies) != 1 {
		t.Errorf("%d cookies", len(cookies))
		return
	}
	c := cookie(cookies[0])
	for range 10 {
		s.send(t, from, sessionProfile(c...), 200)
	}
	if _, ok := s.send(t, from, sessionLogout(c...), 200); ok {
		s.logouts.Add(1)
		s.send(t, from, sessionProfile(c...), 401)
	}
}

// refresh: so it is with refresh tokens.
func (s *soak) refresh(t *testing.T, from int) {
	var pair tokens
	next := func(c call) bool {
		a, ok := s.send(t, from, c, 200)
		return ok && json.Unmarshal([]byte(a.body), &pair) == nil
	}
	if !next(call{do: "POST /refresh/login", body: bob}) {
		return
	}
	for range 5 {
		s.send(t, from, call{do: "GET /refresh/profile", header: bearer(pair.Access)}, 200)
		if !next(refreshCall(pair.Refresh)) {
			return
		}
	}
	out := call{do: "POST /refresh/logout", body: refreshBody(pair.Refresh), header: bearer(pair.Access)}
	if _, ok := s.send(t, from, out, 200, 400); ok {
		s.logouts.Add(1)
		s.send(t, from, refreshCall(pair.Refresh), 401)
	}
}

// settled is the least that the server holds in fifteen seconds of requests that
// cost little: the memory of password hashes, 19 MiB each, is collected only when
// there is more to collect, and goes back to the system slowly.
func (s *soak) settled(t *testing.T) usage {
	t.Helper()
	least := s.p.usage(t)
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		for range 1000 {
			s.send(t, 1, call{do: "GET /apikey/protected", header: []string{"X-API-Key: ex_0"}}, 401)
		}
		u := s.p.usage(t)
		least.rss, least.files, least.threads = min(least.rss, u.rss), min(least.files, u.files), u.threads
	}
	return least
}

var collected = regexp.MustCompile(`(?m)^gc \d+ .*->(\d+) MB, `)

// heap is what was live after the last collection, in MB, of a server that has
// settled: no password is hashed meanwhile.
func (p *process) heap(t *testing.T) int {
	t.Helper()
	all := collected.FindAllStringSubmatch(p.logs(), -1)
	if len(all) == 0 {
		t.Fatal("no collection was traced")
	}
	live, _ := strconv.Atoi(all[len(all)-1][1])
	return live
}

// goroutines ends the process by SIGQUIT, and counts those that it then prints.
func (p *process) goroutines(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	p.mu.Lock()
	defer p.mu.Unlock()
	_, dump, found := strings.Cut(p.stderr.String(), "SIGQUIT: quit")
	if !found {
		t.Fatal("no dump of the goroutines")
	}
	n := len(regexp.MustCompile(`(?m)^goroutine [1-9]\d* .*\[`).FindAllString(dump, -1))
	if t.Failed() {
		t.Log(dump)
	}
	p.stderr.Truncate(p.stderr.Len() - len(dump)) // it is no log
	return n
}
