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
// no test uses a key of another one. clock is that of the store; if nil, it is the
// real one, Run takes some seconds, and a test that fails after the machine stalled
// runs again.
func Run(t *testing.T, open func(t *testing.T) ratelimit.Store, clock Clock) {
	if clock == nil {
		clock = realClock{}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(&suite{T: t, store: open(t), clock: clock}) })
	}
	for _, tt := range timedTests {
		t.Run(tt.name, func(t *testing.T) { try(t, tt.run, open, clock) })
	}
}

type test struct {
	name string
	run  func(*suite)
}

var tests = []test{
	{"Quota", quota},
	{"LargeQuota", largeQuota},
	{"RefusedTakesDoNotCount", refusedTakes},
	{"AllOrNothing", allOrNothing},
	{"SixteenLimits", sixteenLimits},
	{"Cost", cost},
	{"CostZeroTakesNothing", costZero},
	{"SeparateCounts", separateCounts},
	{"GiveBack", giveBack},
	{"GiveBackOnlyOne", giveBackOne},
	{"GiveBackInAnyOrder", giveBackInAnyOrder},
	{"GiveBackUnknown", giveBackUnknown},
	{"GiveBackAfterReset", giveBackAfterReset},
	{"Parallel", parallel},
	{"ParallelAllOrNothing", parallelAllOrNothing},
	{"ChangingQuota", changingQuota},
	{"AlternatingQuota", alternatingQuota},
	{"RaisedQuota", raisedQuota},
	{"ChangingRate", changingRate},
	{"GiveBackAcrossQuotas", giveBackAcrossQuotas},
	{"GiveBackPart", giveBackPart},
	{"Debt", debt},
	{"DebtOfSome", debtOfSome},
	{"SeveralKeys", severalKeys},
	{"Calendar", calendar},
	{"PeriodsOfPlans", periodsOfPlans},
	{"InFlight", inFlight},
	{"ParallelInFlight", parallelInFlight},
}

// timedTests measure time.
var timedTests = []test{
	{"GCRA", gcra},
	{"RetryAfterIsTrue", retryAfterIsTrue},
	{"SlidingWindowIsNotFixed", notFixed},
	{"GiveBackExpired", giveBackExpired},
	{"GiveBackAll", giveBackAll},
	{"RandomTraces", randomTraces},
	{"ChangingQuotaExpires", changingQuotaExpires},
	{"DebtEnds", debtEnds},
	{"PeriodEnds", periodEnds},
	{"Lease", lease},
}

// A Clock is that of a store under test.
type Clock interface {
	Now() time.Time
	// Advance returns when d has passed.
	Advance(d time.Duration)
}

type realClock struct{}

func (realClock) Now() time.Time          { return time.Now() }
func (realClock) Advance(d time.Duration) { time.Sleep(d) }

type suite struct {
	*testing.T
	store ratelimit.Store
	clock Clock
	slot  string // of all takes

	tries   int // that follow this one
	began   time.Time
	slept   time.Duration
	stalled bool
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
	for i := range takes {
		takes[i].Slot = s.slot
	}
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
	for i := range taken {
		taken[i].Slot = s.slot
	}
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
