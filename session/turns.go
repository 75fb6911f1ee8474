package session

import (
	"context"
	"sync"
	"time"
)

// turns let the Updates of one session wait for each other in this process: without
// them each would fail as often as others succeed, and n of them would cost n² calls
// of the store. A session has a queue only while a request waits or has its turn. The
// zero value is ready.
type turns struct {
	mu     sync.Mutex
	queues map[ID]*queue
}

// A queue is of one session.
type queue struct {
	turn    chan struct{} // holds a value while a request has its turn
	members int           // that wait or have their turn
}

// take waits for the turn of a session, for as long as ctx and limit allow. waited is
// false if it did not have to. done ends the turn.
func (t *turns) take(ctx context.Context, id ID, limit time.Duration) (done func(), waited bool, err error) {
	q := t.join(id)
	done = func() {
		<-q.turn
		t.leave(id, q)
	}
	select {
	case q.turn <- struct{}{}:
		return done, false, nil
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case q.turn <- struct{}{}:
		return done, true, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = unavailable("update", errContended)
	}
	t.leave(id, q)
	return nil, true, err
}

func (t *turns) join(id ID) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[id]
	if q == nil {
		if t.queues == nil {
			t.queues = map[ID]*queue{}
		}
		q = &queue{turn: make(chan struct{}, 1)}
		t.queues[id] = q
	}
	q.members++
	return q
}

func (t *turns) leave(id ID, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.members--; q.members == 0 {
		delete(t.queues, id)
	}
}
