package ratelimittest

import (
	"testing"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// Where the clock is real, a machine that stalls for a part of a window makes a right
// store fail. So a test that measures time and fails after a stall runs again, up to
// maxTries times in all.
const (
	maxStall = 40 * time.Millisecond
	maxTries = 4
)

func try(t *testing.T, test func(*suite), open func(t *testing.T) ratelimit.Store, clock Clock) {
	for n := 1; ; n++ {
		s := &suite{T: t, store: open(t), clock: clock, began: time.Now()}
		if _, ok := clock.(realClock); ok {
			s.tries = maxTries - n
		}
		if !s.stalls(test) {
			return
		}
	}
}

// stalls runs a test, and reports whether it is to run again.
func (s *suite) stalls(test func(*suite)) (again bool) {
	defer func() {
		if again = s.stalled; again {
			_ = recover()
		}
	}()
	test(s)
	return false
}

// Fatalf ends the test, or a try of it.
func (s *suite) Fatalf(format string, args ...any) {
	s.Helper()
	if late := time.Since(s.began) - s.slept; s.tries > 0 && late > maxStall {
		s.Logf("once more, as this took %v beside its sleeps: "+format, append([]any{late}, args...)...)
		s.stalled = true
		panic("stalled")
	}
	s.T.Fatalf(format, args...)
}

func (s *suite) sleep(d time.Duration) {
	s.slept += d
	s.clock.Advance(d)
}
