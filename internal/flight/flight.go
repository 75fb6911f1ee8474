// Package flight shares calls that are slow and may fail, hang or panic: those to
// an authorization server and to a function of the application.
package flight

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Group makes calls, each in a goroutine of its own: a client that leaves stops
// waiting and takes no other with it, a panic is an error, and a call that ignores
// its context is abandoned after Timeout. It then still counts as one of the Group's
// calls until it returns, or until a new call replaces it where Max calls run, which
// happens every 15 seconds at most: calls that never return do not end all others for
// ever. Calls with one key are shared unless Alone is set. Use [New].
type Group[K comparable, V any] struct {
	opts    Options
	running chan struct{} // one element for each call that counts

	mu         sync.Mutex
	calls      map[K]*call[V] // nil if Alone
	abandoned  int            // calls that still run and count
	replaced   int            // calls that still run and do not
	replacedAt time.Time      // the last one
}

// replaceEvery bounds the growth of calls that never return.
const replaceEvery = 15 * time.Second

// Options bounds the calls of a [Group].
type Options struct {
	// Name begins the texts of errors, as in "bearer: the introspection".
	Name string
	// Timeout bounds a call.
	Timeout time.Duration
	// Max is how many calls run at once.
	Max int
	// Wait is how long a request waits until fewer than Max calls run.
	Wait time.Duration
	// Alone makes a call for each request, also for one key.
	Alone bool
}

// ErrBusy is the error where Max calls run.
var ErrBusy = errors.New("too many are running")

// A call has its results before done is closed.
type call[V any] struct {
	done             chan struct{}
	value            V
	err              error
	ended, abandoned bool // guarded by Group.mu; done is closed if ended
}

// New returns a Group.
func New[K comparable, V any](o Options) *Group[K, V] {
	g := &Group[K, V]{opts: o, running: make(chan struct{}, o.Max)}
	if !o.Alone {
		g.calls = map[K]*call[V]{}
	}
	return g
}

// Do returns the results of f, or of a concurrent call with the same key. The
// context of f has the values of ctx, but ends only with the call.
func (g *Group[K, V]) Do(ctx context.Context, key K, f func(context.Context) (V, error)) (v V, err error) {
	g.mu.Lock()
	joined := g.calls[key]
	g.mu.Unlock()
	if joined == nil {
		if err := g.admit(ctx); err != nil {
			return v, err
		}
		joined = g.start(ctx, key, f)
	}
	select {
	case <-ctx.Done():
		return v, ctx.Err()
	case <-joined.done:
		return joined.value, joined.err
	}
}

// admit waits until fewer than Max calls run.
func (g *Group[K, V]) admit(ctx context.Context) error {
	select {
	case g.running <- struct{}{}:
		return nil
	default:
	}
	if g.replace() {
		return nil
	}
	if g.opts.Wait <= 0 {
		return fmt.Errorf("%s: %w", g.opts.Name, ErrBusy)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, g.opts.Wait, ErrBusy)
	defer cancel()
	select {
	case g.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", g.opts.Name, context.Cause(ctx))
	}
}

// replace admits a call in place of one that was abandoned.
func (g *Group[K, V]) replace() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.abandoned == 0 || now.Sub(g.replacedAt) < replaceEvery {
		return false
	}
	g.abandoned--
	g.replaced++
	g.replacedAt = now
	return true
}

// start starts an admitted call, unless another began meanwhile.
func (g *Group[K, V]) start(ctx context.Context, key K, f func(context.Context) (V, error)) *call[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if other := g.calls[key]; other != nil {
		<-g.running
		return other
	}
	added := &call[V]{done: make(chan struct{})}
	if g.calls != nil {
		g.calls[key] = added
	}
	go g.run(context.WithoutCancel(ctx), key, added, f)
	return added
}

func (g *Group[K, V]) run(ctx context.Context, key K, c *call[V], f func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(ctx, g.opts.Timeout)
	defer cancel()
	var none V
	stop := context.AfterFunc(ctx, func() {
		g.abandon(key, c, fmt.Errorf("%s took more than %v: %w", g.opts.Name, g.opts.Timeout, context.DeadlineExceeded))
	})
	v, err := none, fmt.Errorf("%s ended its goroutine", g.opts.Name)
	defer func() { // also after a panic or runtime.Goexit
		stop()
		if p := recover(); p != nil {
			v, err = none, fmt.Errorf("%s panicked: %v", g.opts.Name, p)
		}
		g.returned(key, c, v, err)
	}()
	v, err = f(ctx)
}

// abandon ends a call that still runs, unless it has just returned.
func (g *Group[K, V]) abandon(key K, c *call[V], err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !c.ended {
		c.abandoned = true
		g.abandoned++
		g.end(key, c, err)
	}
}

// returned ends a call with its results, unless it was abandoned.
func (g *Group[K, V]) returned(key K, c *call[V], v V, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !c.abandoned:
		<-g.running
		c.value = v
		g.end(key, c, err)
	case g.replaced > 0: // another call may be the one that was replaced: it makes no difference
		g.replaced--
	default:
		g.abandoned--
		<-g.running
	}
}

// end sets the error of a call and closes done. mu is held.
func (g *Group[K, V]) end(key K, c *call[V], err error) {
	c.err, c.ended = err, true
	if g.calls[key] == c {
		delete(g.calls, key)
	}
	close(c.done)
}
