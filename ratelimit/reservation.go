package ratelimit

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
)

// A Reservation is what [Limiter.Reserve] took for a request. It costs the worst that
// was reserved until Settle is called. It is safe for use by several goroutines, and a
// nil one has nothing to settle.
type Reservation struct {
	// taken is nil for nothing. It has two pointers, as fmt follows one, and prints keys.
	taken **reserved
}

// Reserve takes the worst cost of a request whose cost is known only after it, such as
// the tokens of a language model: [Reservation.Settle] gives back what was not used.
// Options.Cost and Options.Settle have no effect. A worst of 0 reserves nothing: the
// request is refused while a quota is used up, and Settle adds its cost. So requests at
// the same time can exceed the quota by their costs, and the later ones wait longer.
//
// The error is for guard.Refuse, and then nothing is taken: 429 with a Retry-After and
// the fields of Options.Headers, 400 for a worst that the limit can never grant, or as
// Wrap answers otherwise. It is already reported to Observe, and belongs to the
// caller. A granted request gets no fields. With Options.Shadow, and for a request that
// is not limited, the Reservation has nothing to settle.
//
// A limit of requests in flight counts the request until Settle or the end of its
// context. If the context never ends, as outside of a server, units in a Store other
// than *Memory count for a Window at most.
func (l *Limiter) Reserve(r *http.Request, worst int) (*Reservation, error) {
	v := &reserved{}
	t, from, err := l.reserve(r, v, worst)
	granted := err == nil && areGranted(t.states)
	if granted {
		v.begin(r.Context(), l.backend.holder(from), t) // before an observer may panic
	}
	if granted && !from.begins && !guard.Observed(r.Context()) {
		return &v.Reservation, nil
	}
	d := guard.Decision{Package: "ratelimit", Guard: l.name, Cost: worst, Pattern: r.Pattern, Subject: identity.Subject(r.Context())}
	refusal := err
	if err == nil {
		i := decisive(t.demands, t.states)
		d.Guard, d.RetryAfter = t.demands[i].limit.Name, t.states[i].RetryAfter
		if !granted && !l.opts.Shadow {
			e := l.refusal.Clone()
			e.Header = http.Header{}
			l.headers(e.Header, t.demands, t.states, i)
			refusal = e
		}
	}
	if l.report(r, &d, granted, from, err) {
		return &v.Reservation, nil
	}
	return nil, d.Deny(r.Context(), refusal)
}

// A reserved take is what a Reservation settles.
type reserved struct {
	Reservation
	self    *reserved // what taken points to
	holder  *backend  // that took it
	take    requestTake
	demand  [1]demand // of take, if there is one
	state   [1]State
	settled atomic.Bool
	ended   atomic.Bool // its requests in flight
	renewal *renewal
	stop    func() bool // of what waits for the end of the request
}

func (l *Limiter) reserve(r *http.Request, v *reserved, worst int) (t requestTake, from source, err error) {
	t.cost = worst
	if worst < 0 {
		return t, from, fmt.Errorf("ratelimit: Reserve of %d, which is negative", worst)
	}
	if t.demands, err = l.requested(r, v.demand[:0], worst); err != nil {
		return t, from, err
	}
	t.states = statesFor(t.demands, v.state[:0])
	from, err = l.take(r.Context(), t.demands, t.states, true)
	return t, from, err
}

// begin starts what ends with the request.
func (v *reserved) begin(ctx context.Context, holder *backend, t requestTake) {
	if holder == nil {
		return
	}
	v.holder, v.take, v.self, v.taken = holder, t, v, &v.self
	if ctx.Done() == nil || !hasFlights(t.demands) {
		return
	}
	v.renewal = holder.renew(ctx, &t)
	v.stop = context.AfterFunc(ctx, func() {
		if v.end() { // if the store fails, they count for a Window
			_ = holder.settle(ctx, &v.take, v.take.cost, true)
		}
	})
}

// end ends the requests in flight. It reports whether the caller gives them back.
func (v *reserved) end() bool { return !v.ended.Swap(true) && v.renewal.stop() }

// Settle makes the request cost what it used: it gives back what was reserved beyond
// that or, if it used more, adds the rest as a debt, which later requests wait for. It
// is one call of the store that took the reservation, also after the client has left.
// Beside a limit of requests in flight a debt needs two.
//
// Only the first call has an effect. An error means that the store failed, and that
// the request costs what was reserved, or that used is negative: then Settle has no
// effect.
func (v *Reservation) Settle(ctx context.Context, used int) error {
	if used < 0 {
		return fmt.Errorf("ratelimit: Settle of %d, which is negative, and has no effect", used)
	}
	if v == nil || v.taken == nil {
		return nil
	}
	return (*v.taken).settle(ctx, used)
}

func (v *reserved) settle(ctx context.Context, used int) error {
	if v.settled.Swap(true) {
		return nil
	}
	if v.stop != nil {
		v.stop()
	}
	return v.holder.settle(ctx, &v.take, used, v.end())
}
