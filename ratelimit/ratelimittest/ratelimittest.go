// Package ratelimittest tests implementations of ratelimit.Store.
//
//	func TestStore(t *testing.T) {
//		ratelimittest.Run(t, func(t *testing.T) ratelimit.Store { return newStore(t) }, nil)
//	}
package ratelimittest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"testing"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// tick is the tolerated difference between two clocks.
const tick = time.Millisecond

// Run tests the stores that open returns. It may return the same store each time:
// no test uses a key of another one. sleep advances the clock of the store; if
// nil, it is time.Sleep, and Run takes some seconds.
func Run(t *testing.T, open func(t *testing.T) ratelimit.Store, sleep func(time.Duration)) {
	if sleep == nil {
		sleep = time.Sleep
	}
	for _, tt := range []struct {
		name string
		test func(*suite)
	}{
		{"Quota", quota},
		{"LargeQuota", largeQuota},
		{"GCRA", gcra},
		{"RetryAfterIsTrue", retryAfterIsTrue},
		{"SlidingWindowIsNotFixed", notFixed},
		{"RefusedTakesDoNotCount", refusedTakes},
		{"AllOrNothing", allOrNothing},
		{"SixteenLimits", sixteenLimits},
		{"Cost", cost},
		{"CostZeroTakesNothing", costZero},
		{"SeparateCounts", separateCounts},
		{"GiveBack", giveBack},
		{"GiveBackOnlyOne", giveBackOne},
		{"GiveBackExpired", giveBackExpired},
		{"GiveBackUnknown", giveBackUnknown},
		{"GiveBackAll", giveBackAll},
		{"Parallel", parallel},
		{"ParallelAllOrNothing", parallelAllOrNothing},
		{"RandomTraces", randomTraces},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.test(&suite{T: t, store: open(t), sleep: sleep})
		})
	}
}

type suite struct {
	*testing.T
	store ratelimit.Store
	sleep func(time.Duration)
}

// key returns a new key in the form that stores get.
func key() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func ok(states []ratelimit.State) bool {
	for _, s := range states {
		if s.RetryAfter > 0 {
			return false
		}
	}
	return true
}

// take makes one call with all of takes.
func (s *suite) take(takes ...ratelimit.Take) []ratelimit.State {
	s.Helper()
	states, err := s.store.Take(context.Background(), takes)
	if err != nil || len(states) != len(takes) {
		s.Fatalf("Take of %d: %d states, error %v", len(takes), len(states), err)
	}
	for i, st := range states {
		if st.Remaining < 0 || st.RetryAfter < 0 || st.Reset < 0 {
			s.Fatalf("state %d has something negative: %+v", i, st)
		}
	}
	return states
}

// one takes cost and checks whether it is granted.
func (s *suite) one(l ratelimit.Limit, key string, cost int, want bool) ratelimit.State {
	s.Helper()
	states := s.take(ratelimit.Take{Limit: l, Key: key, Cost: cost})
	if ok(states) != want {
		s.Fatalf("take of %d granted: %t, want %t; %+v", cost, ok(states), want, states[0])
	}
	return states[0]
}

// remaining checks the Remaining of a take of cost 0.
func (s *suite) remaining(l ratelimit.Limit, key string, want int) {
	s.Helper()
	if st := s.take(ratelimit.Take{Limit: l, Key: key})[0]; st.Remaining != want {
		s.Fatalf("%d remaining, want %d", st.Remaining, want)
	}
}

func (s *suite) giveBack(taken ...ratelimit.Taken) {
	s.Helper()
	if err := s.store.GiveBack(context.Background(), taken); err != nil {
		s.Fatalf("GiveBack: %v", err)
	}
}

// passed sleeps for d, and a tick for the clock's rounding.
func (s *suite) passed(d time.Duration) { s.sleep(d + tick) }

// full is the largest cost that an unused key of the limit grants.
func full(l ratelimit.Limit) int {
	if l.Burst > 0 {
		return l.Burst
	}
	return l.Quota
}
