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

	mu     sync.Mutex
	end    context.Context
	cancel context.CancelFunc // never called, since some may wait for the end
	next   time.Time          // from when on the end is too near
}

// limit is a context with ctx's values, and an end of d's in place of its own.
func (d *deadlines) limit(ctx context.Context) context.Context {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !now.Before(d.next) {
		d.end, d.cancel = context.WithTimeout(context.Background(), d.after)
		d.next = now.Add(d.after / 16)
	}
	return limited{d.end, ctx}
}

type limited struct {
	context.Context // the end
	values          context.Context
}

// Value asks the end first, which has none but what package context finds it by.
func (l limited) Value(key any) any {
	if v := l.Context.Value(key); v != nil {
		return v
	}
	return l.values.Value(key)
}
