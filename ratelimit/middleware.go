package ratelimit

import (
	"cmp"
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
	var buf stackBuffer
	demands, states, from, cost, err := l.decide(r, buf.demands[:0], buf.states[:0])
	worst, granted := 0, err == nil
	if granted {
		worst = decisive(states)
		granted = states[worst].RetryAfter <= 0
	}
	if err == nil && !l.opts.Shadow && (l.opts.Headers != 0 || !granted) {
		l.headers(w.Header(), demands, states, worst)
	}
	pass := granted || err == ErrSkip || l.opts.Shadow
	if !pass || from.begins || l.opts.Shadow && err != nil || guard.Observed(r.Context()) {
		d := guard.Decision{Package: "ratelimit", Guard: l.limits[0].limit.Name, Cost: cost}
		if err == nil {
			d.Guard, d.RetryAfter = demands[worst].limit.Name, states[worst].RetryAfter
		}
		l.report(w, r, &d, granted, from, err)
		if !pass {
			return
		}
	}
	if err == nil && l.opts.InContext {
		res := resultOf(demands, states, from.failure)
		r = r.WithContext(context.WithValue(r.Context(), resultKey{l.Limiter}, &res))
	}
	l.next.ServeHTTP(w, r)
}

// report reports d, and refuses the request unless it is passed on.
func (l *Limiter) report(w http.ResponseWriter, r *http.Request, d *guard.Decision, granted bool, from source, err error) {
	passed := granted || err == ErrSkip || l.opts.Shadow
	if from.begins && (err == nil || passed) {
		l.backend.failedDecision(d.Guard, d.Cost, from).Report(r)
		if passed {
			return
		}
	}
	if err == nil {
		d.Reason = l.backend.reason(from)
	}
	switch {
	case granted:
		d.Outcome, d.Err = guard.Allowed, from.failure
	case err == ErrSkip:
		d.Outcome, d.Reason = guard.Allowed, "not limited"
	case l.opts.Shadow:
		d.Outcome, d.Reason, d.Err = shadowOutcome(from, err), cmp.Or(d.Reason, shadowReason(err)), err
	case err == nil:
		d.Refuse(w, r, l.refusal)
		return
	default:
		d.Refuse(w, r, err)
		return
	}
	d.Report(r)
}

// decide takes the cost of a request. err is the reason to refuse it, or ErrSkip.
func (l *Limiter) decide(r *http.Request, demands []demand, states []State) (_ []demand, _ []State, from source, cost int, err error) {
	cost = 1
	if l.opts.Cost != nil {
		cost = l.opts.Cost(r)
	}
	switch {
	case cost < 0:
		return nil, nil, from, cost, fmt.Errorf("ratelimit: a cost of %d", cost)
	case cost == 0:
		return nil, nil, from, cost, ErrSkip
	}
	key, err := l.key(r)
	if err != nil {
		return nil, nil, from, cost, skipOr(err)
	}
	demands, states, from, err = l.take(r.Context(), demands, states, key, cost)
	if err == errCost {
		err = badRequest("cost_too_large", "The request is too large for its limit", err)
	}
	return demands, states, from, cost, err
}

// skipOr returns ErrSkip itself for an error of a Key that wraps it: this package
// compares errors with ErrSkip. A refusal that wraps ErrSkip stays a refusal.
func skipOr(err error) error {
	if _, refusal := errors.AsType[*guard.Error](err); !refusal && errors.Is(err, ErrSkip) {
		return ErrSkip
	}
	return err
}

// shadowOutcome is the outcome of a request that would be refused. A failure of
// our own is not a trial's result. An outage was reported when it began.
func shadowOutcome(from source, err error) guard.Outcome {
	if err == nil || from.failure != nil {
		return guard.Shadowed
	}
	if e, _ := errors.AsType[*guard.Error](err); e != nil && e.Status < http.StatusInternalServerError {
		return guard.Shadowed
	}
	return guard.Failed
}

func shadowReason(err error) string {
	if err == nil {
		return "the quota is used up"
	}
	return err.Error()
}

// A resultKey is the context key of a limiter's Result.
type resultKey struct{ limiter *Limiter }

// From returns the Result of this limiter for the request of ctx. found is false
// without Options.InContext, and for a request that was not limited.
func (l *Limiter) From(ctx context.Context) (res Result, found bool) {
	p, found := ctx.Value(resultKey{l}).(*Result)
	if !found {
		return Result{}, false
	}
	return *p, true
}
