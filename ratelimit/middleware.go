package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// Wrap limits requests to next.
func (l *Limiter) Wrap(next http.Handler) http.Handler {
	wiring.Next("ratelimit", next)
	return &wrapped{l, next}
}

type wrapped struct {
	*Limiter
	next http.Handler
}

func (l *wrapped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var room room
	wants, states, failure, cost, err := l.decide(r, room.wants[:0], room.states[:0])
	worst, granted := 0, err == nil
	if granted {
		worst = decisive(states)
		granted = states[worst].RetryAfter <= 0
	}
	if err == nil && !l.opts.Shadow && (l.opts.Headers != 0 || !granted) {
		l.headers(w.Header(), wants, states, worst)
	}
	if goesOn := granted || err == ErrSkip || l.opts.Shadow; !goesOn || guard.Observed(r.Context()) {
		d := guard.Decision{Package: "ratelimit", Guard: l.limits[0].limit.Name, Cost: cost}
		if err == nil {
			d.Guard, d.RetryAfter = wants[worst].limit.Name, states[worst].RetryAfter
		}
		l.report(w, r, &d, granted, failure, err)
		if !goesOn {
			return
		}
	}
	if err == nil && l.opts.InContext {
		r = r.WithContext(withResult(r.Context(), resultOf(wants, states, failure)))
	}
	l.next.ServeHTTP(w, r)
}

// report makes d known, and refuses the request where it does not go on.
func (l *Limiter) report(w http.ResponseWriter, r *http.Request, d *guard.Decision, granted bool, failure, err error) {
	switch {
	case granted:
		d.Outcome, d.Reason, d.Err = guard.Allowed, failed(failure), failure
	case err == ErrSkip:
		d.Outcome, d.Reason = guard.Allowed, "not limited"
	case l.opts.Shadow:
		d.Outcome, d.Reason, d.Err = guard.Shadowed, shadowed(err), err
	case err == nil:
		d.Refuse(w, r, l.refusal)
		return
	default:
		d.Refuse(w, r, err)
		return
	}
	d.Report(r)
}

// decide takes what a request costs, or is what to refuse it with.
func (l *Limiter) decide(r *http.Request, wants []want, states []State) (_ []want, _ []State, failure error, cost int, err error) {
	cost = 1
	if l.opts.Cost != nil {
		cost = l.opts.Cost(r)
	}
	switch {
	case cost < 0:
		return nil, nil, nil, cost, fmt.Errorf("ratelimit: a cost of %d", cost)
	case cost == 0:
		return nil, nil, nil, cost, ErrSkip
	}
	key, err := l.key(r)
	if err != nil {
		return nil, nil, nil, cost, skipOr(err)
	}
	wants, states, failure, err = l.take(r.Context(), wants, states, key, cost)
	if err == errCost {
		err = badRequest("The request is too large for its limit", err)
	}
	return wants, states, failure, cost, err
}

// skipOr is ErrSkip itself where a Key says so, so that nobody else can: a refusal
// that has it for a cause is one.
func skipOr(err error) error {
	if _, refusal := errors.AsType[*guard.Error](err); !refusal && errors.Is(err, ErrSkip) {
		return ErrSkip
	}
	return err
}

// failed is why OnFailure decided, for Observe.
func failed(failure error) string {
	if failure == nil {
		return ""
	}
	return "store failed: " + failure.Error()
}

func shadowed(err error) string {
	if err == nil {
		return "the quota is used up"
	}
	return err.Error()
}

type resultKey struct{}

func withResult(ctx context.Context, res Result) context.Context {
	return context.WithValue(ctx, resultKey{}, &res)
}

// From is the result of the innermost limiter with Options.InContext.
func From(ctx context.Context) (Result, bool) {
	res, ok := ctx.Value(resultKey{}).(*Result)
	if !ok {
		return Result{}, false
	}
	return *res, true
}
