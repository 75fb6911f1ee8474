package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A breaker gives slow calls up and, after some failures in a row, makes none
// for a while; then a single one tries.
type breaker struct {
	timeout time.Duration
	now     func() time.Time

	mu        sync.Mutex
	failures  int // in a row
	abandoned int // calls that were given up and still run
	openUntil time.Time
	pause     time.Duration
}

const (
	breakAfter   = 5
	minPause     = time.Second
	maxPause     = 15 * time.Second
	maxAbandoned = 256
)

// errOpen is the failure of a call that was not made.
var errOpen = errors.New("ratelimit: the store failed lately and is left alone")

func newBreaker(timeout time.Duration, now func() time.Time) *breaker {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if now == nil {
		now = time.Now
	}
	return &breaker{timeout: timeout, now: now}
}

// call runs f for at most the timeout. The client's leaving does not stop it:
// whoever can cut a take short could guess without being counted.
func call[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error)) (T, error) {
	var zero T
	if !b.admit() {
		return zero, errOpen
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.timeout)
	defer cancel()
	type answer struct {
		v   T
		err error
	}
	done := make(chan answer, 1)
	var state abandonment
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("ratelimit: the store panicked: %v", p)
			}
			done <- a
			state.finish(b)
		}()
		a.v, a.err = f(ctx)
	}()
	select {
	case a := <-done:
		b.report(a.err)
		return a.v, a.err
	case <-ctx.Done(): // a client library may not look at its context
		state.abandon(b)
		err := fmt.Errorf("ratelimit: the store did not answer within %v: %w", b.timeout, ctx.Err())
		b.report(err)
		return zero, err
	}
}

// An abandonment counts one call while it is given up and not finished.
type abandonment struct{ abandoned, finished bool }

func (a *abandonment) abandon(b *breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.abandoned = true; !a.finished {
		b.abandoned++
	}
}

func (a *abandonment) finish(b *breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.finished = true; a.abandoned {
		b.abandoned--
	}
}

// admit reports whether a call may be made: any while the store works, one at
// a time once a pause is over.
func (b *breaker) admit() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.abandoned >= maxAbandoned {
		return false
	}
	if b.failures < breakAfter {
		return true
	}
	now := b.now()
	if now.Before(b.openUntil) {
		return false
	}
	b.openUntil = now.Add(b.pause) // the others wait for this one's answer
	return true
}

func (b *breaker) report(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.failures, b.pause = 0, 0
		return
	}
	if b.failures++; b.failures < breakAfter {
		return
	}
	b.pause = min(max(2*b.pause, minPause), maxPause)
	b.openUntil = b.now().Add(b.pause)
}
