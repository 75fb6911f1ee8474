package ratelimit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

// A Limiter refuses requests beyond a quota. Use [New]: a zero one refuses all of them,
// with 500. It is safe for use by several goroutines.
type Limiter struct {
	opts     Options
	parts    []part // that of New, and those of AlsoBy
	name     string // of the limit of New
	count    int    // of the limits of all parts
	policy   string // their RateLimit-Policy field
	hasPlans bool   // a part has LimitsOf
	flights  bool   // there may be InFlight limits
	backend  *backend
	refusal  *guard.Error // a template: only copies are handed out
}

// A part is a key with its limits.
type part struct {
	key      Key
	limits   []demand // without a key and a cost
	also     []demand // those of limits that apply beside any plan
	limitsOf func(context.Context) ([]Limit, error)
}

// New returns a limiter by key; opts may be nil. Its error reports every mistake.
func New(limit Limit, key Key, opts *Options) (*Limiter, error) {
	l := &Limiter{}
	if opts != nil {
		l.opts = *opts
	}
	errs := []error{l.addPart(By{Key: key, Limits: append([]Limit{limit}, l.opts.Also...), LimitsOf: l.opts.LimitsOf}, "the key", 1)}
	for i, by := range l.opts.AlsoBy {
		errs = append(errs, l.addPart(by, fmt.Sprintf("key %d of AlsoBy", i+1), len(by.Limits)))
	}
	errs = append(errs, l.checkParts(), l.opts.Headers.check())
	var err error
	l.backend, err = newBackend(&l.opts, false)
	if l.opts.Now == nil { // after newBackend: without a clock, a store reads a faster one
		l.opts.Now = time.Now
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	l.name = l.parts[0].limits[0].limit.Name
	if len(l.parts) > 1 {
		l.backend.setSlot(l.name)
	}
	l.opts.Also, l.opts.AlsoBy, l.opts.LimitsOf, l.opts.Secret = nil, nil, nil, nil
	l.refusal = &guard.Error{Status: http.StatusTooManyRequests, Code: codeLimited, Message: l.opts.Message, Err: errors.New("ratelimit: the quota is used up")}
	return l, nil
}

// addPart adds a key and its limits, of which a plan replaces the first ones.
func (l *Limiter) addPart(by By, name string, replaced int) error {
	var errs []error
	if by.Key == nil {
		errs = append(errs, fmt.Errorf("ratelimit: %s is nil", name))
	}
	if len(by.Limits) == 0 {
		errs = append(errs, fmt.Errorf("ratelimit: %s has no limits", name))
	}
	limits, err := compile(by.Limits)
	errs = append(errs, err, l.checkNames(by.Limits))
	p := part{key: by.Key, limits: limits, limitsOf: by.LimitsOf}
	if err == nil {
		p.also = limits[replaced:]
	}
	l.parts = append(l.parts, p)
	l.hasPlans = l.hasPlans || by.LimitsOf != nil
	l.flights = l.flights || by.LimitsOf != nil || slices.ContainsFunc(by.Limits, func(l Limit) bool { return l.Algorithm == InFlight })
	return errors.Join(errs...)
}

// checkParts returns an error for the limits of all parts together.
func (l *Limiter) checkParts() error {
	var all []demand
	for _, p := range l.parts {
		all = append(all, p.limits...)
	}
	l.count, l.policy = len(all), policyField(all)
	return checkAll(all)
}

func checkAll(demands []demand) error {
	if len(demands) > maxLimits {
		return errTooMany(len(demands))
	}
	return sameNames(demands)
}

// checkNames returns an error for limits without a name whose counts another
// limiter's may share.
func (l *Limiter) checkNames(limits []Limit) error {
	if l.opts.Store != nil && slices.ContainsFunc(limits, func(l Limit) bool { return l.Name == "" }) {
		return errors.New("ratelimit: a limit in a Store needs a name")
	}
	return nil
}

// A Result is the decision of a limiter. Of several limits it is about the one
// with the longest RetryAfter or, if all of them grant, the least remaining. A limit
// of requests in flight is then the last choice.
type Result struct {
	// OK reports whether the take was granted.
	OK bool
	// Limit is the name of the limit that the Result is about.
	Limit string
	// Quota is the quota of that limit or, with GCRA, its burst. If no limit applies
	// to the client, it is Unlimited, and Remaining is 1<<30.
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
// Reset does. also has the values of the keys of Options.AlsoBy, in their order. With
// LimitsOf, ctx must have the principal whose limits apply.
//
// It returns an error for a key that is missing or empty, for a cost that is not from
// 1 to the largest that the limit can grant, and if the store failed. For a suspended
// plan, the error is the 403 of Options.LimitsOf. With a limit of requests in flight,
// Take returns an error: Wrap and Reserve know when a request ends.
// Take and Peek report no decisions, except for the one with which an outage begins:
// see Options.OnFailure.
func (l *Limiter) Take(ctx context.Context, key string, cost int, also ...string) (Result, error) {
	if cost < 1 {
		return Result{}, fmt.Errorf("ratelimit: cost %d is not positive", cost)
	}
	if len(also) < len(l.parts)-1 {
		return Result{}, fmt.Errorf("ratelimit: Take with %d of %d keys of AlsoBy", len(also), len(l.parts)-1)
	}
	return l.result(ctx, key, cost, also)
}

// Peek returns the Result of a Take of cost 1, and takes nothing. A key that is missing
// or empty is left out: Peek(ctx, "", "acme") is about a key of AlsoBy alone. It returns
// an error if all keys are.
func (l *Limiter) Peek(ctx context.Context, key string, also ...string) (Result, error) {
	return l.result(ctx, key, 0, also)
}

func (l *Limiter) result(ctx context.Context, key string, cost int, also []string) (Result, error) {
	var buf stackBuffer
	demands := buf.demands[:0]
	err := l.eachPart(key, also, cost > 0, func(p *part, key string) (err error) {
		demands, err = l.demands(ctx, demands, p, key, cost)
		return err
	})
	if err == nil {
		err = l.checkPlans(demands)
	}
	if err == nil && cost > 0 && l.flights && hasFlights(demands) {
		err = errors.New("ratelimit: Take of a limit of requests in flight: use Wrap or Reserve")
	}
	if err != nil {
		return Result{}, err
	}
	if len(demands) == 0 {
		return Result{OK: true, Limit: l.name, Quota: Unlimited, Remaining: maxQuota}, nil
	}
	states := statesFor(demands, buf.states[:0])
	from, err := l.take(ctx, demands, states, false)
	if err != nil {
		return Result{}, err
	}
	res := resultOf(demands, states, from.failure)
	if from.begins {
		l.backend.failedDecision(res.Limit, cost, from).ReportTo(ctx)
	}
	return res, nil
}

// eachPart calls f for each part and its key. Unless all are required, keys that are
// empty or missing are left out, but not all of them.
func (l *Limiter) eachPart(key string, also []string, all bool, f func(*part, string) error) error {
	if len(l.parts) == 0 {
		return errZeroValue
	}
	if len(also) >= len(l.parts) {
		return fmt.Errorf("ratelimit: %d keys for the %d of AlsoBy", len(also), len(l.parts)-1)
	}
	none := true
	for i := range min(len(l.parts), 1+len(also)) {
		if i > 0 {
			key = also[i-1]
		}
		if key == "" && !all {
			continue
		}
		if err := f(&l.parts[i], key); err != nil {
			return err
		}
		none = false
	}
	if none {
		return errEmptyKey
	}
	return nil
}

// Reset undoes every take of the key, also in a Fallback. See [Limiter.Take] for the
// keys and ctx; a key that is missing or empty is left out, as by [Limiter.Peek]. Of a
// Calendar, Reset undoes the takes of the present period. Requests in flight still
// count. It returns an error if all keys are empty, and if the store failed.
func (l *Limiter) Reset(ctx context.Context, key string, also ...string) error {
	var demands []demand
	err := l.eachPart(key, also, false, func(p *part, key string) error {
		limits, err := l.limitsOf(ctx, p)
		for _, d := range limits {
			if d = d.counted(); d.compiledLimit != nil {
				d.key, d.period = key, d.periodAt(l.opts.Now)
				demands = append(demands, d)
			}
		}
		return err
	})
	if err == nil {
		err = l.checkPlans(demands)
	}
	if err != nil || len(demands) == 0 {
		return err
	}
	return l.backend.reset(ctx, demands)
}

// counted returns a demand whose limit has a count that Reset undoes, or none. A
// suspended or unlimited plan may have one from before.
func (d demand) counted() demand {
	l := *d.limit
	switch {
	case l.Algorithm == InFlight, l.Window == 0 && l.Calendar == Calendar{}:
		return demand{}
	case l.Quota < 1:
		l.Quota = 1
		return demand{compiledLimit: l.compile()}
	}
	return d
}

// A stackBuffer on the caller's stack is large enough for most decisions. It is
// passed on and returned as slices: a pointer to it would move it to the heap.
type stackBuffer struct {
	demands [2]demand
	states  [2]State
}

// statesFor returns a State for each demand, in buf if it is large enough.
func statesFor(demands []demand, buf []State) []State {
	if len(demands) <= cap(buf) {
		return buf[:len(demands)]
	}
	return make([]State, len(demands))
}

// A requestTake is an answered take of the limits of a request. Its slices may be on the
// caller's stack.
type requestTake struct {
	demands []demand
	states  []State
	cost    int
}

// errCost is the error of a cost that can never be granted.
var errCost = errors.New("ratelimit: the cost is more than the limit ever grants")

// limitsOf returns the limits of a key: those of its plan, or those of New or By if it
// has none.
func (l *Limiter) limitsOf(ctx context.Context, p *part) ([]demand, error) {
	if p.limitsOf == nil {
		return p.limits, nil
	}
	plan, err := p.limitsOf(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ratelimit: LimitsOf: %w", err)
	case len(plan) == 0:
		return p.limits, nil
	}
	limits, err := compileAll(plan, true)
	limits = append(limits, p.also...)
	return limits, errors.Join(err, checkAll(limits), l.checkNames(plan))
}

// demands appends to out a demand for each limit of a key that takes something.
func (l *Limiter) demands(ctx context.Context, out []demand, p *part, key string, cost int) ([]demand, error) {
	if key == "" {
		return nil, fmt.Errorf("ratelimit: the key of limit %q is empty: where a request has none, a Key returns ErrSkip or a refusal",
			p.limits[0].limit.Name)
	}
	limits, err := p.limits, error(nil)
	if p.limitsOf != nil {
		limits, err = l.limitsOf(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	for i := range limits {
		c := limits[i].compiledLimit
		if quota := c.limit.Quota; quota < 1 { // of a plan
			if quota == 0 {
				return nil, noQuota(c.limit.Name)
			}
			continue
		}
		out = append(out, demand{})
		d := &out[len(out)-1] // set in place: a copy of a new demand waits for its stores
		d.compiledLimit, d.key, d.cost = c, key, cost
		switch {
		case c.class == classInFlight:
			d.cost = 0 // a request takes 1
		case cost > c.limit.capacity():
			err = errCost
		case c.class == classCalendar:
			d.period = c.periodOf(l.opts.Now())
		}
	}
	return out, err
}

// checkPlans returns an error for limits of several plans that do not fit together.
func (l *Limiter) checkPlans(demands []demand) error {
	if !l.hasPlans || len(l.parts) == 1 {
		return nil // New has checked them, or limitsOf
	}
	return checkAll(demands)
}

// noQuota is the refusal of a suspended plan. It has no Retry-After: no time ends it.
func noQuota(name string) error {
	return &guard.Error{
		Status:  http.StatusForbidden,
		Code:    "no_quota",
		Message: "There is no quota for this request",
		Err:     fmt.Errorf("ratelimit: the quota of %q is 0", name),
	}
}

// take fills states. If settles is true, the cost of the take is known later.
func (l *Limiter) take(ctx context.Context, demands []demand, states []State, settles bool) (from source, err error) {
	from, err = l.backend.takeToSettle(ctx, demands, states, settles)
	if !l.flights {
		return from, err
	}
	for i := range states {
		if s := &states[i]; s.RetryAfter > time.Second && demands[i].isInFlight() {
			s.RetryAfter = time.Second // when a request ends is unknown
		}
	}
	return from, err
}

// countFlights makes demands for a request that counts while it is in flight. *Memory
// needs no name of the call.
func (l *Limiter) countFlights(demands []demand) {
	call := ""
	for i := range demands {
		if d := &demands[i]; d.isInFlight() {
			if call == "" && l.backend.memory == nil {
				call = rand.Text()
			}
			d.cost, d.call = 1, call
		}
	}
}

func hasFlights(demands []demand) bool {
	for i := range demands {
		if demands[i].isInFlight() {
			return true
		}
	}
	return false
}

func areGranted(states []State) bool {
	for i := range states {
		if states[i].RetryAfter > 0 {
			return false
		}
	}
	return true
}

// decisive returns the index of the state that a Result is about.
func decisive(demands []demand, states []State) int {
	worst := 0
	for i := 1; i < len(states); i++ {
		a, b := &states[i], &states[worst]
		switch {
		case a.RetryAfter > 0 || b.RetryAfter > 0:
			if a.RetryAfter > b.RetryAfter {
				worst = i
			}
		case demands[i].isInFlight() != demands[worst].isInFlight():
			if demands[worst].isInFlight() {
				worst = i
			}
		case a.Remaining < b.Remaining:
			worst = i
		}
	}
	return worst
}

func resultOf(demands []demand, states []State, failure error) Result {
	i := decisive(demands, states)
	s, l := &states[i], demands[i].limit
	return Result{
		OK: s.RetryAfter <= 0, Limit: l.Name, Quota: l.capacity(),
		Remaining: s.Remaining, RetryAfter: s.RetryAfter, Reset: s.Reset,
		Failure: failure,
	}
}
