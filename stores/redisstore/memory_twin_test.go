package redisstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// TestRateLimitsAreAsMemory: in 100,000 random steps, Redis answers as a
// ratelimit.Memory does.
func TestRateLimitsAreAsMemory(t *testing.T) {
	k := newClocked(t)
	const parallel, each = 50, 2000
	start := time.Unix(0, (time.Now().Add(time.Hour).UnixNano()/1e15+1)*1e15) // both count in intervals that begin then
	var wg sync.WaitGroup
	for i := range parallel {
		clock := &harness.Clock{Time: start}
		memory, err := ratelimit.NewMemory(&ratelimit.MemoryOptions{Now: clock.Now, Max: 1 << 12})
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(333 * time.Microsecond) // no step is at the end of an interval
		ticks := &harness.Clock{Time: start}  // so that no refusal is cached
		redis := k.at(clock, func() time.Time { ticks.Advance(time.Second); return ticks.Now() })
		tw := &twins{t, rand.New(rand.NewPCG(18, uint64(i))), clock, memory, redis, randomCounts(i), nil}
		wg.Go(func() {
			for n := 0; n < each && !t.Failed(); n++ {
				tw.step()
			}
		})
	}
	wg.Wait()
}

type twins struct {
	*testing.T
	rnd           *rand.Rand
	clock         *harness.Clock
	memory, redis ratelimit.Store
	counts        []ratelimit.Take
	log           [][2]ratelimit.Taken // in memory, and in Redis
}

// randomCounts returns takes of counts whose quotas may change within a few.
func randomCounts(i int) (takes []ratelimit.Take) {
	for n, l := range []ratelimit.Limit{
		{Name: "exact", Window: 160 * time.Second}, {Name: "exact2", Window: 64 * time.Second},
		{Name: "counted", Window: 320 * time.Second}, {Name: "counted2", Window: 16 * time.Second},
		{Name: "gcra", Window: 720_720 * time.Millisecond, Algorithm: ratelimit.GCRA},
		{Name: "gcra2", Window: 36_036 * time.Millisecond, Algorithm: ratelimit.GCRA},
		{Name: "day", Calendar: ratelimit.Daily(nil)},
		{Name: "flight", Window: 366 * 24 * time.Hour, Algorithm: ratelimit.InFlight}, // Memory has no leases
	} {
		takes = append(takes, ratelimit.Take{Limit: l, Key: fmt.Sprint("key", i, n%3), Slot: "slot", Fresh: i%3 == 0})
	}
	return takes
}

func (tw *twins) step() {
	switch n := tw.rnd.IntN(12); {
	case n < 3:
		tw.clock.Advance(time.Duration(tw.rnd.IntN(2000)) * time.Millisecond)
	case n == 3:
		tw.clock.Advance(time.Duration(tw.rnd.IntN(200)) * time.Second)
	case n < 7 && len(tw.log) > 0:
		tw.giveBack()
		return
	}
	tw.rnd.Shuffle(len(tw.counts), func(i, j int) { tw.counts[i], tw.counts[j] = tw.counts[j], tw.counts[i] })
	takes := make([]ratelimit.Take, 1+max(tw.rnd.IntN(6)-3, 0))
	for i := range takes {
		takes[i] = tw.take(tw.counts[i])
	}
	inMemory, err := tw.memory.Take(tw.Context(), takes)
	if err != nil {
		tw.Error(err)
		return
	}
	inRedis, err := tw.redis.Take(tw.Context(), takes)
	if err != nil {
		tw.Error(err)
		return
	}
	granted := true
	for i := range takes {
		m, r := inMemory[i], inRedis[i]
		granted = granted && m.RetryAfter <= 0
		if m.Stamp, r.Stamp = 0, 0; m != r {
			tw.Errorf("%+v at %v: memory %+v, Redis %+v", takes[i], tw.clock.Now(), m, r)
		}
	}
	for i, t := range takes {
		if granted && t.Cost > 0 {
			if t.Limit.Algorithm == ratelimit.GCRA && inMemory[i].Reset == time.Duration(t.Cost)*t.Limit.Window/time.Duration(t.Limit.Quota) {
				// The bucket was empty. Memory may give back what has drained.
				tw.log = slices.DeleteFunc(tw.log, func(both [2]ratelimit.Taken) bool { return both[0].Limit.Name == t.Limit.Name })
			}
			tw.log = append(tw.log, [2]ratelimit.Taken{{Take: t, Stamp: inMemory[i].Stamp}, {Take: t, Stamp: inRedis[i].Stamp}})
		}
	}
	if len(tw.log) > 40 {
		tw.log = tw.log[20:]
	}
}

// take returns a random take of a count.
func (tw *twins) take(t ratelimit.Take) ratelimit.Take {
	t.Limit.Quota = 1 + tw.rnd.IntN(16)
	force := tw.rnd.IntN(20) == 0
	switch {
	case t.Limit.Algorithm == ratelimit.GCRA:
		t.Limit.Burst = tw.rnd.IntN(20)
	case t.Limit.Algorithm == ratelimit.InFlight:
		t.Call = fmt.Sprint("call", tw.rnd.Uint64())
		force = false
	case t.Limit.Window == 0:
		t.Since = tw.clock.Now().UTC().Truncate(24 * time.Hour)
		t.Until = t.Since.Add(24 * time.Hour)
	case t.Limit.Name[0] == 'c':
		t.Limit.Quota = 17 + tw.rnd.IntN(300)
	default: // in memory a debt makes a log of single takes one of sixteenths
		force = false
	}
	most := t.Limit.Quota
	if t.Limit.Burst > 0 {
		most = t.Limit.Burst
	}
	t.Cost = min(tw.rnd.IntN(most/3+2), most)
	t.Force = force
	return t
}

// giveBack gives back a take, a part of it, or all takes of its count.
func (tw *twins) giveBack() {
	i := tw.rnd.IntN(len(tw.log))
	both := tw.log[i]
	tw.log = append(tw.log[:i], tw.log[i+1:]...)
	cost, all := both[0].Cost, tw.rnd.IntN(30) == 0
	if both[0].Limit.Algorithm != ratelimit.InFlight && tw.rnd.IntN(2) == 0 {
		cost = tw.rnd.IntN(cost + 1)
	}
	for i, store := range []ratelimit.Store{tw.memory, tw.redis} {
		both[i].Cost, both[i].All = cost, all
		if err := store.GiveBack(tw.Context(), both[i:i+1]); err != nil {
			tw.Error(err)
		}
	}
	if all {
		tw.log = nil
	}
}
