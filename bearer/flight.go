package bearer

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
)

// flights lets requests that come with one token at the same time, as those of
// a page do, wait for one answer. No goroutine is started: the first asks.
type flights struct {
	mu    sync.Mutex
	byKey map[[sha256.Size]byte]*flight
}

type flight struct {
	done   chan struct{}
	answer *Introspection
	err    error
}

var errNoAnswer = errors.New("bearer: the request that asked did not come back")

// do is ask, or what another do of the same key has just been answered. An ask
// that failed because its own request was given up is nobody else's failure.
func (f *flights) do(ctx context.Context, key [sha256.Size]byte, ask func() (*Introspection, error)) (*Introspection, error) {
	for {
		f.mu.Lock()
		other, waiting := f.byKey[key]
		if !waiting {
			break
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-other.done:
		}
		if other.err == nil || !errors.Is(other.err, errNoAnswer) {
			return other.answer, other.err
		}
	}
	own := &flight{done: make(chan struct{}), err: errNoAnswer} // a panic leaves it so
	f.byKey[key] = own
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.byKey, key)
		f.mu.Unlock()
		close(own.done)
	}()
	answer, err := ask()
	if ctx.Err() == nil {
		own.answer, own.err = answer, err
	}
	return answer, err
}
