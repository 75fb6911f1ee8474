package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-guard/guard"
)

// maxAttempts is how often an operation is attempted that ends in a conflict.
const maxAttempts = 10

// write runs one operation within the timeout, and repeats it after a conflict. If
// the connection breaks, a write is not repeated: it may have been committed.
func (s *Stores) write(ctx context.Context, operation string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.failed(operation, s.retry(ctx, f))
}

// read runs one operation that changes nothing. Unlike a write, it is also repeated
// once after any other error, since the pooled connection may have been closed.
func (s *Stores) read(ctx context.Context, operation string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := s.retry(ctx, f)
	if err != nil && ctx.Err() == nil {
		err = s.retry(ctx, f)
	}
	return s.failed(operation, err)
}

// retry calls f until it does not return a conflict, up to maxAttempts times.
func (s *Stores) retry(ctx context.Context, f func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		if err == nil || attempt == maxAttempts || s.dialect.classify(err) != conflict {
			return err
		}
		// A random delay, so that the same transactions do not conflict again.
		delay := time.NewTimer(rand.N(time.Millisecond << attempt))
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
	return guard.Unavailable(fmt.Errorf("sqlstore: %s: %w", operation, err))
}
