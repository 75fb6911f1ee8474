// Package traffic is the clients of an application whose stores fail meanwhile: their
// server is killed, moves or fails over. It records what the application acknowledged,
// and counts what of that was lost.
package traffic

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
)

// Stores are the stores of the application. Limits may be nil.
type Stores struct {
	Sessions      session.Store
	TokenFamilies refresh.Store
	Denylist      jwtauth.Denylist
	APIKeys       apikey.Store
	Limits        ratelimit.Store
}

// A Load is traffic from Start until Stop.
type Load struct {
	t         testing.TB
	ctx       context.Context
	sessions  *session.Manager[string]
	refresher *refresh.Refresher[struct{}]
	tokens    *jwtauth.Verifier[struct{}]
	ring      *apikey.Ring
	limits    ratelimit.Store

	stopped     atomic.Bool
	workers     sync.WaitGroup
	unavailable atomic.Int64

	mu     sync.Mutex
	facts  []fact
	doubts []fact // those that did not hold when they were checked first
}

// A fact is what the application acknowledged: the answer to a credential.
type fact struct {
	kind   string
	status func() int // of a request with the credential
	want   int
}

// A Report is what was acknowledged and, of that, what was lost, by kind.
type Report struct {
	Acknowledged, Lost map[string]int
	Unavailable        int64 // answers with 503
}

// Losses returns the number of acknowledged facts that were lost.
func (r Report) Losses() (n int) {
	for _, lost := range r.Lost {
		n += lost
	}
	return n
}

func (r Report) String() string {
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(r.Acknowledged)) {
		fmt.Fprintf(&b, "%s: %d of %d lost; ", kind, r.Lost[kind], r.Acknowledged[kind])
	}
	return fmt.Sprintf("%s503: %d", b.String(), r.Unavailable)
}

// Duration returns how long a test sends traffic: GUARD_SOAK, such as 10m, or short.
func Duration(t testing.TB, short time.Duration) time.Duration {
	text := os.Getenv("GUARD_SOAK")
	if text == "" {
		return short
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("GUARD_SOAK: %v", err)
	}
	return d
}

const (
	workers = 8
	denied  = "denied access token"
)

// Start sends requests of eight clients, each of which pauses between its visits.
func Start(t testing.TB, s Stores, pause time.Duration) *Load {
	t.Helper()
	l := newLoad(t, s)
	for worker := range workers {
		l.workers.Go(func() {
			for n := 0; !l.stopped.Load() && !t.Failed(); n++ {
				l.visit(fmt.Sprintf("u%d-%d", worker, n), n)
				time.Sleep(pause) // other processes
			}
		})
	}
	t.Cleanup(func() { l.stopped.Store(true); l.workers.Wait() })
	return l
}

// Facts returns how much was acknowledged until now.
func (l *Load) Facts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.facts)
}

// Stop ends the traffic and checks each fact. What did not hold during the traffic must
// be lost: it is an error if it holds again.
func (l *Load) Stop() Report {
	l.t.Helper()
	l.stopped.Store(true)
	l.workers.Wait()
	r := Report{Acknowledged: map[string]int{}, Lost: map[string]int{}, Unavailable: l.unavailable.Load()}
	var mu sync.Mutex
	check := func(all []fact, checked func(f fact, holds bool)) {
		var next atomic.Int64
		var checking sync.WaitGroup
		for range workers {
			checking.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(all) && !l.t.Failed(); i = next.Add(1) - 1 {
					holds := l.answer(all[i].kind, all[i].status) == all[i].want
					mu.Lock()
					checked(all[i], holds)
					mu.Unlock()
				}
			})
		}
		checking.Wait()
	}
	check(l.doubts, func(f fact, holds bool) {
		if holds {
			l.t.Errorf("%s: it was not %d, and is again: it was not lost", f.kind, f.want)
		}
	})
	// The refresh token of an ended family denies the family's access tokens again: they
	// are checked before.
	denials, others := []fact{}, []fact{}
	for _, f := range l.facts {
		if f.kind == denied {
			denials = append(denials, f)
		} else {
			others = append(others, f)
		}
	}
	for _, all := range [][]fact{denials, others} {
		check(all, func(f fact, holds bool) {
			r.Acknowledged[f.kind]++
			if !holds {
				r.Lost[f.kind]++
			}
		})
	}
	return r
}

// acknowledged records facts.
func (l *Load) acknowledged(facts ...fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts = append(l.facts, facts...)
}

// expect checks a fact now, and records it if it does not hold.
func (l *Load) expect(f fact) bool {
	if l.answer(f.kind, f.status) == f.want {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts = append(l.facts, f)
	l.doubts = append(l.doubts, f)
	return false
}

// answer repeats a request until its status is not 503, as a client does. It is then
// 200 or 401.
func (l *Load) answer(kind string, status func() int) int {
	for end := time.Now().Add(time.Minute); ; {
		code := status()
		switch {
		case code == 200 || code == 401:
			return code
		case code != 503:
			l.t.Errorf("%s: status %d", kind, code)
			return code
		case time.Now().After(end):
			l.t.Errorf("%s: 503 for a minute", kind)
			return code
		}
		l.unavailable.Add(1)
		time.Sleep(5 * time.Millisecond) // other processes
	}
}
