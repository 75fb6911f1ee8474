package ratelimit

import (
	"math"
	"time"

	"github.com/go-guard/guard/internal/table"
)

// A counter is the record of an InFlight limit or of a period of a Calendar. Its
// words are when it ends (2), the count, and the quota of the last take.
const counterWords = 4

// never is when the record of an InFlight limit ends: it is released with its last
// unit.
const never = math.MaxInt64

// inFlightWait is the RetryAfter and the Reset of an InFlight limit. When a request
// ends is unknown.
const inFlightWait = time.Second

func usedCounter(rec []uint32, _ table.Note, _ int64) float64 {
	return float64(rec[2]) / float64(rec[3])
}

// endOf returns when the record of a period ends, and how long a refused take must
// wait. If calendars show the end already, because a take was late or the caller has
// another clock, the record counts for the length of the period: the caller may still
// take in it.
func (m *Memory) endOf(p *period, now int64) (end int64, wait time.Duration) {
	if wait = m.until(p.until); wait > 0 {
		return now + int64(min(wait, maxPeriod)), wait
	}
	return now + int64(min(p.until.Sub(p.since), maxPeriod)), 1
}

const maxPeriod = 10 * maxWindow

// stepCounter returns the state of a counter that ends at end. A refused take must
// wait for wait.
func stepCounter(l *Limit, rec []uint32, now, end int64, wait time.Duration, cost int, do action) State {
	n := 0
	if table.Int64(rec) > now {
		n = int(rec[2])
	}
	var s State
	if do != force && n-l.Quota+max(cost, 1) > 0 {
		s.RetryAfter = wait
	} else if do != peek {
		n = min(n, maxCount-cost) + cost
		table.PutInt64(rec, end)
		rec[2], rec[3] = uint32(n), uint32(l.Quota)
	}
	if n > 0 {
		s.Reset = wait
	}
	s.Remaining = max(l.Quota-n, 0)
	return s
}

// restoreCounter undoes a take. Those of InFlight limits and of a period do not
// expire one by one, so a counter knows no times.
func restoreCounter(rec []uint32, cost int) (empty bool) {
	rec[2] -= min(rec[2], uint32(cost))
	return rec[2] == 0
}
