package ratelimittest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// inParallel runs f n times in parallel.
func inParallel(n int, f func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func parallel(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		want, k := int64(full(l)), key()
		var granted atomic.Int64
		inParallel(64, func(int) {
			for range 4 {
				states, err := s.store.Take(context.Background(), []ratelimit.Take{{Limit: l, Key: k, Cost: 1}})
				if err != nil {
					s.Error(err)
				} else if ok(states) {
					granted.Add(1)
				}
			}
		})
		if got := granted.Load(); got != want {
			s.Errorf("%s: %d of 256 parallel takes were granted, want %d", l.Name, got, want)
		}
	}
}

// parallelAllOrNothing: in any order of the limits in a call, takes are all or
// nothing, and none hangs.
func parallelAllOrNothing(s *suite) {
	s.slot = "slot"
	a, b := key(), key()
	var granted atomic.Int64
	inParallel(32, func(i int) {
		takes := []ratelimit.Take{{Limit: hundred, Key: a, Cost: 1, Slot: s.slot}, {Limit: five, Key: b, Cost: 1, Slot: s.slot}}
		if i%2 == 0 {
			takes[0], takes[1] = takes[1], takes[0]
		}
		states, err := s.store.Take(context.Background(), takes)
		if err != nil {
			s.Error(err)
		} else if ok(states) {
			granted.Add(1)
		}
	})
	if got := granted.Load(); got != 5 {
		s.Errorf("%d were granted, want 5", got)
	}
	s.remaining(hundred, a, 95)
	s.remaining(five, b, 0)
}

// randomTraces: no trace is granted more than a quota in any window by the test's
// clock, which reads a time before and after each take.
func randomTraces(s *suite) {
	rnd := rand.New(rand.NewPCG(1, 2))
	type grant struct {
		after time.Time // it was granted later than this
		cost  int
	}
	for _, l := range []ratelimit.Limit{quick, quick20} {
		k := key()
		var log []grant
		for range 60 {
			if rnd.IntN(3) == 0 {
				s.sleep(time.Duration(rnd.Int64N(int64(l.Window / 8))))
			}
			c := 1 + rnd.IntN(2)
			before := s.clock.Now()
			st := s.take(ratelimit.Take{Limit: l, Key: k, Cost: c})
			after := s.clock.Now()
			if !ok(st) {
				continue
			}
			sum := c
			for _, g := range log {
				if after.Sub(g.after) < l.Window-tick {
					sum += g.cost
				}
			}
			if sum > l.Quota {
				s.Fatalf("%s: %d granted within %v", l.Name, sum, l.Window)
			}
			log = append(log, grant{before, c})
		}
	}
}
