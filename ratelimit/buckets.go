package ratelimit

import "time"

// A bucketed record counts takes by sixteenths of the window. A take counts
// until a window after the end of its sixteenth: so never too short, and up to
// a sixteenth too long. Its words are
//
//	0, 1  when the newest bucket expires
//	2, 3  the newest bucket: the time in sixteenths
//	4     the quota
//	5     the sum of all buckets
//	6...  the buckets, a ring
//
// Buckets older than the newest by a window and more are empty.
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

func bucketOf(rec []uint32, b int64) *uint32 { return &rec[bucketsAt+uint64(b)%bucketCount] }

// expired is the sum of the buckets that no longer count at the current one.
func expired(rec []uint32, newest, current int64) (sum int) {
	for b := newest - bucketCount + 1; b <= min(newest, current-bucketCount); b++ {
		sum += int(*bucketOf(rec, b))
	}
	return sum
}

func stepBuckets(l *Limit, rec []uint32, now int64, cost int, take bool) State {
	width := bucketWidth(l)
	newest, current := get64(rec[2:]), now/width
	if get64(rec) <= now { // a new record, or an old one
		if !take {
			return State{Remaining: l.Quota}
		}
		clear(rec)
		newest = current
		put64(rec[2:], newest)
		rec[bucketQuota] = uint32(l.Quota)
	}
	sum := int(rec[bucketSum]) - expired(rec, newest, current)
	s := State{Remaining: l.Quota - sum}
	if over := sum + max(cost, 1) - l.Quota; over > 0 { // so many of the oldest must go
		b := max(newest, current) - bucketCount
		for over > 0 {
			b++
			over -= int(*bucketOf(rec, b))
		}
		s.RetryAfter = time.Duration((b+bucketCount)*width - now)
	} else if take {
		newest = advance(rec, newest, current)
		*bucketOf(rec, newest) += uint32(cost)
		rec[bucketSum] += uint32(cost)
		put64(rec, (newest+bucketCount)*width)
		s.Remaining, s.Stamp = s.Remaining-cost, newest
	}
	s.Reset = time.Duration(get64(rec) - now)
	return s
}

// advance empties the buckets that come round again, and makes the current one
// the newest. Where time ran backwards takes still come in order.
func advance(rec []uint32, newest, current int64) int64 {
	if current <= newest {
		return newest
	}
	for b := max(newest+1, current-bucketCount+1); b <= current; b++ {
		slot := bucketOf(rec, b)
		rec[bucketSum] -= *slot
		*slot = 0
	}
	put64(rec[2:], current)
	return current
}

func restoreBuckets(rec []uint32, cost int, stamp int64) (empty bool) {
	newest := get64(rec[2:])
	if stamp > newest-bucketCount && stamp <= newest {
		slot := bucketOf(rec, stamp)
		back := min(uint32(cost), *slot)
		*slot -= back
		rec[bucketSum] -= back
	}
	return rec[bucketSum] == 0
}

// usedBuckets is how much still counts. What is left of the width, which is not
// kept, follows from when the newest bucket expires.
func usedBuckets(rec []uint32, now int64) int {
	newest := get64(rec[2:])
	width := get64(rec) / (newest + bucketCount)
	return int(rec[bucketSum]) - expired(rec, newest, now/width)
}
