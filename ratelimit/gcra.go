package ratelimit

import (
	"math"
	"math/bits"
	"time"

	"github.com/go-guard/guard/internal/table"
)

// A GCRA record is the theoretical arrival time of ITU-T I.371, at which the
// bucket is empty (2 words), and the longest backlog at which the limit grants a
// unit, as a float (1 word, for usedGCRA). The backlog is a time, so that after a
// change of the quota the same part of the burst is used.
func stepGCRA(l *Limit, rec []uint32, now int64, cost int, do action) State {
	interval := l.interval()
	burst := int64(l.capacity()) * interval
	backlog := max(table.Int64(rec)-now, 0)
	var s State
	if do != force {
		s.RetryAfter = time.Duration(max(backlog+int64(max(cost, 1))*interval-burst, 0))
	}
	if do != peek && s.RetryAfter == 0 {
		backlog = min(backlog+saturated(cost, interval), maxBacklog)
		table.PutInt64(rec, now+backlog)
		if backlog < maxBacklog { // else not all of it was taken, and none is given back
			s.Stamp = now + backlog + 999 // a stamp rounds down to microseconds
		}
		rec[2] = math.Float32bits(float32(burst-interval)) + 1 // rounded up
	}
	s.Remaining = int(max(burst-backlog, 0) / interval)
	s.Reset = time.Duration(backlog)
	return s
}

// maxBacklog bounds a debt: twice what the largest burst takes to drain.
const maxBacklog = int64(20 * maxWindow)

// saturated is cost * interval, up to maxBacklog.
func saturated(cost int, interval int64) int64 {
	hi, lo := bits.Mul64(uint64(cost), uint64(interval))
	if hi > 0 || lo > uint64(maxBacklog) {
		return maxBacklog
	}
	return int64(lo)
}

// restoreGCRA gives back the part of a take that has not drained. All of it has
// drained at the time of its stamp, which is less than a microsecond late. If it were
// early, a record that is not quite empty would remain.
func restoreGCRA(l *Limit, rec []uint32, now int64, cost int, at int64) (empty bool) {
	arrival := table.Int64(rec)
	arrival -= max(min(saturated(cost, l.interval()), at-now, arrival-now), 0)
	table.PutInt64(rec, arrival)
	return arrival <= now
}

func usedGCRA(rec []uint32, _ table.Note, now int64) float64 {
	backlog, most := float64(table.Int64(rec)-now), float64(math.Float32frombits(rec[2]))
	if backlog > most {
		return 1
	}
	return min(backlog/most, 1-1e-9)
}
