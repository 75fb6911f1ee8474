package ratelimit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
)

// A model is the slow twin of a store: it has all takes of one key.
type model struct {
	limit ratelimit.Limit
	log   []granted
}

type granted struct {
	at    int64
	cost  int
	taken ratelimit.Taken
}

// within returns the units that were granted in the last d. If time runs
// backwards, it stands still in the log.
func (m *model) within(now int64, d time.Duration) (sum int) {
	for _, g := range m.log {
		if g.at > now-int64(d) {
			sum += g.cost
		}
	}
	return sum
}

// exceedsGCRA reports whether more was granted than a burst and the GCRA rate.
func (m *model) exceedsGCRA() bool {
	capacity := m.limit.Quota
	if m.limit.Burst > 0 {
		capacity = m.limit.Burst
	}
	for i, a := range m.log {
		sum := 0
		for _, b := range m.log[i:] {
			sum += b.cost
			if float64(sum) > float64(capacity)+float64(b.at-a.at)*float64(m.limit.Quota)/float64(m.limit.Window)+1e-6 {
				return true
			}
		}
	}
	return false
}

// A trace is one key's random, bursty life.
type trace struct {
	*testing.T
	rnd       *rand.Rand
	clock     *harness.Clock
	store     ratelimit.Store
	backwards bool
	coarse    bool // all times are whole microseconds, at which the log is exact
	key       string
	model
}

const traces = 20_000

// TestModel: no trace sees a limit exceeded, none is refused what its limit
// grants, and every Retry-After is true.
func TestModel(t *testing.T) {
	c := harness.NewClock()
	store := newMemory(c, 0, false)
	n := traces
	if race.Enabled && testing.Short() {
		n /= 10 // it is ten times slower
	}
	for i := range n {
		runTrace(t, c, store, uint64(i), i%4 == 3)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(uint64(1), false)
	f.Add(uint64(2), true)
	c := harness.NewClock()
	store := newMemory(c, 1<<12, false) // fuzzing fills it: old traces are evicted
	f.Fuzz(func(t *testing.T, seed uint64, backwards bool) {
		c.Advance(time.Hour) // and have expired
		runTrace(t, c, store, seed, backwards)
	})
}

func runTrace(t *testing.T, c *harness.Clock, store ratelimit.Store, seed uint64, backwards bool) {
	rnd := rand.New(rand.NewPCG(seed, 26))
	tr := &trace{T: t, rnd: rnd, clock: c, store: store, key: fmt.Sprint("trace ", seed, c.Now()), backwards: backwards}
	tr.limit, tr.coarse = randomLimit(rnd), rnd.IntN(3) > 0
	if !tr.coarse {
		tr.limit.Window *= 1 + time.Duration(rnd.Int64N(100)) // hours
		tr.limit.Window--
	}
	tr.pass(rnd.Int64N(1e7))
	for range 40 {
		tr.step()
	}
	if tr.limit.Algorithm == ratelimit.GCRA && !backwards && tr.exceedsGCRA() {
		t.Fatalf("%s, %+v: more than the bound", tr.key, tr.limit)
	}
}

func randomLimit(rnd *rand.Rand) ratelimit.Limit {
	l := ratelimit.Limit{Name: "l", Quota: 1 + rnd.IntN(16)}
	l.Window = time.Millisecond + time.Duration(rnd.Int64N(100e6))*time.Microsecond
	switch rnd.IntN(4) {
	case 0:
		l.Quota += 16 + rnd.IntN([]int{60, 500, 200_000}[rnd.IntN(3)]) // counts of each width
	case 1:
		l.Algorithm = ratelimit.GCRA
		l.Burst = rnd.IntN(2 * l.Quota)
	}
	return l
}

func (tr *trace) step() {
	switch n := tr.rnd.IntN(20); {
	case n < 10: // a burst goes on
	case n < 14:
		tr.pass(tr.rnd.Int64N(int64(tr.limit.Window)/int64(tr.limit.Quota)*2 + 1000))
	case n < 17:
		tr.pass(tr.rnd.Int64N(int64(tr.limit.Window)))
	case n == 17:
		tr.pass(int64(tr.limit.Window) * int64(tr.rnd.IntN(3)))
	case n == 18 && tr.backwards:
		tr.pass(-tr.rnd.Int64N(2 * int64(tr.limit.Window)))
	case n == 19 && !tr.backwards: // an expired take may be gone
		tr.giveBack()
	}
	capacity := tr.limit.Quota
	if tr.limit.Burst > 0 {
		capacity = tr.limit.Burst
	}
	cost := 1
	if tr.rnd.IntN(3) == 0 {
		cost += tr.rnd.IntN(capacity)
	}
	wait := tr.take(cost)
	if wait > 0 && tr.rnd.IntN(3) == 0 && !tr.backwards {
		tr.clock.Advance(wait)
		if again := tr.take(cost); again > 0 {
			tr.Fatalf("%s %+v: after the whole wait of %v another one of %v", tr.key, tr.limit, wait, again)
		}
		tr.pass(0)
	}
}

// pass lets time pass.
func (tr *trace) pass(d int64) {
	d += tr.clock.UnixNano()
	if tr.coarse {
		d = (d + 999) / 1000 * 1000
	}
	tr.clock.Time = time.Unix(0, d)
}

func (tr *trace) take(cost int) (wait time.Duration) {
	now := tr.clock.UnixNano()
	if n := len(tr.log); n > 0 {
		now = max(now, tr.log[n-1].at)
	}
	take := ratelimit.Take{Limit: tr.limit, Key: tr.key, Cost: cost}
	states, err := tr.store.Take(context.Background(), []ratelimit.Take{take})
	if err != nil {
		tr.Fatal(err)
	}
	wait = states[0].RetryAfter
	sliding := tr.limit.Algorithm == ratelimit.Sliding
	sum := tr.within(now, tr.limit.Window) + cost
	switch {
	case wait <= 0:
		tr.log = append(tr.log, granted{now, cost, ratelimit.Taken{Take: take, Stamp: states[0].Stamp}})
		if sliding && sum > tr.limit.Quota {
			tr.Fatalf("%s %+v: %d granted in a window", tr.key, tr.limit, sum)
		}
	case sliding && !tr.backwards && tr.coarse:
		// Above 16 a take may count for a sixteenth of the window longer.
		if tr.limit.Quota > 16 {
			sum = tr.within(now, tr.limit.Window*17/16+17) + cost
		}
		if sum <= tr.limit.Quota {
			tr.Fatalf("%s %+v: refused at %d", tr.key, tr.limit, sum)
		}
	}
	return wait
}

// giveBack undoes a random take, as a right login does.
func (tr *trace) giveBack() {
	if len(tr.log) == 0 || tr.limit.Algorithm == ratelimit.GCRA {
		return
	}
	i := tr.rnd.IntN(len(tr.log))
	if err := tr.store.GiveBack(context.Background(), []ratelimit.Taken{tr.log[i].taken}); err != nil {
		tr.Fatal(err)
	}
	if tr.log[i].at+int64(tr.limit.Window) > tr.clock.UnixNano() { // else it had expired
		tr.log = append(tr.log[:i], tr.log[i+1:]...)
	}
}
