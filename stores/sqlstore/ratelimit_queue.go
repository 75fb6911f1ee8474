package sqlstore

import (
	"context"
	"errors"
)

// A queue has the calls that wait for one about the same counts. The next of them
// decides about all of them. So the calls about a count use one connection, and 64
// parallel takes from it need a few statements.
type queue struct{ waiting []*call }

// do executes a call. If ctx ends while the call waits, it has no effect. A call that
// has begun ends within the timeout.
func (r *rateLimits) do(ctx context.Context, c *call) error {
	const waiting = "waiting for calls about the same counts"
	if err := ctx.Err(); err != nil || len(c.targets) == 0 {
		return r.failed(waiting, err)
	}
	counts := c.counts()
	r.mu.Lock()
	q := r.queues[counts]
	if q == nil {
		r.queues[counts] = &queue{}
		r.mu.Unlock()
		r.lead(ctx, counts, []*call{c})
		return c.err
	}
	q.waiting = append(q.waiting, c)
	r.mu.Unlock()
	select {
	case batch := <-c.turn:
		r.lead(ctx, counts, batch)
	case <-ctx.Done():
		if r.leave(q, c) {
			return r.failed(waiting, ctx.Err())
		}
		r.lead(ctx, counts, <-c.turn)
	}
	return c.err
}

// lead executes a batch, whose first call is that of the caller. It does nothing
// without a batch: another call has led.
func (r *rateLimits) lead(ctx context.Context, counts string, batch []*call) {
	if len(batch) == 0 {
		return
	}
	err := errAborted
	defer func() { r.answer(counts, batch, err) }()
	err = r.execute(ctx, batch)
}

var errAborted = errors.New("sqlstore: a call about the same counts has panicked")

// answer ends the calls of a batch, and passes the lead to a call that waits.
func (r *rateLimits) answer(counts string, batch []*call, err error) {
	for i, c := range batch {
		if c.err = err; i > 0 {
			c.turn <- nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.queues[counts].waiting
	if len(next) == 0 {
		delete(r.queues, counts)
		return
	}
	r.queues[counts].waiting = nil
	next[0].turn <- next
}

// leave removes a call that still waits.
func (r *rateLimits) leave(q *queue, c *call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i] == c {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}
