package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A breaker bounds the calls of a store. It abandons slow calls. After some
// failures in a row it is open for a second; then a few calls a second, the probes,
// go through, until one of them succeeds.
type breaker struct {
	timeout        time.Duration
	now            func() time.Time
	endsByDeadline bool // the store is a DeadlineStore: calls need no goroutine

	mu        sync.Mutex
	period    int // in which the breaker is open or is not; only calls admitted in it count
	failures  int // in a row
	abandoned int // calls that were abandoned and still run
	lost      int // of them, those that maxAbandoned does not count
	probed    time.Time
	probes    int // that are still admitted in the interval that began at probed
}

const (
	defaultTimeout = 50 * time.Millisecond
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

func newBreaker(timeout time.Duration, now func() time.Time) *breaker {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if now == nil {
		now = time.Now
	}
	return &breaker{timeout: timeout, now: now}
}

// withTimeout returns a context with the values of ctx and the breaker's
// timeout. It does not end when the client disconnects: a client that could
// interrupt a take could guess without being counted.
func (b *breaker) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), b.timeout)
}

// call runs f for at most the timeout. If f succeeds after it was abandoned, its
// value goes to late, which may be nil.
func call[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	ticket, admitted := b.admit()
	if !admitted {
		var zero T
		return zero, errOpen
	}
	ctx, cancel := b.withTimeout(ctx)
	defer cancel()
	var value T
	var err error
	if b.endsByDeadline {
		value, err = recovered(ctx, f)
	} else {
		value, err = callInGoroutine(ctx, b, f, late)
	}
	b.report(ticket, err)
	return value, err
}

type answer[T any] struct {
	value T
	err   error
}

// callInGoroutine runs f in a goroutine and abandons it when ctx ends. The caller
// receives the answer of f, or closes abandoned: never both.
func callInGoroutine[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	answers, abandoned := make(chan answer[T]), make(chan struct{})
	go func() {
		a := answer[T]{err: errExit}
		defer func() { // also after runtime.Goexit
			select {
			case answers <- a:
			case <-abandoned:
				defer b.ended() // late may hang, too
				if a.err == nil && late != nil {
					b.runLate(ctx, func(ctx context.Context) { late(ctx, a.value) })
				}
			}
		}()
		a.value, a.err = recovered(ctx, f)
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done(): // f may ignore its context
	}
	select {
	case a := <-answers: // just in time
		return a.value, a.err
	default:
	}
	b.abandon()
	close(abandoned)
	var zero T
	return zero, fmt.Errorf("ratelimit: the store did not answer within %v", b.timeout)
}

// runLate runs f with a new timeout. A panic of f is ignored.
func (b *breaker) runLate(ctx context.Context, f func(context.Context)) {
	ctx, cancel := b.withTimeout(ctx)
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
