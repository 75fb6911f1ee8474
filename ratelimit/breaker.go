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
	ends   deadlines
	now    func() time.Time
	direct bool // calls end by their context's deadline, so that none needs a goroutine

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
	return &breaker{ends: deadlines{after: timeout}, now: now}
}

// call runs f for at most the timeout. The client's leaving does not stop it:
// whoever can cut a take short could guess without being counted. What f
// returns after it was given up goes to late, if there is one.
func call[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	var zero T
	if !b.admit() {
		return zero, errOpen
	}
	ctx = b.ends.limit(ctx)
	if b.direct {
		v, err := guarded(ctx, f)
		b.report(err)
		return v, err
	}
	return apart(ctx, b, f, late)
}

// apart runs f in a goroutine of its own.
func apart[T any](ctx context.Context, b *breaker, f func(context.Context) (T, error), late func(context.Context, T)) (T, error) {
	var zero T
	c := &calling[T]{done: make(chan struct{})}
	go func() {
		func() {
			defer close(c.done)
			c.v, c.err = guarded(ctx, f)
		}()
		if b.finish(&c.fate) && c.err == nil && late != nil {
			_, _ = guarded(b.ends.limit(ctx), func(ctx context.Context) (T, error) { late(ctx, c.v); return zero, nil })
		}
	}()
	select {
	case <-c.done:
	case <-ctx.Done(): // a client library may not look at its context
		if b.abandon(&c.fate) {
			err := fmt.Errorf("ratelimit: the store did not answer within %v", b.ends.after)
			b.report(err)
			return zero, err
		}
		<-c.done // it finished at the last moment
	}
	b.report(c.err)
	return c.v, c.err
}

type calling[T any] struct {
	fate
	done chan struct{}
	v    T
	err  error
}

// guarded is f, whose panic is its error.
func guarded[T any](ctx context.Context, f func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ratelimit: the store panicked: %v", p)
		}
	}()
	return f(ctx)
}

// A fate is how a call ended: finished, or given up first.
type fate struct{ abandoned, finished bool }

func (b *breaker) abandon(f *fate) (yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.finished {
		return false
	}
	f.abandoned = true
	b.abandoned++
	return true
}

func (b *breaker) finish(f *fate) (abandoned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f.finished = true
	if f.abandoned {
		b.abandoned--
	}
	return f.abandoned
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
