package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Also holds further limits on the same key, up to 15. All of them are taken,
	// or none. Each needs a different name.
	Also []Limit
	// LimitsOf, if set, returns the limits of one client, such as those of its
	// plan; the context has the principal. If it returns no limits, those of New
	// apply. An error and an invalid limit are failures of our own: 500.
	LimitsOf func(ctx context.Context) ([]Limit, error)
	// Cost returns the units that a request takes; if nil, 1. A request of cost 0
	// is not limited. A cost that the limit can never grant is refused with 400,
	// and a negative cost is a failure of our own.
	Cost func(r *http.Request) int

	// Store has the counts. If nil, they are in this process's memory: see
	// [Memory]. Limiters that share a store need limits with different names.
	Store Store
	// Secret, of at least 16 bytes, keys the hash of the keys in a Store other
	// than *Memory. Processes that share a store need the same secret. If nil,
	// the hash has no key, and a reader of the store can find keys by guessing.
	// An empty secret is an error.
	Secret []byte
	// OnFailure selects what happens while the store fails; by default, 503.
	//
	// An outage in which requests proceed is reported once: its first decision is
	// guard.Failed, although the request proceeds. If that request is refused, its
	// refusal follows. Later decisions are Allowed or Refused, with a Reason that
	// names the fallback or FailOpen. The first decision after the store answers
	// again has the number of decisions that were made without it in its Reason.
	// Failures less than a minute apart are one outage, whether or not the store
	// answers in between. Where requests are rarer than that, each failure is
	// reported.
	OnFailure Failure
	// Timeout bounds each call of a Store other than *Memory. A call that takes
	// longer has failed. If 0, 50 ms.
	Timeout time.Duration

	// Headers selects the fields that every answer has. If 0, none: only a
	// refusal has a Retry-After.
	Headers Headers
	// Message is the sentence of a refusal. If empty, it is a default sentence
	// for the status.
	Message string
	// InContext puts the Result into the handler's context, for [Limiter.From].
	InContext bool
	// Shadow refuses no request: a request that would be refused is reported as
	// guard.Shadowed and passed on. It is for trying a limit out. Failures of our
	// own are guard.Failed, an outage of the store once, as under OnFailure.
	Shadow bool

	// Now is the clock of the default store and of the time between calls of a
	// store that fails; if nil, time.Now.
	Now func() time.Time
}

// A Limiter takes requests from a quota. It is safe for use by several
// goroutines.
type Limiter struct {
	opts    Options
	key     Key
	limits  []demand // without a key and a cost
	policy  string   // their RateLimit-Policy field
	backend *backend
	refusal *guard.Error // a template: only copies are handed out
}

// New returns a limiter by key; opts may be nil. Its error reports every mistake.
func New(limit Limit, key Key, opts *Options) (*Limiter, error) {
	l := &Limiter{key: key}
	if opts != nil {
		l.opts = *opts
	}
	all := append([]Limit{limit}, l.opts.Also...)
	var errs [4]error
	l.limits, errs[0] = compile(all)
	if key == nil {
		errs[1] = errors.New("ratelimit: the key is nil")
	}
	if l.opts.Store != nil && slices.ContainsFunc(all, func(l Limit) bool { return l.Name == "" }) {
		errs[2] = errors.New("ratelimit: a limit in a Store needs a name")
	}
	l.backend, errs[3] = newBackend(&l.opts, false)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	l.policy = policyField(l.limits)
	l.opts.Also, l.opts.Secret = nil, nil
	l.refusal = &guard.Error{Status: http.StatusTooManyRequests, Code: codeLimited, Message: l.opts.Message, Err: errors.New("ratelimit: the quota is used up")}
	return l, nil
}

// A Result is the decision of a limiter. Of several limits it is about the one
// with the longest RetryAfter or, if all of them grant, the least remaining.
type Result struct {
	// OK reports whether the take was granted.
	OK bool
	// Limit is the name of the limit that the Result is about.
	Limit string
	// Quota is the quota of that limit or, with GCRA, its burst.
	Quota int
	// Remaining is how many units could be taken now.
	Remaining int
	// RetryAfter is how long to wait if OK is false. The take is granted then,
	// unless others take meanwhile.
	RetryAfter time.Duration
	// Reset is how long it takes until the full quota is available.
	Reset time.Duration
	// Failure is the error of the store if OnFailure decided in its place.
	Failure error
}

// Take takes cost units of the key's quotas, without a request. The key of Take,
// Peek and Reset is the value that the limiter's [Key] returns for a request:
// for [ByPrincipal] the id, and for [ByIP] the 4 or 16 bytes of the address, not
// its text. Without a request, pass the Key a made-up one, as the example of
// Reset does.
//
// It returns an error for an empty key, for a cost that is not from 1 to the
// largest that the limit can grant, and if the store failed. Take and Peek report
// no decisions, except for the one with which an outage begins: see
// Options.OnFailure.
func (l *Limiter) Take(ctx context.Context, key string, cost int) (Result, error) {
	if cost < 1 {
		return Result{}, fmt.Errorf("ratelimit: cost %d is not positive", cost)
	}
	return l.result(ctx, key, cost)
}

// Peek returns the Result of a Take of cost 1, and takes nothing.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) {
	return l.result(ctx, key, 0)
}

func (l *Limiter) result(ctx context.Context, key string, cost int) (Result, error) {
	var buf stackBuffer
	demands, states, from, err := l.take(ctx, buf.demands[:0], buf.states[:0], key, cost)
	if err != nil {
		return Result{}, err
	}
	res := resultOf(demands, states, from.failure)
	if from.begins {
		l.backend.failedDecision(res.Limit, cost, from).ReportTo(ctx)
	}
	return res, nil
}

// Reset undoes every take of the key, also in a Fallback. See [Limiter.Take] for
// the key. With Options.LimitsOf, the limits are those of the client of ctx. It
// returns an error for an empty key, and if the store failed.
func (l *Limiter) Reset(ctx context.Context, key string) error {
	demands, err := l.demands(ctx, nil, key, 0)
	if err != nil {
		return err
	}
	return l.backend.reset(ctx, demands)
}

// A stackBuffer on the caller's stack is large enough for most decisions. It is
// passed on and returned as slices: a pointer to it would move it to the heap.
type stackBuffer struct {
	demands [2]demand
	states  [2]State
}

// errCost is the error of a cost that can never be granted.
var errCost = errors.New("ratelimit: the cost is more than the limit ever grants")

// demands appends to out a demand for each limit of the key.
func (l *Limiter) demands(ctx context.Context, out []demand, key string, cost int) ([]demand, error) {
	if key == "" {
		return nil, errEmptyKey
	}
	limits := l.limits
	if l.opts.LimitsOf != nil {
		custom, err := l.opts.LimitsOf(ctx)
		if err != nil {
			return nil, fmt.Errorf("ratelimit: LimitsOf: %w", err)
		}
		if len(custom) > 0 {
			if limits, err = compile(custom); err != nil {
				return nil, err
			}
		}
	}
	for i := range limits {
		d := &limits[i]
		if cost > d.limit.capacity() {
			return nil, errCost
		}
		out = append(out, demand{d.compiledLimit, key, cost})
	}
	return out, nil
}

// take appends to demands and states, which are empty, and returns them.
func (l *Limiter) take(ctx context.Context, demands []demand, states []State, key string, cost int) (_ []demand, _ []State, from source, err error) {
	demands, err = l.demands(ctx, demands, key, cost)
	if err != nil {
		return nil, nil, source{}, err
	}
	if len(demands) <= cap(states) {
		states = states[:len(demands)]
	} else {
		states = make([]State, len(demands))
	}
	from, err = l.backend.take(ctx, demands, states)
	return demands, states, from, err
}

// decisive returns the index of the state that a Result is about.
func decisive(states []State) int {
	worst := 0
	for i := 1; i < len(states); i++ {
		a, b := &states[i], &states[worst]
		if a.RetryAfter > b.RetryAfter || a.RetryAfter <= 0 && b.RetryAfter <= 0 && a.Remaining < b.Remaining {
			worst = i
		}
	}
	return worst
}

func resultOf(demands []demand, states []State, failure error) Result {
	i := decisive(states)
	s, l := &states[i], demands[i].limit
	return Result{
		OK: s.RetryAfter <= 0, Limit: l.Name, Quota: l.capacity(),
		Remaining: s.Remaining, RetryAfter: s.RetryAfter, Reset: s.Reset,
		Failure: failure,
	}
}
