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

// Wrap limits requests to next. A request beyond a limit gets 429 with a Retry-After, and
// one whose key is unclear the 400 or 401 of its [Key]. A suspended plan gets 403, and a
// failure of the store 503: see Options.OnFailure.
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
	var t requestTake
	var from source
	var err error
	if t.cost, err = l.cost(r); err == nil {
		t.demands, err = l.requested(r, buf.demands[:0], t.cost)
	}
	if err == nil {
		t.states = statesFor(t.demands, buf.states[:0])
		from, err = l.take(r.Context(), t.demands, t.states, l.opts.Settle != nil)
	}
	if err == nil && (l.opts.Settle != nil || l.flights && hasFlights(t.demands)) && areGranted(t.states) {
		if holder := l.backend.holder(from); holder != nil {
			l.hold(w, r, &t, from, holder)
			return
		}
	}
	l.serve(w, r, &t, from, err)
}

// hold serves a request and settles its take, also if a handler or an observer
// panics.
func (l *wrapped) hold(w http.ResponseWriter, r *http.Request, t *requestTake, from source, holder *backend) {
	renewal := holder.renew(r.Context(), t)
	used := t.cost
	defer func() { l.settle(r, holder, renewal, t, used) }()
	if l.opts.Settle == nil {
		l.serve(w, r, t, from, nil)
		return
	}
	answer, returned := &statusWriter{ResponseWriter: w}, false
	defer func() { used = l.opts.Settle(answer.final(returned)) }()
	l.serve(answer, r, t, from, nil)
	returned = true
}

// settle settles the take of a request that has been served, and reports a failure; that
// of a store once in an outage.
func (l *Limiter) settle(r *http.Request, holder *backend, renewal *renewal, t *requestTake, used int) {
	var err error
	if used < 0 {
		err = fmt.Errorf("ratelimit: Settle returned %d", used)
		used = t.cost
	}
	failed := holder.settle(r.Context(), t, used, renewal.stop())
	if failed != nil && l.backend.outage.begins(l.backend.now()) {
		err = errors.Join(err, fmt.Errorf("the store failed, and a request costs what it took before its handler: %w", failed))
	}
	if err != nil {
		guard.Decision{Package: "ratelimit", Guard: l.name, Cost: t.cost, Outcome: guard.Failed, Reason: err.Error(), Err: err}.Report(r)
	}
}

// serve answers a refused request, and passes on others.
func (l *wrapped) serve(w http.ResponseWriter, r *http.Request, t *requestTake, from source, err error) {
	worst, granted := 0, err == nil
	if granted {
		worst = decisive(t.demands, t.states)
		granted = t.states[worst].RetryAfter <= 0
	}
	if err == nil && !l.opts.Shadow && (l.opts.Headers != 0 || !granted) {
		l.headers(w.Header(), t.demands, t.states, worst)
	}
	pass := granted || err == ErrSkip || l.opts.Shadow
	if !pass || from.begins || l.opts.Shadow && err != nil || guard.Observed(r.Context()) {
		d := guard.Decision{Package: "ratelimit", Guard: l.name, Cost: t.cost}
		refusal := err
		if err == nil {
			d.Guard, d.RetryAfter, refusal = t.demands[worst].limit.Name, t.states[worst].RetryAfter, l.refusal
		}
		if !l.report(r, &d, granted, from, err) {
			d.Refuse(w, r, refusal)
			return
		}
	}
	if err == nil && l.opts.InContext {
		res := resultOf(t.demands, t.states, from.failure)
		r = r.WithContext(context.WithValue(r.Context(), resultKey{l.Limiter}, &res))
	}
	l.next.ServeHTTP(w, r)
}

// report reports d if the request passes, and whether it does. The caller reports a
// refusal.
func (l *Limiter) report(r *http.Request, d *guard.Decision, granted bool, from source, err error) (passes bool) {
	passes = granted || err == ErrSkip || l.opts.Shadow
	if from.begins && (err == nil || passes) {
		l.backend.failedDecision(d.Guard, d.Cost, from).Report(r)
		if passes {
			return true
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
	default:
		return false
	}
	d.Report(r)
	return true
}

// cost returns what a request takes. Its error is ErrSkip for nothing.
func (l *Limiter) cost(r *http.Request) (int, error) {
	if l.opts.Cost == nil {
		return 1, nil
	}
	cost := l.opts.Cost(r)
	switch {
	case cost < 0:
		return cost, fmt.Errorf("ratelimit: a cost of %d", cost)
	case cost == 0:
		return cost, ErrSkip
	}
	return cost, nil
}

// errZeroValue is the error of a zero Limiter, which grants nothing.
var errZeroValue = errors.New("ratelimit: a zero Limiter was used; see New")

// requested appends to out a demand for each limit of each key of a request. Its error
// is ErrSkip if there are none.
func (l *Limiter) requested(r *http.Request, out []demand, cost int) ([]demand, error) {
	for i := range l.parts {
		p := &l.parts[i]
		key, err := p.key(r)
		if err != nil {
			if err = skipOr(err); err == ErrSkip {
				continue
			}
			return nil, err
		}
		if out, err = l.demands(r.Context(), out, p, key, cost); err == errCost {
			return nil, badRequest("cost_too_large", "The request is too large for its limit", err)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(l.parts) == 0:
		return nil, errZeroValue
	case len(out) == 0:
		return nil, ErrSkip
	}
	if l.flights {
		l.countFlights(out)
	}
	return out, l.checkPlans(out)
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
