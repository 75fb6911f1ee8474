// Package oncetest tests implementations of [once.Store].
//
//	func TestStore(t *testing.T) {
//		oncetest.Run(t, func(t *testing.T) once.Store { return open(t) }, nil)
//	}
package oncetest

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/once"
)

// A Clock is that of a store under test.
type Clock interface {
	Now() time.Time
	// Advance returns when d has passed.
	Advance(d time.Duration)
}

type realClock struct{}

func (realClock) Now() time.Time          { return time.Now() }
func (realClock) Advance(d time.Duration) { time.Sleep(d) }

// Run runs each case in a subtest. open returns a store, which need not be empty: no two
// cases use the same keys. If clock is nil, the store has the real time: then no case
// waits until a key is forgotten, so that a store without once.Slack passes, and the leases
// that run out last a quarter of a second. A case that fails logs the rule that it tests.
func Run(t *testing.T, open func(t *testing.T) once.Store, clock Clock) {
	s := suite{clock: clock, real: clock == nil}
	if s.real {
		s.clock = realClock{}
	}
	for _, c := range []struct {
		name string
		run  func(suite)
		rule string // what a store that fails it does not keep
	}{
		{"Take", take, "Take is true once for a key, and false until its time"},
		{"TakeOfThePast", takePast, "Take until a time that is past is false, and remembers nothing"},
		{"TakeAgainAfterItsTime", takeAgain, "a key is remembered for once.Slack longer than its time, and then forgotten"},
		{"FarFuture", farFuture, "a time may be as late as a token's exp, after the year 9999"},
		{"ParallelTakes", parallelTakes, "of Takes at once, one is true"},
		{"Lease", lease, "a key is Busy during a lease, Done after its Commit until the time of that, and then First again; each lease has a Holder of its own"},
		{"Release", release, "a Release ends its own lease alone, and a Commit after it is once.ErrLost if there is another lease"},
		{"LeaseRunsOut", runsOut, "a lease that ran out can be committed while no other caller has acquired the key"},
		{"LostLease", lost, "once another caller has acquired the key, Commit of the old lease is once.ErrLost, and its Release does nothing"},
		{"CommitAgain", commitAgain, "a Commit may be repeated"},
		{"CommitOfThePast", commitPast, "a key that was committed until a past time is Done for once.Slack"},
		{"WrongLeases", wrongLeases, "a lease that is not positive is an error, and so is a negative step; a nanosecond is a lease"},
		{"ParallelLeases", parallelLeases, "of Acquires at once, one is First"},
		{"Advance", advance, "Advance is true for larger steps alone, of 63 bits, and false until a past time"},
		{"AdvanceAgainAfterItsTime", advanceAgain, "an Advance with an earlier time does not shorten how long the step is remembered"},
		{"ParallelSteps", parallelSteps, "of Advances to one step at once, one is true"},
		{"OtherMethods", others, "a key that one of Take, leases and Advance has used is done for the others: Take and Advance are false, Acquire is Done, and Commit of a lease that the key never had is once.ErrLost"},
		{"ContextThatHasEnded", ended, "a call whose context has ended may fail, and then its result is not true or First"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s
			s.T, s.store = t, open(t)
			harness.Rule(t, c.rule)
			c.run(s)
		})
	}
}

type suite struct {
	*testing.T
	store once.Store
	clock Clock
	real  bool
}

func key() (k [32]byte) {
	rand.Read(k[:])
	return k
}

// in returns the time after d.
func (s suite) in(d time.Duration) time.Time { return s.clock.Now().Add(d) }

// afterSlack advances the clock until what is remembered for d is forgotten.
func (s suite) afterSlack(d time.Duration) {
	if s.real {
		s.Skip("skipped from here: this waits a minute for once.Slack. A store whose clock is the test's is tested at once: see Run")
	}
	s.clock.Advance(d + once.Slack + time.Second)
}

func (s suite) take(want bool, k [32]byte, until time.Time) {
	s.Helper()
	if first, err := s.store.Take(s.Context(), k, until); err != nil || first != want {
		s.Errorf("Take = %t, %v; want %t", first, err, want)
	}
}

func (s suite) acquire(want once.State, k [32]byte, d time.Duration) once.Lease {
	s.Helper()
	l, state, err := s.store.Acquire(s.Context(), k, d)
	if err != nil || state != want {
		s.Errorf("Acquire = %v, %v; want %v", state, err, want)
	}
	if err == nil && state == once.First && l.Key != k {
		s.Error("the lease is of another key")
	}
	return l
}

func (s suite) commit(want error, l once.Lease, until time.Time) {
	s.Helper()
	if err := s.store.Commit(s.Context(), l, until); !errors.Is(err, want) {
		s.Errorf("Commit = %v, want %v", err, want)
	}
}

func (s suite) release(l once.Lease) {
	s.Helper()
	if err := s.store.Release(s.Context(), l); err != nil {
		s.Errorf("Release = %v", err)
	}
}

func (s suite) advance(want bool, k [32]byte, step int64, until time.Time) {
	s.Helper()
	if ok, err := s.store.Advance(s.Context(), k, step, until); err != nil || ok != want {
		s.Errorf("Advance to %d = %t, %v; want %t", step, ok, err, want)
	}
}

func take(s suite) {
	k := key()
	s.take(true, k, s.in(time.Hour))
	s.take(false, k, s.in(time.Hour))
	s.take(false, k, s.in(-time.Hour))
	s.take(true, key(), s.in(time.Hour))
}

func takePast(s suite) {
	k := key()
	s.take(false, k, s.in(-time.Second))
	s.take(false, k, time.Time{})
	s.take(true, k, s.in(time.Hour))
	s.take(false, k, s.in(time.Hour))
}

func takeAgain(s suite) {
	k := key()
	s.take(true, k, s.in(time.Hour))
	s.take(true, key(), s.in(2*time.Hour))
	if !s.real {
		s.clock.Advance(time.Hour)
		s.take(false, k, s.in(time.Hour)) // the clock of another process may be behind
	}
	s.afterSlack(0)
	s.take(true, k, s.in(time.Hour))
	s.take(false, k, s.in(time.Hour))
}

// The exp of a token may be as late as 9999, or later.
func farFuture(s suite) {
	for _, until := range []time.Time{time.Unix(253402300799, 0), time.Unix(1<<40, 0), time.Unix(math.MaxInt64/1000-1, 0), time.Unix(math.MaxInt64/1000, 0), time.Unix(1<<62, 0)} {
		k := key()
		s.take(true, k, until)
		s.take(false, k, until)
		k = key()
		s.commit(nil, s.acquire(once.First, k, time.Hour), until)
		s.acquire(once.Done, k, time.Hour)
		k = key()
		s.advance(true, k, 1, until)
		s.advance(false, k, 1, until)
	}
}

// parallel calls f 64 times at the same time, and returns how often it was true.
func (s suite) parallel(f func() (bool, error)) int64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 64 {
		wg.Go(func() {
			<-start
			ok, err := f()
			if err != nil {
				s.Error(err)
			}
			if ok {
				n.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return n.Load()
}

func parallelTakes(s suite) {
	k, until := key(), s.in(time.Hour)
	if n := s.parallel(func() (bool, error) { return s.store.Take(s.Context(), k, until) }); n != 1 {
		s.Errorf("%d of 64 are the first", n)
	}
}

func lease(s suite) {
	k := key()
	l := s.acquire(once.First, k, time.Hour)
	s.acquire(once.Busy, k, time.Hour)
	other := s.acquire(once.First, key(), time.Hour)
	if l.Holder == other.Holder || l.Holder == [12]byte{} {
		s.Error("two leases have the same holder, or it is zero")
	}
	s.commit(nil, l, s.in(time.Hour))
	s.acquire(once.Done, k, time.Hour)
	s.release(l) // of a committed lease
	s.acquire(once.Done, k, time.Hour)
	s.afterSlack(time.Hour)
	s.acquire(once.First, k, time.Hour)
}

func release(s suite) {
	k := key()
	l := s.acquire(once.First, k, time.Hour)
	s.release(l)
	second := s.acquire(once.First, k, time.Hour)
	s.release(l) // that is not the second's
	s.acquire(once.Busy, k, time.Hour)
	s.commit(once.ErrLost, l, s.in(time.Hour))
	s.acquire(once.Busy, k, time.Hour)
	s.commit(nil, second, s.in(time.Hour))
	s.acquire(once.Done, k, time.Hour)
}

// short is a lease that runs out, and past is when it has.
const short, past = 250 * time.Millisecond, 300 * time.Millisecond

// A lease that ran out without another one since is committed.
func runsOut(s suite) {
	k := key()
	l := s.acquire(once.First, k, short)
	s.clock.Advance(past)
	s.commit(nil, l, s.in(time.Hour))
	s.acquire(once.Done, k, time.Hour)

	k = key()
	l = s.acquire(once.First, k, short)
	s.clock.Advance(past)
	s.release(l)
	s.acquire(once.First, k, time.Hour)
}

func lost(s suite) {
	k := key()
	l := s.acquire(once.First, k, short)
	s.clock.Advance(past)
	second := s.acquire(once.First, k, time.Hour)
	s.commit(once.ErrLost, l, s.in(time.Hour))
	s.release(l)
	s.acquire(once.Busy, k, time.Hour)
	s.commit(nil, second, s.in(time.Hour))
	s.commit(once.ErrLost, l, s.in(time.Hour))
	s.acquire(once.Done, k, time.Hour)
}

// A Commit whose answer was lost is repeated.
func commitAgain(s suite) {
	k := key()
	l := s.acquire(once.First, k, time.Hour)
	s.commit(nil, l, s.in(time.Hour))
	s.commit(nil, l, s.in(time.Hour))
	s.acquire(once.Done, k, time.Hour)
}

// A key that was committed is done, also if its time is past.
func commitPast(s suite) {
	k := key()
	s.commit(nil, s.acquire(once.First, k, time.Hour), s.in(-time.Hour))
	s.acquire(once.Done, k, time.Hour)
	s.afterSlack(0)
	s.acquire(once.First, k, time.Hour)
}

func wrongLeases(s suite) {
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		k := key()
		if _, state, err := s.store.Acquire(s.Context(), k, d); err == nil || state == once.First {
			s.Errorf("a lease of %v: %v, %v", d, state, err)
		}
		s.acquire(once.First, k, time.Hour)
	}
	if l, state, err := s.store.Acquire(s.Context(), key(), 1); err != nil || state != once.First || l.Holder == [12]byte{} {
		s.Errorf("a lease of a nanosecond: %v, %v", state, err)
	}
	if ok, err := s.store.Advance(s.Context(), key(), -1, s.in(time.Hour)); ok || err == nil {
		s.Errorf("a negative step: %t, %v", ok, err)
	}
}

func parallelLeases(s suite) {
	k := key()
	if n := s.parallel(func() (bool, error) {
		_, state, err := s.store.Acquire(s.Context(), k, time.Hour)
		return state == once.First, err
	}); n != 1 {
		s.Errorf("%d of 64 are the first", n)
	}
}

func advance(s suite) {
	k := key()
	until := s.in(time.Hour)
	s.advance(true, k, 5, until)
	s.advance(false, k, 5, until)
	s.advance(false, k, 4, until)
	s.advance(false, k, 0, until)
	s.advance(true, k, 6, until)
	s.advance(false, k, 5, until)
	s.advance(true, k, 1<<53, until)
	s.advance(true, k, 1<<53+1, until) // no float64
	s.advance(false, k, 1<<53+1, until)
	s.advance(true, k, math.MaxInt64, until)
	s.advance(false, k, math.MaxInt64, until)
	k = key()
	s.advance(true, k, 0, until)
	s.advance(false, k, 0, until)
	k = key()
	s.advance(true, k, 9, until)
	s.advance(true, k, 10, until) // not as text
	s.advance(false, key(), 1, s.in(-time.Second))
}

// A step with an earlier time does not shorten that of the one before.
func advanceAgain(s suite) {
	k := key()
	s.advance(true, k, 5, s.in(2*time.Hour))
	s.advance(true, k, 6, s.in(time.Hour))
	s.afterSlack(time.Hour)
	s.advance(false, k, 5, s.in(time.Hour))
	s.clock.Advance(time.Hour)
	s.advance(true, k, 5, s.in(time.Hour))
}

func parallelSteps(s suite) {
	k, until := key(), s.in(time.Hour)
	if n := s.parallel(func() (bool, error) { return s.store.Advance(s.Context(), k, 7, until) }); n != 1 {
		s.Errorf("%d of 64 took one step", n)
	}
}

// What one method remembers, the others find done.
func others(s suite) {
	until := s.in(time.Hour)
	taken, leased, done, stepped := key(), key(), key(), key()
	s.take(true, taken, until)
	l := s.acquire(once.First, leased, time.Hour)
	s.commit(nil, s.acquire(once.First, done, time.Hour), until)
	s.advance(true, stepped, 1, until)
	for _, k := range [][32]byte{leased, done, stepped} {
		s.take(false, k, until)
	}
	for _, k := range [][32]byte{taken, leased, done} {
		s.advance(false, k, math.MaxInt64, until)
	}
	for _, k := range [][32]byte{taken, stepped} {
		s.acquire(once.Done, k, time.Hour)
		s.commit(once.ErrLost, once.Lease{Key: k, Holder: l.Holder}, until)
		s.release(once.Lease{Key: k})
		s.release(once.Lease{Key: k, Holder: l.Holder})
	}
	s.take(false, taken, until)
	s.advance(false, stepped, 1, until)
	s.commit(nil, l, until)
}

// A call whose context has ended may fail, and then is never the first.
func ended(s suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if first, err := s.store.Take(ctx, key(), s.in(time.Hour)); err != nil && first {
		s.Errorf("Take = %t, %v", first, err)
	}
	if _, state, err := s.store.Acquire(ctx, key(), time.Hour); err != nil && state == once.First {
		s.Errorf("Acquire = %v, %v", state, err)
	}
	if ok, err := s.store.Advance(ctx, key(), 1, s.in(time.Hour)); err != nil && ok {
		s.Errorf("Advance = %t, %v", ok, err)
	}
}
