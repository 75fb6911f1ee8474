package ratelimit

import (
	"context"
	"sync"
	"time"

	"github.com/go-guard/guard"
)

// holder returns the backend whose store has what a take from a source took, or nil if
// it took nothing.
func (b *backend) holder(from source) *backend {
	if from.failure == nil {
		return b
	}
	return b.fallback // nil for FailOpen
}

// settle makes a granted take cost used. If ended is true, its requests in flight have
// ended, too.
func (b *backend) settle(ctx context.Context, t *requestTake, used int, ended bool) error {
	unused := max(t.cost-used, 0)
	if b.memory != nil {
		b.memory.undo(t, unused, ended)
	} else if err := b.undoPart(ctx, t, unused, ended); err != nil {
		return err
	}
	if used > t.cost {
		return b.addDebt(ctx, t.demands, min(used-t.cost, maxQuota))
	}
	return nil
}

// excess is what settle gives back to the count of a demand.
func (d *demand) excess(unused int, ended bool) int {
	switch {
	case !d.isInFlight():
		return unused
	case ended:
		return d.cost
	}
	return 0
}

// undoPart gives back the excess of a take.
func (b *backend) undoPart(ctx context.Context, t *requestTake, unused int, ended bool) error {
	var taken []Taken
	for i := range t.demands {
		if n := t.demands[i].excess(unused, ended); n > 0 {
			taken = append(taken, Taken{Take: t.demands[i].take(), Stamp: t.states[i].Stamp})
			taken[len(taken)-1].Cost = n
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return b.giveBack(ctx, taken)
}

// addDebt takes from the counts of demands by force.
func (b *backend) addDebt(ctx context.Context, demands []demand, debt int) error {
	var buf stackBuffer
	forced, states := buf.demands[:0], buf.states[:0]
	for _, d := range demands {
		if d.isInFlight() {
			continue
		}
		d.cost, d.force = debt, true
		forced, states = append(forced, d), append(states, State{})
	}
	switch {
	case len(forced) == 0:
		return nil
	case b.memory != nil:
		b.memory.take(forced, states)
		return nil
	}
	if _, err := b.ask(ctx, b.hashed(forced), nil); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// A renewal keeps the requests in flight of a take counted in a store that is not in
// memory, where each take counts for a Window. So those of a process that crashed end.
type renewal struct {
	backend *backend
	ctx     context.Context // for its values
	takes   []Take
	every   time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	runs    bool
	stopped bool
}

// renew starts a renewal of a take; nil if none is needed.
func (b *backend) renew(ctx context.Context, t *requestTake) *renewal {
	if b.memory != nil || !hasFlights(t.demands) {
		return nil
	}
	n := &renewal{backend: b, ctx: ctx, every: maxWindow}
	for i := range t.demands {
		if d := &t.demands[i]; d.isInFlight() {
			n.takes = append(n.takes, b.hashed(t.demands[i:i+1])...)
			n.every = min(n.every, d.limit.Window/3)
		}
	}
	n.mu.Lock() // run may begin before timer is set
	defer n.mu.Unlock()
	n.timer = time.AfterFunc(n.every, n.run)
	return n
}

// run renews the takes. After a failure, the next run tries again: there are two
// before a take ends.
func (n *renewal) run() {
	n.mu.Lock()
	n.runs = !n.stopped
	n.mu.Unlock()
	if !n.runs {
		return
	}
	_, _ = n.backend.ask(n.ctx, n.takes, func(ctx context.Context, _ []State) {
		if n.isStopped() {
			n.giveBack(ctx)
		}
	})
	n.mu.Lock()
	n.runs = false
	stopped := n.stopped
	if !stopped {
		n.timer.Reset(n.every)
	}
	n.mu.Unlock()
	if stopped {
		n.giveBack(n.ctx)
	}
}

// stop ends the renewal. It reports whether the caller gives the takes back. Otherwise
// run does: what it sends now would count after the caller's call.
func (n *renewal) stop() bool {
	if n == nil {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	n.timer.Stop()
	return !n.runs
}

func (n *renewal) isStopped() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stopped
}

// giveBack gives the takes back. If the store fails, they count for a Window.
func (n *renewal) giveBack(ctx context.Context) {
	taken := make([]Taken, len(n.takes))
	for i := range n.takes {
		taken[i].Take = n.takes[i]
	}
	_ = n.backend.giveBackHashed(ctx, taken)
}
