package bearer

import (
	"context"
	"sync"
)

// flights lets concurrent requests with one token share one introspection. It
// starts no goroutine: the first request makes the call, and the others wait.
type flights struct {
	mu       sync.Mutex
	byDigest map[digest]*flight
}

// A flight is one call. Its results are set before done is closed.
type flight struct {
	done          chan struct{}
	completed     bool // false where the call panicked or its request was cancelled
	introspection *Introspection
	err           error
}

// do returns the results of call, or those of a concurrent call for the same
// digest. Where that one did not complete, a waiting request makes its own call.
func (f *flights) do(ctx context.Context, d digest, call func() (*Introspection, error)) (*Introspection, error) {
	for {
		f.mu.Lock()
		other, inFlight := f.byDigest[d]
		if !inFlight {
			break
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-other.done:
		}
		if other.completed {
			return other.introspection, other.err
		}
	}
	first := &flight{done: make(chan struct{})}
	f.byDigest[d] = first
	f.mu.Unlock()
	defer func() { // also if call panics
		f.mu.Lock()
		delete(f.byDigest, d)
		f.mu.Unlock()
		close(first.done)
	}()
	i, err := call()
	if ctx.Err() == nil {
		first.completed, first.introspection, first.err = true, i, err
	}
	return i, err
}
