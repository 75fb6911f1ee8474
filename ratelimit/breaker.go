package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A breaker bounds the calls of a store, or of one of its shards. It abandons slow
// calls. After some failures in a row it is open for a second; then a few calls a
// second, the probes, go through, until one of them succeeds.
type breaker struct {
	timeout time.Duration
	now     func() time.Time

	mu        sync.Mutex
	period    int // in which the breaker is open or is not; only calls admitted in it count
	failures  int // in a row
	abandoned int // calls that were abandoned and still run
	lost      int // of them, those that maxAbandoned does not count
	probed    time.Time
	probes    int // that are still admitted in the interval that began at probed
}

const (
	defaultTimeout = 250 * time.Millisecond // a round trip, and the 200 ms after which Linux sends a lost packet again
	callFor        = time.Second            // how long a call has, whether or not it was abandoned
	breakAfter     = 5
	probeEvery     = time.Second
	maxProbes      = 16 // a single one would fail for each connection that a firewall has dropped
	manyAbandoned  = 64 // from here on there is one probe a second: it may never return, either
	maxAbandoned   = 256
	slowProbeEvery = 15 * time.Second // from maxAbandoned on
)

var (
	// errOpen is the failure of a call that was not made.
	errOpen = errors.New("ratelimit: the store failed recently and is not called for a while")
	errExit = errors.New("ratelimit: the store ended its goroutine")
)

func newBreakers(n int, timeout time.Duration, now func() time.Time) []breaker {
	all := make([]breaker, n)
	for i := range all {
		all[i].timeout, all[i].now = cmp.Or(timeout, defaultTimeout), now
	}
	return all
}

// outlasting returns a context with the values of ctx, for a call that goes on after it
// is abandoned: a connection that is being opened is not lost, and what the store
// answers is known and can be undone. It does not end when the client disconnects: a
// client that could interrupt a take could guess without being counted.
func (b *breaker) outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), max(callFor, 2*b.timeout))
}

// call runs f for at most the timeout. If f succeeds after it was abandoned, its
// value goes to late, which may be nil.
func call[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	ticket, admitted := b.admit()
	if !admitted {
		var zero T
		return zero, errOpen
	}
	value, err := abandonable(ctx, b, f, late)
	b.report(ticket, err)
	return value, err
}

type answer[T any] struct {
	value T
	err   error
}

// abandonable runs f in a goroutine, and abandons it after the timeout. Its answer goes
// to the caller or to late: never to both.
func abandonable[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	answers := make(chan answer[T], 1)
	var decided atomic.Bool // by the first of the two
	go func() {
		growStack()
		ctx, cancel := b.outlasting(ctx)
		defer cancel()
		a := answer[T]{err: errExit}
		defer func() { // also after runtime.Goexit
			if !decided.Swap(true) {
				answers <- a
				return
			}
			defer b.ended() // late may hang, too
			if a.err == nil && late != nil {
				value := a.value // a stays on the stack
				b.runLate(ctx, func(ctx context.Context) { late(ctx, value) })
			}
		}()
		a.value, a.err = recovered(ctx, f)
	}()
	timer := time.NewTimer(b.timeout)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-timer.C:
	}
	b.abandon()
	if decided.Swap(true) { // just in time
		b.ended()
		a := <-answers
		return a.value, a.err
	}
	var zero T
	return zero, fmt.Errorf("ratelimit: the store did not answer within %v", b.timeout)
}

// growStack makes the stack of a new goroutine large enough for the client of a database.
// If it grew in that client, every frame would be copied, more than once: 4 µs of the
// 31 that a request with a limit in Redis takes.
//
//go:noinline
func growStack() {
	var frame [6 << 10]byte
	runtime.KeepAlive(&frame)
}

// runLate runs f with a new context. A panic of f is ignored.
func (b *breaker) runLate(ctx context.Context, f func(context.Context)) {
	ctx, cancel := b.outlasting(ctx)
	defer cancel()
	_, _ = recovered(ctx, func(ctx context.Context) (struct{}, error) { f(ctx); return struct{}{}, nil })
}

// recovered runs f and returns its panic as an error.
func recovered[T any](ctx context.Context, f func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ratelimit: the store panicked: %v", p)
		}
	}()
	return f(ctx)
}

// abandon counts a call that was abandoned and still runs.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned++
}

// ended counts the end of an abandoned call.
func (b *breaker) ended() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned--
	b.lost = min(b.lost, b.abandoned)
}

// A ticket is an admitted call.
type ticket struct {
	period int
	probe  bool
}

// admit reports whether a call may be made: any call while the store works, and
// otherwise the probes.
func (b *breaker) admit() (t ticket, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	every, most := probeEvery, maxProbes
	switch hanging := b.abandoned - b.lost; {
	case hanging >= maxAbandoned:
		every, most = slowProbeEvery, 1
	case b.failures < breakAfter:
		return ticket{period: b.period}, true
	case hanging >= manyAbandoned:
		most = 1
	}
	now := b.now()
	if since := now.Sub(b.probed); since < 0 || since >= every { // negative after the clock was set back
		b.probed, b.probes = now, most
	}
	if b.probes == 0 {
		return ticket{}, false
	}
	b.probes--
	return ticket{b.period, true}, true
}

// report counts the outcome of a call. One that was admitted in an earlier period
// says nothing about the store now: nine failures at once are as five.
func (b *breaker) report(t ticket, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch open := b.failures >= breakAfter; {
	case t.period != b.period || open && err != nil:
	case err == nil:
		b.failures = 0
		if t.probe {
			b.period++
			b.lost = max(b.lost, b.abandoned-maxAbandoned+maxProbes) // others may not return, either
		}
	default:
		if b.failures++; b.failures == breakAfter {
			b.period++
			b.probed, b.probes = b.now(), 0
		}
	}
}
