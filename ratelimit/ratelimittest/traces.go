package ratelimittest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// Traces makes n random traces of takes from one to four counts at once, of every
// algorithm, with changing quotas, debts and units that are given back. The store's clock
// stands still unless Advance moves it. No take may exceed a limit, none may be refused that its limits
// grant, and every RetryAfter must be true. Traces differ if first does.
func Traces(t *testing.T, store ratelimit.Store, clock Clock, first, n int) {
	clock.Advance(time.Microsecond - time.Duration(clock.Now().Nanosecond()%1000))
	for seed := first; seed < first+n && !t.Failed(); seed++ {
		tr := &trace{
			suite: &suite{T: t, store: store, clock: clock}, rnd: rand.New(rand.NewPCG(uint64(seed), 18)),
		}
		tr.name = fmt.Sprint("trace ", seed)
		tr.run()
	}
}

// A trace is the random life of some counts.
type trace struct {
	*suite
	rnd    *rand.Rand
	name   string
	counts []*twin
	fresh  bool // Take.Fresh: without it, a refusal may be a second old
	calls  int
}

func (tr *trace) run() {
	keys := [2]string{key(), key()}
	tr.fresh = tr.rnd.IntN(2) == 0
	if n := 1 + tr.rnd.IntN(4); n > 1 {
		tr.slot = "trace"
		for i := range n {
			tr.counts = append(tr.counts, newTwin(tr.rnd, i, keys[tr.rnd.IntN(2)]))
		}
	} else {
		tr.counts = []*twin{newTwin(tr.rnd, 0, keys[0])}
	}
	for range 12 {
		tr.pass()
		tr.change()
		tr.step()
	}
}

// pass lets some time pass, in whole microseconds.
func (tr *trace) pass() {
	w := tr.counts[tr.rnd.IntN(len(tr.counts))].span()
	switch n := tr.rnd.IntN(10); {
	case n < 4: // a burst goes on
	case n < 7:
		tr.sleep(time.Duration(tr.rnd.Int64N(int64(w/8))) / 1000 * 1000)
	case n < 9:
		tr.sleep(time.Duration(tr.rnd.Int64N(int64(w))) / 1000 * 1000)
	default:
		tr.sleep(w)
	}
}

// change changes a quota, or gives back what was taken.
func (tr *trace) change() {
	c, now := tr.counts[tr.rnd.IntN(len(tr.counts))], tr.clock.Now()
	switch n := tr.rnd.IntN(12); {
	case n < 4:
		c.setQuota(tr.rnd)
	case n < 6 && len(c.log) > 0:
		i := tr.rnd.IntN(len(c.log))
		g := c.log[i].taken
		if c.limit.Algorithm != ratelimit.InFlight && tr.rnd.IntN(2) == 0 {
			g.Cost = tr.rnd.IntN(g.Cost + 1) // a part
		}
		tr.giveBack(g)
		c.restore(i, g.Cost, now)
	case n == 6:
		take := c.take(now)
		take.Fresh = tr.fresh
		tr.giveBack(ratelimit.Taken{Take: take, All: true})
		c.log, c.arrival = nil, time.Time{}
	}
}

// step takes from some of the counts, and again after the RetryAfter of one.
func (tr *trace) step() {
	tr.rnd.Shuffle(len(tr.counts), func(i, j int) { tr.counts[i], tr.counts[j] = tr.counts[j], tr.counts[i] })
	some := tr.counts[:1+tr.rnd.IntN(len(tr.counts))]
	now := tr.clock.Now()
	takes := make([]ratelimit.Take, len(some))
	for i, c := range some {
		takes[i] = c.take(now)
		takes[i].Cost, takes[i].Fresh = 1, tr.fresh
		if tr.rnd.IntN(2) == 0 {
			takes[i].Cost = tr.rnd.IntN(full(c.limit) + 1)
		}
		if c.limit.Algorithm == ratelimit.InFlight {
			tr.calls++
			takes[i].Call = fmt.Sprint(tr.name, " call ", tr.calls)
		} else if tr.rnd.IntN(12) == 0 {
			takes[i].Force, takes[i].Cost = true, 1+tr.rnd.IntN(3*c.limit.Quota)
		}
	}
	states := tr.taken(some, takes)
	if c := some[0]; tr.fresh && len(some) == 1 && states[0].RetryAfter > 0 && c.limit.Algorithm != ratelimit.InFlight && takes[0].Since.IsZero() {
		tr.sleep(states[0].RetryAfter)
		if again := tr.taken(some, takes)[0]; again.RetryAfter > 0 {
			tr.Fatalf("%s %+v: after the whole wait of %v another one of %v", tr.name, takes[0], states[0].RetryAfter, again.RetryAfter)
		}
	}
}

// taken takes, and checks the states.
func (tr *trace) taken(some []*twin, takes []ratelimit.Take) []ratelimit.State {
	states := tr.take(takes...)
	granted, now := ok(states), tr.clock.Now()
	for i, c := range some {
		if why := c.check(takes[i], states[i], granted, now); why != "" {
			tr.Fatalf("%s, granted %t, %+v: %+v: %s\nbefore it: %+v", tr.name, granted, takes[i], states[i], why, c.log)
		}
	}
	return states
}

// A twin is the slow twin of a count: it has all takes.
type twin struct {
	limit   ratelimit.Limit
	key     string
	inexact bool // a take may count for a sixteenth of the window longer
	log     []grant
	arrival time.Time // of GCRA: when the bucket is empty
}

type grant struct {
	at    time.Time
	cost  int
	taken ratelimit.Taken
	empty time.Time // arrival after the take
}

func newTwin(rnd *rand.Rand, i int, key string) *twin {
	// A multiple of each quota of GCRA, in microseconds.
	window := 720_720 * time.Microsecond * time.Duration(1+rnd.IntN(2000))
	c := &twin{key: key, limit: ratelimit.Limit{Name: fmt.Sprint("count", i), Window: window}}
	switch rnd.IntN(6) {
	case 0, 1:
		c.limit.Algorithm = ratelimit.GCRA
	case 2:
		c.limit.Algorithm = ratelimit.InFlight
	case 3:
		c.limit.Window, c.limit.Calendar = 0, ratelimit.Daily(nil)
	}
	c.setQuota(rnd)
	c.inexact = c.limit.Quota > 16
	return c
}

var dividers = [...]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 22, 24, 26, 28, 30}

func (c *twin) setQuota(rnd *rand.Rand) {
	c.inexact = true
	switch rnd.IntN(6) {
	case 0:
		c.limit.Quota = 17 + rnd.IntN(400)
	case 1:
		c.limit.Quota = 17 + rnd.IntN(14)
	default:
		c.limit.Quota = 1 + rnd.IntN(16)
	}
	if c.limit.Algorithm == ratelimit.GCRA {
		c.limit.Quota = dividers[rnd.IntN(len(dividers))]
		c.limit.Burst = rnd.IntN(2 * c.limit.Quota)
	}
}

// span is the window or the period.
func (c *twin) span() time.Duration {
	if c.limit.Window == 0 {
		return 24 * time.Hour
	}
	return c.limit.Window
}

func (c *twin) interval() time.Duration { return c.limit.Window / time.Duration(c.limit.Quota) }

func (c *twin) take(now time.Time) ratelimit.Take {
	take := ratelimit.Take{Limit: c.limit, Key: c.key}
	if c.limit.Window == 0 {
		take.Since = now.UTC().Truncate(24 * time.Hour)
		take.Until = take.Since.Add(24 * time.Hour)
	}
	return take
}

// bounds returns the units that must count, and those that may.
func (c *twin) bounds(now time.Time) (must, may int) {
	since := c.take(now).Since
	for _, g := range c.log {
		age := now.Sub(g.at)
		switch {
		case !since.IsZero():
			if g.taken.Since.Equal(since) {
				must, may = must+g.cost, may+g.cost
			}
		case age < c.limit.Window:
			must, may = must+g.cost, may+g.cost
		case c.limit.Algorithm == ratelimit.InFlight: // a store may count it until it ends
			may += g.cost
		case c.inexact && age <= c.limit.Window*17/16+16*time.Microsecond:
			may += g.cost
		}
	}
	return must, may
}

// check returns what is wrong with the state of a take, or "", and counts the take.
func (c *twin) check(take ratelimit.Take, st ratelimit.State, granted bool, now time.Time) (why string) {
	if take.Force && st.RetryAfter != 0 {
		return "a forced take was refused"
	}
	stale := !take.Fresh && st.RetryAfter > 0
	if c.limit.Algorithm == ratelimit.GCRA {
		return c.checkGCRA(take, st, granted, stale, now)
	}
	must, may := c.bounds(now)
	if needed := max(take.Cost, 1); !take.Force {
		if st.RetryAfter <= 0 && must+needed > c.limit.Quota {
			return fmt.Sprintf("not refused where %d count", must)
		}
		if st.RetryAfter > 0 && may+needed <= c.limit.Quota {
			return fmt.Sprintf("refused where at most %d count", may)
		}
	}
	if granted && take.Cost > 0 {
		must, may = must+take.Cost, may+take.Cost
		c.inexact = c.inexact || take.Force
		c.log = append(c.log, grant{at: now, cost: take.Cost, taken: ratelimit.Taken{Take: take, Stamp: st.Stamp}})
	}
	if !stale && (st.Remaining < c.limit.Quota-may || st.Remaining > max(c.limit.Quota-must, 0)) {
		return fmt.Sprintf("wrong Remaining where %d to %d count", must, may)
	}
	return ""
}

func (c *twin) checkGCRA(take ratelimit.Take, st ratelimit.State, granted, stale bool, now time.Time) (why string) {
	backlog := max(c.arrival.Sub(now), 0)
	most := time.Duration(full(c.limit)) * c.interval()
	wait := max(backlog+time.Duration(max(take.Cost, 1))*c.interval()-most, 0)
	switch {
	case take.Force:
	case stale && wait == 0, !stale && st.RetryAfter != wait:
		return fmt.Sprintf("want RetryAfter %v", wait)
	}
	if granted && take.Cost > 0 {
		if backlog == 0 {
			c.log = nil // they have drained, and need not be given back
		}
		backlog += time.Duration(take.Cost) * c.interval()
		c.arrival = now.Add(backlog)
		c.log = append(c.log, grant{at: now, cost: take.Cost, taken: ratelimit.Taken{Take: take, Stamp: st.Stamp}, empty: c.arrival})
	}
	if want := int(max(most-backlog, 0) / c.interval()); !stale && (st.Remaining != want || st.Reset != backlog) {
		return fmt.Sprintf("want %d remaining, and Reset %v", want, backlog)
	}
	return ""
}

// restore gives back cost of a take, which is the last time for it.
func (c *twin) restore(i, cost int, now time.Time) {
	g := &c.log[i]
	switch {
	case c.limit.Algorithm == ratelimit.GCRA:
		interval := g.taken.Limit.Window / time.Duration(g.taken.Limit.Quota)
		undrained := min(time.Duration(cost)*interval, g.empty.Sub(now), c.arrival.Sub(now))
		c.arrival = c.arrival.Add(-max(undrained, 0))
		c.log = append(c.log[:i], c.log[i+1:]...)
	case c.limit.Algorithm == ratelimit.InFlight, cost == g.cost && now.Sub(g.at) < c.span():
		c.log = append(c.log[:i], c.log[i+1:]...)
	case now.Sub(g.at) < c.span():
		g.cost -= cost
		g.taken.Cost = 0 // nothing of it is given back again
	}
}
