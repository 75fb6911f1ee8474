package ratelimit

import (
	"math"
	"time"
)

// A GCRA record is the time at which everything is worked off (the theoretical
// arrival time of ITU-T I.371), 2 words, and a float of how long a whole burst
// takes, for used.
func stepGCRA(l *Limit, rec []uint32, now int64, cost int, take bool) State {
	interval := l.interval()
	room := int64(l.capacity()) * interval
	backlog := max(get64(rec)-now, 0)
	wait := backlog + int64(max(cost, 1))*interval - room
	s := State{RetryAfter: time.Duration(max(wait, 0))}
	if take && wait <= 0 {
		backlog += int64(cost) * interval
		s.Stamp = now + backlog
		put64(rec, s.Stamp)
		rec[2] = math.Float32bits(float32(room))
	}
	s.Remaining = int(max(room-backlog, 0) / interval)
	s.Reset = time.Duration(backlog)
	return s
}

// restoreGCRA: a take is worked off at its stamp, and before that in part.
func restoreGCRA(l *Limit, rec []uint32, now int64, cost int, stamp int64) (empty bool) {
	tat := get64(rec)
	tat -= max(min(int64(cost)*l.interval(), stamp-now, tat-now), 0)
	put64(rec, tat)
	return tat <= now
}
