package ratelimit

import "time"

// buckets is a record that counts takes by sixteenths of the window. A take
// counts until a window after the end of its sixteenth: so never too short, and
// up to a sixteenth too long. Its words are
//
//	0, 1  when the newest bucket expires
//	2, 3  the newest bucket: the time in sixteenths
//	4     the sum of all buckets, and the newest one's count above it: 16 bits
//	      each or, where the quota needs more, a word each
//	then  the quota, and the counts of the other buckets, a ring: each as wide
//	      as the quota needs
//
// Buckets older than the newest by a window and more are empty, as is the
// newest one's place in the ring.
type buckets struct {
	rec  []uint32
	bits int // of a number behind the counts
}

const (
	bucketsPerWindow = 16
	bucketCount      = bucketsPerWindow + 1 // those of a whole window and the current one
)

func bucketsOf(class int, rec []uint32) buckets { return buckets{rec, bucketBits(class)} }

// bucketBits is how wide the numbers of a class are.
func bucketBits(class int) int { return 8 << (class - classBuckets8) }

// bucketNumbers is where they begin, after the counts.
func bucketNumbers(bits int) int { return 5 + bits/32 }

func bucketStride(class int) int {
	bits := bucketBits(class)
	return bucketNumbers(bits) + ((1+bucketCount)*bits+31)/32
}

func bucketWidth(l *Limit) int64 {
	return (int64(l.Window) + bucketsPerWindow - 1) / bucketsPerWindow
}

func (r buckets) newest() int64 { return get64(r.rec[2:]) }

// counts are the sum of all buckets and the newest one's part of it.
func (r buckets) counts() (sum, newest int) {
	if r.bits < 32 {
		return int(r.rec[4] & 0xffff), int(r.rec[4] >> 16)
	}
	return int(r.rec[4]), int(r.rec[5])
}

func (r buckets) setCounts(sum, newest int) {
	if r.bits < 32 {
		r.rec[4] = uint32(sum) | uint32(newest)<<16
		return
	}
	r.rec[4], r.rec[5] = uint32(sum), uint32(newest)
}

// bucketQuota and inRing are which number is what.
const bucketQuota = 0

func inRing(bucket int64) int { return 1 + int(uint64(bucket)%bucketCount) }

func (r buckets) get(i int) int {
	bit := i * r.bits
	return int(r.rec[bucketNumbers(r.bits)+bit/32] >> (bit % 32) & (1<<r.bits - 1))
}

// set is for a number that fits: none is more than the quota.
func (r buckets) set(i, n int) {
	bit := i * r.bits
	word, shift := &r.rec[bucketNumbers(r.bits)+bit/32], bit%32
	*word = *word&^((1<<r.bits-1)<<shift) | uint32(n)<<shift
}

// expired is the sum of the buckets that no longer count at the current one. The
// newest does: without it the record would be over.
func (r buckets) expired(newest, current int64) (sum int) {
	for b := newest - bucketCount + 1; b < newest && b <= current-bucketCount; b++ {
		sum += r.get(inRing(b))
	}
	return sum
}

func (r buckets) step(l *Limit, now int64, cost int, take bool) State {
	width, newest := bucketWidth(l), r.newest()
	current := newest
	if since := now - newest*width; since < 0 || since >= width { // else a division is saved
		current = now / width
	}
	if get64(r.rec) <= now { // a new record, or an old one
		if !take {
			return State{Remaining: l.Quota}
		}
		clear(r.rec)
		newest = current
		put64(r.rec[2:], newest)
		r.set(bucketQuota, l.Quota)
	}
	sum, inNewest := r.counts()
	if current > newest {
		sum -= r.expired(newest, current)
	}
	s := State{Remaining: l.Quota - sum}
	if over := sum + max(cost, 1) - l.Quota; over > 0 {
		s.RetryAfter = time.Duration((r.goes(over, newest, max(newest, current))+bucketCount)*width - now)
	} else if take {
		if current > newest { // where time ran backwards takes still come in order
			r.advance(newest, current, inNewest)
			newest, inNewest = current, 0
		}
		r.setCounts(sum+cost, inNewest+cost)
		put64(r.rec, (newest+bucketCount)*width)
		s.Remaining, s.Stamp = s.Remaining-cost, newest
	}
	s.Reset = time.Duration(get64(r.rec) - now)
	return s
}

// goes is the bucket with which so many of the takes that count will be gone.
func (r buckets) goes(n int, newest, current int64) int64 {
	for b := current - bucketCount + 1; b < newest; b++ {
		if n -= r.get(inRing(b)); n <= 0 {
			return b
		}
	}
	return newest
}

// advance makes the current bucket the newest, and empties those that come round
// again. The counts are the caller's to set.
func (r buckets) advance(newest, current int64, inNewest int) {
	r.set(inRing(newest), inNewest)
	for b := max(newest+1, current-bucketCount+1); b <= current; b++ {
		r.set(inRing(b), 0)
	}
	put64(r.rec[2:], current)
}

func (r buckets) restore(cost int, stamp int64) (empty bool) {
	newest := r.newest()
	sum, inNewest := r.counts()
	switch {
	case stamp == newest:
		cost = min(cost, inNewest)
		inNewest -= cost
	case stamp < newest && stamp > newest-bucketCount:
		n := r.get(inRing(stamp))
		cost = min(cost, n)
		r.set(inRing(stamp), n-cost)
	default:
		cost = 0
	}
	r.setCounts(sum-cost, inNewest)
	return sum == cost
}

// used is which part of the quota still counts. What is left of the width, which
// is not kept, follows from when the newest bucket expires.
func (r buckets) used(now int64) float64 {
	newest := r.newest()
	width := get64(r.rec) / (newest + bucketCount)
	sum, _ := r.counts()
	return float64(sum-r.expired(newest, now/width)) / float64(r.get(bucketQuota))
}
