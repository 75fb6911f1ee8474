package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Also holds further limits on the same key. All of them are taken, or
	// none. Each needs a name of its own.
	Also []Limit
	// LimitsOf, if set, tells the limits of one caller, such as those of their
	// tariff (the context has the principal). Nil limits stand for those of
	// New. An error, and a limit that is not valid, is our own failure.
	LimitsOf func(ctx context.Context) ([]Limit, error)
	// Cost is what a request takes; if nil, 1. A cost of 0 is not limited, one
	// that the limit can never grant is refused with 400, a negative one is
	// our own failure.
	Cost func(r *http.Request) int

	// Store keeps the counts. If nil, they are kept in this process's memory,
	// see [Memory]. Limiters that share a store need limits of different names.
	Store Store
	// Secret keys the hash under which keys get to a Store other than *Memory.
	// Processes that share a store need the same. If nil, the hash has no key,
	// and whoever reads the store can find out keys by trying.
	Secret []byte
	// OnFailure is what happens while the store fails; by default, 503.
	OnFailure Failure
	// Timeout is when a call to a Store other than *Memory has failed. If 0,
	// 50 ms.
	Timeout time.Duration

	// Headers are told to the client with every answer. If 0, none: only a
	// refusal has its Retry-After.
	Headers Headers
	// Message is the sentence of a refusal. If empty, the status's own.
	Message string
	// InContext lets the handler ask for the Result, by From.
	InContext bool
	// Shadow refuses nobody: what would have been refused is reported as
	// guard.Shadowed and goes on. It is for trying a limit out.
	Shadow bool

	// Now is the clock of the default store and of timeouts; if nil, time.Now.
	Now func() time.Time
}

// A Limiter takes requests from a quota. It is safe for use by several
// goroutines.
type Limiter struct {
	opts    Options
	key     Key
	limits  []Limit
	ids     []uint64
	policy  string // the RateLimit-Policy field of limits
	backend *backend
	refusal *guard.Error
}

// New returns a limiter by key. Its error names everything that is wrong.
func New(limit Limit, key Key, opts *Options) (*Limiter, error) {
	l := &Limiter{key: key}
	if opts != nil {
		l.opts = *opts
	}
	limits, err := compiled(append([]Limit{limit}, l.opts.Also...))
	errs := []error{err}
	if key == nil {
		errs = append(errs, errors.New("ratelimit: the key is nil"))
	}
	if l.opts.Store != nil && slices.ContainsFunc(append([]Limit{limit}, l.opts.Also...), func(l Limit) bool { return l.Name == "" }) {
		errs = append(errs, errors.New("ratelimit: a limit in a store of one's own needs a name"))
	}
	l.backend, err = newBackend(&l.opts)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	l.limits = limits
	for i := range limits {
		l.ids = append(l.ids, limits[i].id())
	}
	l.policy = policyField(limits)
	l.opts.Also, l.opts.Secret = nil, nil
	l.refusal = &guard.Error{Status: http.StatusTooManyRequests, Message: l.opts.Message, Err: errors.New("ratelimit: the quota is used up")}
	return l, nil
}

// A Result is what a limiter decided: of several limits, by the one that
// refuses for the longest time or, where none refuses, has the least left.
type Result struct {
	// OK reports whether the take was granted.
	OK bool
	// Limit is the name of the limit that the rest is about.
	Limit string
	// Quota is that limit's.
	Quota int
	// Remaining is what could be taken now.
	Remaining int
	// RetryAfter is how long to wait where OK is false; then it is granted,
	// unless others take meanwhile.
	RetryAfter time.Duration
	// Reset is how long it takes until the whole quota is there again.
	Reset time.Duration
	// Failure is why the store did not decide: OnFailure did.
	Failure error
}

type resultKey struct{}

// From is the result of the innermost limiter with Options.InContext.
func From(ctx context.Context) (Result, bool) {
	r, ok := ctx.Value(resultKey{}).(*Result)
	if !ok {
		return Result{}, false
	}
	return *r, true
}

// Take takes cost units of the key's quotas, without a request. An error is an
// empty key, a cost that is not from 1 to what the limit can ever grant, or a
// store that failed.
func (l *Limiter) Take(ctx context.Context, key string, cost int) (Result, error) {
	if cost < 1 {
		return Result{}, fmt.Errorf("ratelimit: cost %d is not positive", cost)
	}
	var t taking
	return l.take(ctx, &t, key, cost)
}

// Peek tells what Take would find for a cost of 1, and takes nothing.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) {
	var t taking
	return l.take(ctx, &t, key, 0)
}

// Reset forgets what was taken under the key.
func (l *Limiter) Reset(ctx context.Context, key string) error {
	var t taking
	if err := l.prepare(ctx, &t, key, 0); err != nil {
		return err
	}
	taken := make([]Taken, len(t.takes))
	for i := range t.takes {
		taken[i] = Taken{Take: t.takes[i], All: true}
	}
	return l.backend.giveBack(ctx, taken)
}

// A taking is the scratch of one decision; small enough for the stack.
type taking struct {
	policy string
	takes  []Take
	states []State
	room   struct {
		takes  [2]Take
		states [2]State
	}
}

// errCost is a cost that no wait makes possible.
var errCost = errors.New("ratelimit: the cost is more than the limit ever grants")

func (l *Limiter) prepare(ctx context.Context, t *taking, key string, cost int) error {
	if key == "" {
		return errEmptyKey
	}
	limits, ids := l.limits, l.ids
	t.policy = l.policy
	if l.opts.LimitsOf != nil {
		own, err := l.opts.LimitsOf(ctx)
		if err != nil {
			return err
		}
		if len(own) > 0 {
			if limits, err = compiled(own); err != nil {
				return err
			}
			ids, t.policy = nil, ""
		}
	}
	t.takes = t.room.takes[:0]
	for i := range limits {
		if cost > limits[i].capacity() {
			return errCost
		}
		take := Take{Limit: limits[i], Key: key, Cost: cost}
		if ids != nil {
			take.id = ids[i]
		}
		t.takes = append(t.takes, take)
	}
	return nil
}

func (l *Limiter) take(ctx context.Context, t *taking, key string, cost int) (Result, error) {
	if err := l.prepare(ctx, t, key, cost); err != nil {
		return Result{}, err
	}
	if n := len(t.takes); n <= len(t.room.states) {
		t.states = t.room.states[:n]
	} else {
		t.states = make([]State, n)
	}
	failure, err := l.backend.take(ctx, t.takes, t.states)
	if err != nil {
		return Result{}, err
	}
	res := summary(t.takes, t.states)
	res.Failure = failure
	return res, nil
}

// summary picks the state that tells most.
func summary(takes []Take, states []State) Result {
	worst := 0
	for i := range states {
		a, b := &states[i], &states[worst]
		if a.RetryAfter > b.RetryAfter || a.RetryAfter <= 0 && b.RetryAfter <= 0 && a.Remaining < b.Remaining {
			worst = i
		}
	}
	s, l := &states[worst], &takes[worst].Limit
	return Result{
		OK: s.RetryAfter <= 0, Limit: l.Name, Quota: l.capacity(),
		Remaining: s.Remaining, RetryAfter: s.RetryAfter, Reset: s.Reset,
	}
}

// Wrap limits requests to next.
func (l *Limiter) Wrap(next http.Handler) http.Handler {
	wiring.Next("ratelimit", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var t taking
		res, cost, err := l.decide(r, &t)
		d := guard.Decision{Package: "ratelimit", Guard: l.limits[0].Name, Cost: cost}
		switch {
		case errors.Is(err, ErrSkip):
			d.Outcome, d.Reason = guard.Allowed, "skipped"
		case err == nil && res.OK:
			d.Outcome, d.Guard = guard.Allowed, res.Limit
			if res.Failure != nil {
				d.Reason, d.Err = "store failed: "+res.Failure.Error(), res.Failure
			}
		case l.opts.Shadow:
			d = shadowed(d, res, err)
		case err != nil:
			d.Refuse(w, r, err)
			return
		default:
			l.refuse(w, r, d, &t, res)
			return
		}
		d.Report(r)
		if err == nil && !l.opts.Shadow && cost > 0 {
			l.opts.Headers.set(w.Header(), &t, res)
		}
		if err == nil && l.opts.InContext {
			r = r.WithContext(context.WithValue(r.Context(), resultKey{}, &Result{
				OK: res.OK, Limit: res.Limit, Quota: res.Quota, Remaining: res.Remaining,
				RetryAfter: res.RetryAfter, Reset: res.Reset, Failure: res.Failure,
			}))
		}
		next.ServeHTTP(w, r)
	})
}

// decide is the result for a request, or what to refuse it with.
func (l *Limiter) decide(r *http.Request, t *taking) (Result, int, error) {
	cost := 1
	if l.opts.Cost != nil {
		if cost = l.opts.Cost(r); cost < 0 {
			return Result{}, cost, fmt.Errorf("ratelimit: a cost of %d", cost)
		}
	}
	if cost == 0 {
		return Result{}, 0, ErrSkip
	}
	key, err := l.key(r)
	if err != nil {
		return Result{}, cost, err
	}
	res, err := l.take(r.Context(), t, key, cost)
	if err == errCost {
		err = &guard.Error{Status: http.StatusBadRequest, Message: "The request is too large for its limit", Err: err}
	}
	return res, cost, err
}

func (l *Limiter) refuse(w http.ResponseWriter, r *http.Request, d guard.Decision, t *taking, res Result) {
	d.Guard, d.RetryAfter = res.Limit, res.RetryAfter
	h := w.Header()
	l.opts.Headers.set(h, t, res)
	h["Retry-After"] = []string{seconds(res.RetryAfter)}
	d.Refuse(w, r, l.refusal)
}

func shadowed(d guard.Decision, res Result, err error) guard.Decision {
	d.Outcome, d.Err = guard.Shadowed, err
	if err != nil {
		d.Reason = err.Error()
		return d
	}
	d.Guard, d.RetryAfter, d.Reason = res.Limit, res.RetryAfter, "the quota is used up"
	return d
}
