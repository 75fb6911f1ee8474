package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-guard/guard"
)

// maxAttempts is how often an operation is attempted that ends in a conflict. The
// timeout usually ends it earlier.
const maxAttempts = 100

// maxDelay is the longest delay between two attempts.
const maxDelay = 100 * time.Millisecond

// write runs one operation within the timeout, and repeats it after a conflict. If
// the connection breaks, a write is not repeated: it may have been committed.
func (s *Stores) write(ctx context.Context, operation string, f func(context.Context) error) error {
	return s.failed(operation, s.inTurn(ctx, s.writes, func(ctx context.Context) error { return s.retry(ctx, f) }))
}

// read runs one operation that changes nothing. Unlike a write, it is also repeated
// once after any other error, since the pooled connection may have been closed.
func (s *Stores) read(ctx context.Context, operation string, f func(context.Context) error) error {
	return s.failed(operation, s.inTurn(ctx, s.reads, func(ctx context.Context) error {
		err := s.retry(ctx, f)
		if err != nil && ctx.Err() == nil {
			err = s.retry(ctx, f)
		}
		return err
	}))
}

// inTurn waits for a turn and runs f within the timeout and the deadline of ctx. A
// client that disconnects ends the wait, and not f: drivers close the connection of a
// statement that is cancelled, so that such clients could close all connections as
// fast as others open them. The turns bound what these clients leave running.
func (s *Stores) inTurn(ctx context.Context, turns chan struct{}, f func(context.Context) error) error {
	deadline := time.Now().Add(s.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	lasting, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-lasting.Done():
		return fmt.Errorf("waiting for its turn: %w", lasting.Err())
	}
	defer func() { <-turns }()
	return f(lasting)
}

// retry calls f until it does not return a conflict, up to maxAttempts times.
func (s *Stores) retry(ctx context.Context, f func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		if err == nil || attempt == maxAttempts || s.dialect.classify(err) != conflict {
			return err
		}
		// A random delay, so that the same transactions do not conflict again.
		delay := time.NewTimer(rand.N(min(time.Millisecond<<min(attempt, 16), maxDelay)))
		select {
		case <-ctx.Done():
			delay.Stop()
			return err
		case <-delay.C:
		}
	}
}

// failed returns err as an outage (503) with the operation that failed, or nil if
// err is nil. It does so even for an error that wraps a *guard.Error.
func (s *Stores) failed(operation string, err error) error {
	if err == nil {
		return nil
	}
	switch s.dialect.mistake(err) {
	case unknownTable:
		err = fmt.Errorf("%w: Stores.Migrate creates the tables", err)
	case notPrepared:
		err = fmt.Errorf("%w: %s", err, pooled)
	}
	return guard.Unavailable(fmt.Errorf("sqlstore: %s: %w", operation, err))
}
