package ratelimit

import (
	"math"
	"time"

	"github.com/go-guard/guard/internal/table"
)

// A GCRA record is the theoretical arrival time of ITU-T I.371, at which the
// bucket is empty (2 words), and the time in which a full burst drains, as a
// float (1 word, for usedGCRA).
func stepGCRA(l *Limit, rec []uint32, now int64, cost int, take bool) State {
	interval := l.interval()
	burst := int64(l.capacity()) * interval
	backlog := max(table.Int64(rec)-now, 0)
	wait := backlog + int64(max(cost, 1))*interval - burst
	s := State{RetryAfter: time.Duration(max(wait, 0))}
	if take && wait <= 0 {
		backlog += int64(cost) * interval
		s.Stamp = now + backlog
		table.PutInt64(rec, s.Stamp)
		rec[2] = math.Float32bits(float32(burst))
	}
	s.Remaining = int(max(burst-backlog, 0) / interval)
	s.Reset = time.Duration(backlog)
	return s
}

// restoreGCRA gives back the part of a take that has not drained. All of it has
// drained at its stamp.
func restoreGCRA(l *Limit, rec []uint32, now int64, cost int, stamp int64) (empty bool) {
	arrival := table.Int64(rec)
	arrival -= max(min(int64(cost)*l.interval(), stamp-now, arrival-now), 0)
	table.PutInt64(rec, arrival)
	return arrival <= now
}
