package ratelimit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard"
)

// An outage is a time in which OnFailure decides in place of the store. Each one
// is reported as a failure a single time, and its decisions are counted.
type outage struct {
	decisions atomic.Int64 // without the store, since they were last reported

	mu   sync.Mutex
	last time.Time // of the last failure
}

// sameOutage is how close together failures belong to one outage, whether or not
// the store answered in between: a store that is slow now and then must not flood
// the log, and without requests nothing shows when an outage ended.
const sameOutage = time.Minute

// failed counts a decision without the store, and reports whether an outage
// begins with it.
func (o *outage) failed(now time.Time) (begins bool) {
	o.decisions.Add(1)
	return o.begins(now)
}

// begins reports whether an outage begins with a failure now.
func (o *outage) begins(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	begins := o.last.IsZero() || now.Sub(o.last).Abs() >= sameOutage // also after the clock was set back
	o.last = now
	return begins
}

// unreported returns how many decisions were made without the store since the
// last call.
func (o *outage) unreported() int64 {
	if o.decisions.Load() == 0 {
		return 0
	}
	return o.decisions.Swap(0)
}

// A source is what answered a take. The zero value is the store.
type source struct {
	failure error // of the store, if OnFailure decided in its place
	begins  bool  // whether an outage begins with this failure
}

// failedDecision is the decision with which an outage begins. The request, if
// there is one, proceeds as OnFailure decided.
func (b *backend) failedDecision(limit string, cost int, from source) guard.Decision {
	return guard.Decision{Package: "ratelimit", Guard: limit, Cost: cost, Outcome: guard.Failed, Reason: b.reason(from), Err: from.failure}
}

// reason is the Reason of a decision about a take that was answered; "" if there
// is nothing to say about the store.
func (b *backend) reason(from source) string {
	if from.failure != nil {
		return fmt.Sprintf("the store failed, and %s decided: %v", b.failure.mode, from.failure)
	}
	if n := b.outage.unreported(); n > 0 {
		return fmt.Sprintf("the store answers again; decisions made without it: %d", n)
	}
	return ""
}
