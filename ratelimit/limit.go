package ratelimit

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// An Algorithm selects how a Limit counts.
type Algorithm uint8

const (
	// Sliding never grants more than Quota in any window of that length. It is
	// exact for quotas up to 16. For larger ones takes are counted in sixteenths
	// of the window, and each expires up to a sixteenth of the window late.
	Sliding Algorithm = iota

	// GCRA spreads the quota evenly over the window, like a leaky bucket of
	// Burst places: in any time t it grants at most Burst + Quota*t/Window, so
	// up to Burst + Quota in one Window. It takes the least memory.
	GCRA

	// InFlight counts requests while they are handled: at most Quota of a key at a
	// time. See [Concurrent]. Window is how long the requests of a process that
	// crashed still count in a shared store.
	InFlight
)

// Concurrent returns a limit of n requests at a time, named "concurrent". A request
// counts until its handler has returned or panicked. Those of a process that crashed
// count for a minute in a shared store, and no longer.
func Concurrent(n int) Limit {
	return Limit{Name: "concurrent", Quota: n, Window: time.Minute, Algorithm: InFlight}
}

// Unlimited is the Quota of a limit that never refuses, for LimitsOf.
const Unlimited = -1

// exactQuota is the largest quota that Sliding logs one by one.
const exactQuota = 16

// A Limit is a quota for a window of time, or for each period of a calendar. Quota is
// required, and either Window or Calendar.
type Limit struct {
	// Name identifies the limit in a shared store, in headers and in Observe: 1
	// to 64 letters, digits, "-", "_" and ".". If empty, "default".
	Name string
	// Quota is the number of units that may be taken in a Window, from 1 to
	// 1<<30. GCRA grants at most one per microsecond. LimitsOf may also return a quota
	// of 0, which refuses every request with 403 and takes nothing, and [Unlimited],
	// which takes nothing and is in no header field. These two need no Window.
	Quota int
	// Window is 1 ms to 366 days and, for InFlight, at least a second.
	Window time.Duration
	// Calendar counts in days or months in place of a window, with Sliding only: for
	// quotas that are sold. The count begins at 0 with each period. So twice the quota
	// may be taken in a short time around its end.
	Calendar Calendar
	// Algorithm is Sliding by default.
	Algorithm Algorithm
	// Burst is for GCRA only: the number of units that may be taken at once, up
	// to 1<<30, and it must drain within ten years. If 0, Quota.
	Burst int
}

const (
	minWindow = time.Millisecond
	minLease  = time.Second // of InFlight, which is renewed three times in it
	maxWindow = 366 * 24 * time.Hour
	maxQuota  = 1 << 30
)

// capacity is the largest cost that one take can have.
func (l *Limit) capacity() int {
	if l.Algorithm == GCRA && l.Burst > 0 {
		return l.Burst
	}
	return l.Quota
}

// interval is the time in which one unit of a GCRA limit drains, rounded up.
func (l *Limit) interval() int64 {
	return (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
}

// check reports every mistake.
func (l *Limit) check() error { return l.checkAs(false) }

// checkAs is check. A limit of a plan is one that LimitsOf returned.
func (l *Limit) checkAs(ofPlan bool) error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("ratelimit: limit %q: "+format, append([]any{l.Name}, args...)...))
	}
	if !isName(l.Name) {
		fail("the name must be 1 to 64 letters, digits, '-', '_' or '.'")
	}
	special := l.Quota == 0 || l.Quota == Unlimited
	switch {
	case special && ofPlan, 0 < l.Quota && l.Quota <= maxQuota:
	case special:
		fail("quota %d is not from 1 to %d: only LimitsOf may return 0 and Unlimited", l.Quota, maxQuota)
	default:
		fail("quota %d is not from 1 to %d", l.Quota, maxQuota)
	}
	shortest := minWindow
	if l.Algorithm == InFlight {
		shortest = minLease
	}
	switch {
	case l.Calendar != Calendar{}:
		if l.Window != 0 {
			fail("it has a window of %v and a calendar, and needs one of them", l.Window)
		}
		if !l.Calendar.isValid() {
			fail("the day of a Monthly calendar is not from 1 to 31")
		}
		if l.Algorithm != Sliding {
			fail("a calendar is for Sliding only")
		}
	case l.Window == 0 && special && ofPlan:
	case l.Window < shortest || l.Window > maxWindow:
		fail("window %v is not from %v to %v", l.Window, shortest, maxWindow)
	}
	switch l.Algorithm {
	case Sliding, InFlight:
		if l.Burst != 0 {
			fail("a burst is for GCRA only")
		}
	case GCRA:
		if l.Burst < 0 || l.Burst > maxQuota {
			fail("burst %d is not from 1 to %d", l.Burst, maxQuota)
		}
		if len(errs) == 0 && l.Quota > 0 && l.interval() < int64(time.Microsecond) {
			fail("GCRA grants at most one per microsecond")
		}
		if len(errs) == 0 && l.Quota > 0 && int64(l.capacity()) > int64(10*maxWindow)/l.interval() {
			fail("burst %d takes longer than ten years to drain", l.capacity())
		}
	default:
		fail("unknown algorithm %d", l.Algorithm)
	}
	return errors.Join(errs...)
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// maxLimits bounds the limits of one request.
const maxLimits = 16

// A demand is a Take within this package. It points to a limit that all requests
// share, so that no request copies it.
type demand struct {
	*compiledLimit
	key    string
	cost   int
	force  bool    // Take.Force
	period *period // of a limit with a Calendar
	call   string  // Take.Call
	hash   uint64  // of the key, by the *Memory that takes
}

// A period is one of a Calendar.
type period struct{ since, until time.Time }

// A compiledLimit is a limit with the values that follow from it.
type compiledLimit struct {
	limit  *Limit
	id     uint64
	class  int
	item   string                 // the name as an item of the header fields
	latest atomic.Pointer[period] // of the Calendar
}

func (c *compiledLimit) isInFlight() bool { return c.class == classInFlight }

// periodAt returns the period of a limit's Calendar, or nil if it has none.
func (c *compiledLimit) periodAt(now func() time.Time) *period {
	if c.class != classCalendar {
		return nil
	}
	return c.periodOf(now())
}

// periodOf returns the period of a time. Requests share it.
func (c *compiledLimit) periodOf(now time.Time) *period {
	if p := c.latest.Load(); p != nil && !now.Before(p.since) && now.Before(p.until) {
		return p
	}
	since, until := c.limit.Calendar.period(now)
	p := &period{since, until}
	c.latest.Store(p)
	return p
}

func (l *Limit) compile() *compiledLimit {
	return &compiledLimit{limit: l, id: l.id(), class: classOf(l)}
}

func (d *demand) take() Take {
	t := Take{Limit: *d.limit, Key: d.key, Cost: d.cost, Force: d.force, Call: d.call}
	if d.period != nil {
		t.Since, t.Until = d.period.since, d.period.until
	}
	return t
}

// compile returns a demand of each limit without a key and a cost. Its error
// reports every mistake.
func compile(limits []Limit) ([]demand, error) { return compileAll(limits, false) }

func compileAll(limits []Limit, ofPlan bool) ([]demand, error) {
	var errs []error
	if len(limits) > maxLimits {
		return nil, errTooMany(len(limits))
	}
	out := make([]demand, len(limits))
	for i, l := range limits {
		if l.Name == "" {
			l.Name = "default"
		}
		if err := l.checkAs(ofPlan); err != nil {
			errs = append(errs, err)
		}
		c := l.compile()
		c.item = `"` + l.Name + `"`
		out[i] = demand{compiledLimit: c}
	}
	return out, errors.Join(errs...)
}

// sameNames returns an error for limits of one name: their counts and header fields
// would be the same.
func sameNames(demands []demand) error {
	var errs []error
	for i := range demands {
		name, earlier := demands[i].limit.Name, 0
		for j := range demands[:i] {
			if demands[j].limit.Name == name {
				earlier++
			}
		}
		if earlier == 1 { // reported once for each name
			errs = append(errs, fmt.Errorf("ratelimit: two limits are named %q: each limit of a Limiter needs a different Name", name))
		}
	}
	return errors.Join(errs...)
}

func errTooMany(n int) error {
	return fmt.Errorf("ratelimit: %d limits for one request are more than %d", n, maxLimits)
}

// id is a hash of what names the counts of a limit beside the key and the period. It
// is not the quota, so that a count survives a change of it.
func (l *Limit) id() uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range []byte(l.Name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	for _, v := range [...]uint64{uint64(l.Window), uint64(l.Algorithm)} {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h
}
