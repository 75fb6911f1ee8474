package ratelimit

import (
	"errors"
	"fmt"
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
	// up to Burst + Quota in one Window. Its counts are the smallest.
	GCRA
)

// exactQuota is the largest quota that Sliding logs one by one.
const exactQuota = 16

// A Limit is a quota for a window of time. Quota and Window are required.
type Limit struct {
	// Name identifies the limit in a shared store, in headers and in Observe: 1
	// to 64 letters, digits, "-", "_" and ".". If empty, "default".
	Name string
	// Quota is the number of units that may be taken in a Window, from 1 to
	// 1<<30. GCRA grants at most one per microsecond.
	Quota int
	// Window is 1 ms to 366 days.
	Window time.Duration
	// Algorithm is Sliding by default.
	Algorithm Algorithm
	// Burst is for GCRA only: the number of units that may be taken at once, up
	// to 1<<30, and it must drain within ten years. If 0, Quota.
	Burst int
}

const (
	minWindow = time.Millisecond
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

func (l *Limit) check() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("ratelimit: limit %q: "+format, append([]any{l.Name}, args...)...))
	}
	if !isName(l.Name) {
		fail("the name must be 1 to 64 letters, digits, '-', '_' or '.'")
	}
	if l.Quota < 1 || l.Quota > maxQuota {
		fail("quota %d is not from 1 to %d", l.Quota, maxQuota)
	}
	if l.Window < minWindow || l.Window > maxWindow {
		fail("window %v is not from %v to %v", l.Window, minWindow, maxWindow)
	}
	switch l.Algorithm {
	case Sliding:
		if l.Burst != 0 {
			fail("a burst is for GCRA only")
		}
	case GCRA:
		if l.Burst < 0 || l.Burst > maxQuota {
			fail("burst %d is not from 1 to %d", l.Burst, maxQuota)
		}
		if len(errs) == 0 && l.interval() < int64(time.Microsecond) {
			fail("GCRA grants at most one per microsecond")
		}
		if len(errs) == 0 && int64(l.capacity()) > int64(10*maxWindow)/l.interval() {
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
	key  string
	cost int
}

// A compiledLimit is a limit with the values that follow from it.
type compiledLimit struct {
	limit *Limit
	id    uint64
	class int
	item  string // the name as an item of the header fields
}

func (l *Limit) compile() *compiledLimit {
	return &compiledLimit{limit: l, id: l.id(), class: classOf(l)}
}

func (d *demand) take() Take { return Take{Limit: *d.limit, Key: d.key, Cost: d.cost} }

// compile returns a demand of each limit without a key and a cost. Its error
// reports every mistake.
func compile(limits []Limit) ([]demand, error) {
	var errs []error
	if len(limits) > maxLimits {
		return nil, fmt.Errorf("ratelimit: %d limits for one key are more than %d", len(limits), maxLimits)
	}
	out := make([]demand, len(limits))
	for i, l := range limits {
		if l.Name == "" {
			l.Name = "default"
		}
		if err := l.check(); err != nil {
			errs = append(errs, err)
		}
		for _, other := range out[:i] {
			if other.limit.Name == l.Name {
				errs = append(errs, fmt.Errorf("ratelimit: two limits are named %q", l.Name))
			}
		}
		c := l.compile()
		c.item = `"` + l.Name + `"`
		out[i] = demand{compiledLimit: c}
	}
	return out, errors.Join(errs...)
}

// id is a hash of the limit, which is the same in every process.
func (l *Limit) id() uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range []byte(l.Name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	for _, v := range [...]uint64{uint64(l.Quota), uint64(l.Window), uint64(l.Algorithm), uint64(l.Burst)} {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h
}
