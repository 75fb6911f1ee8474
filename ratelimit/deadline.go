package ratelimit

import (
	"context"
	"sync"
	"time"
)

// deadlines end calls after a time, or up to a sixteenth of it sooner: calls
// that begin at about the same time share an end and its timer. A timer for each
// cost a tenth of what Redis takes to answer.
type deadlines struct {
	after time.Duration

	mu   sync.Mutex
	last *end
	next time.Time // from when on the last one is too near
}

// An end is a moment that several calls wait for.
type end struct {
	at   time.Time
	done chan struct{}
}

func (d *deadlines) end() *end {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || !now.Before(d.next) {
		e := &end{now.Add(d.after), make(chan struct{})}
		time.AfterFunc(d.after, func() { close(e.done) })
		d.last, d.next = e, now.Add(d.after/16)
	}
	return d.last
}

// limit is a context with ctx's values, and an end of d's in place of its own.
func (d *deadlines) limit(ctx context.Context) context.Context {
	return limited{context.WithoutCancel(ctx), d.end()}
}

type limited struct {
	context.Context
	end *end
}

func (l limited) Deadline() (time.Time, bool) { return l.end.at, true }
func (l limited) Done() <-chan struct{}       { return l.end.done }

func (l limited) Err() error {
	select {
	case <-l.end.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
