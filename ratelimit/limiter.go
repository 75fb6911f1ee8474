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
	// or none. Each needs a name of its own.
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
	// Secret, of at least 16 bytes, keys the hash under which keys get to a
	// Store other than *Memory. Processes that share a store need the same. If
	// nil, the hash has no key, and whoever reads the store can find out keys by
	// trying. An empty one is an error.
	Secret []byte
	// OnFailure is what happens while the store fails; by default, 503.
	OnFailure Failure
	// Timeout is when a call to a Store other than *Memory has failed, or up to
	// a sixteenth of it sooner. If 0, 50 ms.
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
	limits  []want // without a key and a cost
	policy  string // their RateLimit-Policy field
	backend *backend
	refusal *guard.Error
}

// New returns a limiter by key; opts may be nil. Its error names everything
// that is wrong.
func New(limit Limit, key Key, opts *Options) (*Limiter, error) {
	l := &Limiter{key: key}
	if opts != nil {
		l.opts = *opts
	}
	all := append([]Limit{limit}, l.opts.Also...)
	var errs [4]error
	l.limits, errs[0] = compiled(all)
	if key == nil {
		errs[1] = errors.New("ratelimit: the key is nil")
	}
	if l.opts.Store != nil && slices.ContainsFunc(all, func(l Limit) bool { return l.Name == "" }) {
		errs[2] = errors.New("ratelimit: a limit in a store of one's own needs a name")
	}
	l.backend, errs[3] = newBackend(&l.opts, false)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	l.policy = policyField(l.limits)
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

// Take takes cost units of the key's quotas, without a request. The key of
// Take, Peek and Reset is what the limiter's [Key] returns for a request: for
// [ByPrincipal] the id, for [ByIP] not the address's text but its 4 or 16 bytes.
// Where there is no request, give the Key one that is made up, as the example of
// Reset does.
//
// An error is an empty key, a cost that is not from 1 to what the limit can ever
// grant, or a store that failed.
func (l *Limiter) Take(ctx context.Context, key string, cost int) (Result, error) {
	if cost < 1 {
		return Result{}, fmt.Errorf("ratelimit: cost %d is not positive", cost)
	}
	return l.result(ctx, key, cost)
}

// Peek tells what Take would find for a cost of 1, and takes nothing.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) {
	return l.result(ctx, key, 0)
}

func (l *Limiter) result(ctx context.Context, key string, cost int) (Result, error) {
	var room room
	wants, states, failure, err := l.take(ctx, room.wants[:0], room.states[:0], key, cost)
	if err != nil {
		return Result{}, err
	}
	return resultOf(wants, states, failure), nil
}

// Reset forgets what was taken under the key, also by a Fallback; see
// [Limiter.Take] for what a key is, and with Options.LimitsOf under the limits
// of ctx's caller. An error is an empty key, or a store that failed.
func (l *Limiter) Reset(ctx context.Context, key string) error {
	wants, err := l.wants(ctx, nil, key, 0)
	if err != nil {
		return err
	}
	return l.backend.forget(ctx, wants)
}

// A room on the caller's stack is enough for most decisions. It is handed on as
// slices and comes back as results: what is written through a pointer goes to
// the heap.
type room struct {
	wants  [2]want
	states [2]State
}

// errCost is a cost that no wait makes possible.
var errCost = errors.New("ratelimit: the cost is more than the limit ever grants")

// wants appends to out what the key has to take.
func (l *Limiter) wants(ctx context.Context, out []want, key string, cost int) ([]want, error) {
	if key == "" {
		return nil, errEmptyKey
	}
	limits := l.limits
	if l.opts.LimitsOf != nil {
		own, err := l.opts.LimitsOf(ctx)
		if err != nil {
			return nil, fmt.Errorf("ratelimit: LimitsOf: %w", err)
		}
		if len(own) > 0 {
			if limits, err = compiled(own); err != nil {
				return nil, err
			}
		}
	}
	for i := range limits {
		w := &limits[i]
		if cost > w.limit.capacity() {
			return nil, errCost
		}
		out = append(out, want{w.known, key, cost})
	}
	return out, nil
}

// take uses and returns the empty wants and states it is given.
func (l *Limiter) take(ctx context.Context, wants []want, states []State, key string, cost int) (_ []want, _ []State, failure, err error) {
	wants, err = l.wants(ctx, wants, key, cost)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(wants) <= cap(states) {
		states = states[:len(wants)]
	} else {
		states = make([]State, len(wants))
	}
	failure, err = l.backend.take(ctx, wants, states)
	return wants, states, failure, err
}

// decisive is the index of the state that tells most.
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

func resultOf(wants []want, states []State, failure error) Result {
	i := decisive(states)
	s, l := &states[i], wants[i].limit
	return Result{
		OK: s.RetryAfter <= 0, Limit: l.Name, Quota: l.capacity(),
		Remaining: s.Remaining, RetryAfter: s.RetryAfter, Reset: s.Reset,
		Failure: failure,
	}
}
