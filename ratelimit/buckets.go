package ratelimit

import "time"

// A bucketed record counts takes by sixteenths of the window. A take counts
// until a window after the end of its sixteenth: so never too short, and up to
// a sixteenth too long. Its words are
//
//	0, 1  when the newest bucket expires
//	2, 3  the width of a bucket in nanoseconds
//	4     the quota
//	5     the sum of all buckets
//	6...  the buckets, a ring
const (
	bucketsPerWindow = 16
	bucketCount      = bucketsPerWindow + 1 // those of a whole window and the current one
	bucketQuota      = 4
	bucketSum        = 5
	bucketsAt        = 6
)

func bucketWidth(l *Limit) int64 {
	return (int64(l.Window) + bucketsPerWindow - 1) / bucketsPerWindow
}

// newestBucket numbers buckets by the time in sixteenths.
func newestBucket(rec []uint32) int64 { return get64(rec)/get64(rec[2:]) - bucketCount }

// usedBuckets is how much still counts. Takes come in order where time runs
// backwards, since no bucket is newer than the newest.
func usedBuckets(rec []uint32, now int64) int {
	newest, current := newestBucket(rec), now/get64(rec[2:])
	sum := int(rec[bucketSum])
	for b := newest - bucketCount + 1; b <= newest && b <= current-bucketCount; b++ {
		sum -= int(rec[bucketsAt+b%bucketCount])
	}
	return sum
}

func lookBuckets(l *Limit, rec []uint32, now int64, cost int) State {
	width := get64(rec[2:])
	if width == 0 { // a new record
		return State{Remaining: l.Quota}
	}
	sum := usedBuckets(rec, now)
	s := State{Remaining: l.Quota - sum}
	if sum == 0 {
		return s
	}
	newest := newestBucket(rec)
	oldest := max(newest-bucketCount+1, now/width-bucketCount+1)
	s.Reset = time.Duration(get64(rec) - now)
	over := sum + max(cost, 1) - l.Quota // so many of the oldest must go
	for b := oldest; over > 0 && b <= newest; b++ {
		if over -= int(rec[bucketsAt+b%bucketCount]); over <= 0 {
			s.RetryAfter = time.Duration((b+bucketCount)*width - now)
		}
	}
	return s
}

func debitBuckets(l *Limit, rec []uint32, now int64, cost int) State {
	width := bucketWidth(l)
	current := now / width
	if get64(rec[2:]) == 0 { // a new record
		put64(rec, (current+bucketCount)*width)
		put64(rec[2:], width)
		rec[bucketQuota] = uint32(l.Quota)
	}
	newest := newestBucket(rec)
	for b := newest + 1; b <= current; b++ { // the ring advances over what has expired
		if b > newest+bucketCount {
			break
		}
		slot := &rec[bucketsAt+b%bucketCount]
		rec[bucketSum] -= *slot
		*slot = 0
	}
	current = max(current, newest)
	put64(rec, (current+bucketCount)*width)
	rec[bucketsAt+current%bucketCount] += uint32(cost)
	rec[bucketSum] += uint32(cost)
	s := lookBuckets(l, rec, now, 0)
	s.RetryAfter, s.Stamp = 0, current
	return s
}

func restoreBuckets(rec []uint32, cost int, stamp int64) (empty bool) {
	newest := newestBucket(rec)
	if stamp > newest-bucketCount && stamp <= newest {
		slot := &rec[bucketsAt+stamp%bucketCount]
		back := min(uint32(cost), *slot)
		*slot -= back
		rec[bucketSum] -= back
	}
	return rec[bucketSum] == 0
}
