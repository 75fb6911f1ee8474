package ratelimit_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
)

// A countModel is the slow twin of a count: it has every grant.
type countModel struct {
	log      []*grant
	arrival  int64 // of a GCRA limit
	returned int64 // number of takes that were given back: with GCRA, each up to a microsecond too much
	inexact  bool  // its record may count takes in sixteenths of the window
	unclear  bool  // GCRA: it is unknown whether what was given back had drained
	life     int   // of its record
	last     int64 // when it last changed
}

// A grant is a take that was granted.
type grant struct {
	count *countModel // nil if its record was evicted
	at    int64
	cost  int // what was not given back
	taken ratelimit.Taken
	done  bool  // it was given back
	end   int64 // when it has drained, of a GCRA limit
}

// counting returns the units of a limit that were granted in the last d.
func (c *countModel) counting(l *ratelimit.Limit, now int64, d time.Duration) (sum int) {
	endless := l.Algorithm == ratelimit.InFlight || l.Calendar != ratelimit.Calendar{}
	for _, g := range c.log {
		if endless || g.at > c.latest(now)-int64(d) {
			sum += g.cost
		}
	}
	return sum
}

// latest is now or, if time ran backwards, when the count last changed.
func (c *countModel) latest(now int64) int64 { return max(now, c.last) }

// newest is now or, if time ran backwards, when the last take that counts was granted.
func (c *countModel) newest(now int64) int64 {
	for _, g := range c.log {
		if g.cost > 0 {
			now = max(now, g.at)
		}
	}
	return now
}

// end ends the takes that were granted: none of them is given back.
func (c *countModel) end() {
	for _, g := range c.log {
		g.count = nil
	}
	*c = countModel{returned: c.returned, inexact: c.inexact, unclear: c.unclear, life: c.life, last: c.last}
}

// A plan is a limit whose quota changes.
type plan struct {
	limit  ratelimit.Limit
	quotas []int
	period time.Duration // of the Calendar
}

type countName struct {
	plan  int
	key   string
	since int64
}

// A trace is a random, bursty life of a few keys.
type trace struct {
	*testing.T
	rnd       *rand.Rand
	clock     *harness.Clock
	store     *ratelimit.Memory
	evicts    bool
	denies    bool
	backwards bool
	coarse    bool // all times are whole microseconds, at which the log is exact
	keys      []string
	plans     []plan
	counts    map[countName]*countModel
	grants    []*grant
	evictions *int
}

const traces = 20_000

// TestModel: no trace sees a limit exceeded, none is refused what its limits grant,
// and every Retry-After is true: with several keys in a take, quotas that change,
// debts, takes that are given back, evictions, and time that runs backwards.
func TestModel(t *testing.T) {
	c := harness.NewClock()
	store := newMemory(c, 0, false)
	n := traces
	if race.Enabled || testing.Short() {
		n /= 10 // the race detector is ten times slower, and CI runs all without it, too
	}
	evictions := 0
	for i := range n {
		runTrace(t, c, store, uint64(i), &evictions)
	}
	if evictions < n/10 {
		t.Errorf("%d evictions in %d traces", evictions, n)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := harness.NewClock()
		runTrace(t, c, newMemory(c, 1<<12, false), seed, new(int))
	})
}

func runTrace(t *testing.T, c *harness.Clock, store *ratelimit.Memory, seed uint64, evictions *int) {
	rnd := rand.New(rand.NewPCG(seed, 26))
	tr := &trace{T: t, rnd: rnd, clock: c, store: store, counts: map[countName]*countModel{}, evictions: evictions}
	tr.backwards, tr.coarse = rnd.IntN(4) == 0, rnd.IntN(3) > 0
	keys := 1 + rnd.IntN(3)
	if kind := rnd.IntN(3); kind > 0 {
		tr.evicts, tr.denies = kind == 1, kind == 2
		tr.store = newMemory(c, 1, tr.denies) // eight records of a class
		keys = 4 + rnd.IntN(12)
	}
	for i := range keys {
		tr.keys = append(tr.keys, fmt.Sprintf("trace %d at %v, key %d", seed, c.Now(), i))
	}
	for i := range 1 + rnd.IntN(3) {
		tr.plans = append(tr.plans, tr.randomPlan(i))
	}
	tr.pass(rnd.Int64N(1e7))
	for range 40 {
		tr.step()
	}
}

func (tr *trace) randomPlan(i int) plan {
	rnd := tr.rnd
	p := plan{limit: ratelimit.Limit{Name: fmt.Sprint("plan", i)}}
	p.limit.Window = time.Millisecond + time.Duration(rnd.Int64N(100e6))*time.Microsecond
	if !tr.coarse {
		p.limit.Window *= 1 + time.Duration(rnd.Int64N(100)) // hours
		p.limit.Window--
	}
	for range 1 + rnd.IntN(3) {
		quota := 1 + rnd.IntN(16)
		if rnd.IntN(4) == 0 {
			quota += rnd.IntN([]int{60, 500, 200_000}[rnd.IntN(3)]) // counts of each width
		}
		p.quotas = append(p.quotas, quota)
	}
	switch rnd.IntN(8) {
	case 0, 1:
		p.limit.Algorithm = ratelimit.GCRA
	case 2:
		p.limit.Algorithm = ratelimit.InFlight
	case 3:
		p.period, p.limit.Window, p.limit.Calendar = p.limit.Window, 0, ratelimit.Daily(nil)
	}
	return p
}

func (tr *trace) step() {
	p := &tr.plans[tr.rnd.IntN(len(tr.plans))]
	window := int64(p.limit.Window + p.period)
	switch n := tr.rnd.IntN(20); {
	case n < 9: // a burst goes on
	case n < 13:
		tr.pass(tr.rnd.Int64N(window/int64(p.quotas[0])*2 + 1000))
	case n < 15:
		tr.pass(tr.rnd.Int64N(window))
	case n == 15:
		tr.pass(window * int64(tr.rnd.IntN(3)))
	case n == 16 && tr.backwards:
		tr.pass(-tr.rnd.Int64N(2 * window))
	case n >= 17:
		tr.giveBack()
	}
	takes, names := tr.randomTakes()
	wait, ends := tr.take(takes, names)
	if wait <= 0 || !ends || tr.backwards || tr.rnd.IntN(3) > 0 {
		return
	}
	tr.clock.Advance(wait)
	for i := range takes { // their periods are those of the new time
		tr.setPeriod(&takes[i], &names[i])
	}
	if again, _ := tr.take(takes, names); again > 0 {
		tr.Fatalf("%+v: after the whole wait of %v another one of %v", takes, wait, again)
	}
	tr.pass(0)
}

// pass lets time pass.
func (tr *trace) pass(d int64) {
	d += tr.clock.UnixNano()
	if tr.coarse {
		d = (d + 999) / 1000 * 1000
	}
	tr.clock.Time = time.Unix(0, d)
}

// randomTakes returns the takes of a call, and the names of their counts.
func (tr *trace) randomTakes() (takes []ratelimit.Take, names []countName) {
	for range 1 + max(0, tr.rnd.IntN(6)-2) {
		i, key := tr.rnd.IntN(len(tr.plans)), tr.keys[tr.rnd.IntN(len(tr.keys))]
		t, name := ratelimit.Take{Limit: tr.plans[i].limit, Key: key, Cost: 1}, countName{plan: i, key: key}
		isNew := true
		for _, other := range names {
			isNew = isNew && (other.plan != i || other.key != key)
		}
		if !isNew {
			continue
		}
		quotas := tr.plans[i].quotas
		t.Limit.Quota = quotas[tr.rnd.IntN(len(quotas))]
		if t.Limit.Algorithm == ratelimit.GCRA {
			t.Limit.Burst = tr.rnd.IntN(2) * (1 + tr.rnd.IntN(2*t.Limit.Quota))
		}
		capacity := max(t.Limit.Quota, t.Limit.Burst)
		if t.Limit.Burst > 0 {
			capacity = t.Limit.Burst
		}
		if tr.rnd.IntN(3) == 0 {
			t.Cost += tr.rnd.IntN(capacity)
		}
		if tr.rnd.IntN(12) == 0 && t.Limit.Algorithm != ratelimit.InFlight && !tr.denies { // else there may be no slot for a debt
			t.Force, t.Cost = true, 1+tr.rnd.IntN(2*capacity+20)
		} else if tr.rnd.IntN(12) == 0 {
			t.Cost = 0
		}
		tr.setPeriod(&t, &name)
		takes, names = append(takes, t), append(names, name)
	}
	return takes, names
}

func (tr *trace) setPeriod(t *ratelimit.Take, name *countName) {
	if p := tr.plans[name.plan].period; p > 0 {
		t.Since = tr.clock.Now().Truncate(p)
		t.Until = t.Since.Add(p)
		name.since = t.Since.UnixNano()
	}
}

func (tr *trace) count(name countName) *countModel {
	c := tr.counts[name]
	if c == nil {
		c = &countModel{}
		tr.counts[name] = c
	}
	return c
}

// findEvicted clears the count of a take if its record is gone.
func (tr *trace) findEvicted(t *ratelimit.Take, c *countModel, now int64) {
	life, found := ratelimit.Life(tr.store, t)
	counts := c.counting(&t.Limit, now, t.Limit.Window) > 0 && (t.Until.IsZero() || t.Until.UnixNano() > now)
	if t.Limit.Algorithm == ratelimit.GCRA && !c.unclear {
		counts = c.arrival > now+1000*c.returned
	}
	if !counts || found && life == c.life {
		return
	}
	if !tr.evicts && !tr.backwards && !c.unclear { // a record that has expired may be gone when time runs backwards
		tr.Fatalf("%+v: the record of a count is gone", t)
	}
	*tr.evictions++
	c.end()
}

// take makes a call and checks its answer. ends is whether the wait has a known end.
func (tr *trace) take(takes []ratelimit.Take, names []countName) (wait time.Duration, ends bool) {
	now := tr.clock.UnixNano()
	for i := range takes {
		tr.findEvicted(&takes[i], tr.count(names[i]), now)
	}
	states, err := tr.store.Take(tr.Context(), takes)
	if err != nil {
		tr.Fatal(err)
	}
	ends = true
	for i := range states {
		wait = max(wait, states[i].RetryAfter)
		ends = ends && (states[i].RetryAfter <= 0 || takes[i].Limit.Algorithm != ratelimit.InFlight)
	}
	for i := range takes {
		c, t, s := tr.count(names[i]), &takes[i], &states[i]
		c.inexact = c.inexact || t.Limit.Quota > 16 || t.Force
		life, found := ratelimit.Life(tr.store, t)
		if wait <= 0 && (!found || life != c.life) { // it is new, or it was evicted for another one of the call
			tr.findEvicted(t, c, now)
			if found {
				c.life = life
			} else if t.Cost > 0 {
				continue
			}
		}
		if t.Limit.Algorithm == ratelimit.GCRA {
			tr.checkGCRA(t, s, c, wait <= 0, now)
		} else {
			tr.check(t, s, c, wait <= 0, now)
		}
		if wait <= 0 && t.Cost > 0 {
			c.last = c.latest(now)
			g := &grant{count: c, at: c.newest(now), cost: t.Cost, taken: ratelimit.Taken{Take: *t, Stamp: s.Stamp}, end: c.arrival}
			c.log, tr.grants = append(c.log, g), append(tr.grants, g)
		}
	}
	return wait, ends
}

func (tr *trace) check(t *ratelimit.Take, s *ratelimit.State, c *countModel, granted bool, now int64) {
	l := &t.Limit
	sum := c.counting(l, now, l.Window)
	if granted {
		sum += t.Cost
		if sum > l.Quota && t.Cost > 0 && !t.Force {
			tr.Fatalf("%+v: %d granted", t, sum)
		}
	}
	if s.Remaining > max(l.Quota-sum, 0) {
		tr.Fatalf("%+v: %d remaining of %d where %d count", t, s.Remaining, l.Quota, sum)
	}
	if s.RetryAfter <= 0 || tr.backwards || !tr.coarse || tr.denies {
		return
	}
	window := l.Window
	if c.inexact { // a take may count for a sixteenth of the window longer
		window += window/16 + 17
	}
	sum = c.counting(l, now, window+time.Microsecond) // to which a log rounds up
	if sum+max(t.Cost, 1) <= l.Quota || t.Force {
		tr.Fatalf("%+v: refused at %d: %+v", t, sum, s)
	}
}

func (tr *trace) checkGCRA(t *ratelimit.Take, s *ratelimit.State, c *countModel, granted bool, now int64) {
	l := &t.Limit
	interval := (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
	burst := interval * int64(l.Quota)
	if l.Burst > 0 {
		burst = interval * int64(l.Burst)
	}
	backlog := max(c.arrival-now, 0)
	if c.unclear = c.unclear || 0 < backlog && backlog <= 1000*c.returned; c.unclear {
		return
	}
	if s.RetryAfter > 0 && !tr.denies && !tr.backwards && (t.Force || backlog+int64(max(t.Cost, 1))*interval <= burst-1000*c.returned) {
		tr.Fatalf("%+v: refused with a backlog of %d: %+v", t, backlog, s)
	}
	if granted && t.Cost > 0 {
		if backlog == 0 { // what was taken before has drained
			c.end()
		}
		backlog += int64(t.Cost) * interval
		if backlog > burst+1000*c.returned && !t.Force {
			tr.Fatalf("%+v: granted up to a backlog of %d", t, backlog)
		}
		c.arrival = now + backlog
	}
	if int64(s.Remaining) > max(burst+1000*c.returned-backlog, 0)/interval {
		tr.Fatalf("%+v: %d remaining with a backlog of %d", t, s.Remaining, backlog)
	}
}

// giveBack undoes a few random takes, or a part of each, as right logins do.
func (tr *trace) giveBack() {
	var taken []ratelimit.Taken
	now := tr.clock.UnixNano()
	for range min(len(tr.grants), 1+tr.rnd.IntN(3)) {
		g := tr.grants[tr.rnd.IntN(len(tr.grants))]
		if g.done {
			continue
		}
		g.done = true
		t := g.taken
		if c := g.count; c != nil {
			tr.findEvicted(&t.Take, c, now)
		}
		if tr.rnd.IntN(2) == 0 {
			t.Cost = 1 + tr.rnd.IntN(t.Cost)
		}
		taken = append(taken, t)
		if c := g.count; c != nil { // it was not evicted
			if t.Limit.Algorithm != ratelimit.Sliding || t.Limit.Window == 0 || g.at+int64(t.Limit.Window) > now { // nor expired
				g.cost -= t.Cost
			}
			c.last = c.latest(now)
			interval := (int64(t.Limit.Window) + int64(t.Limit.Quota) - 1) / int64(t.Limit.Quota)
			c.arrival -= max(min(int64(t.Cost)*interval, g.end-now, c.arrival-now), 0)
			c.returned++
		}
	}
	if err := tr.store.GiveBack(tr.Context(), taken); err != nil {
		tr.Fatal(err)
	}
}
