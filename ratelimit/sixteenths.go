package ratelimit

import (
	"time"

	"github.com/go-guard/guard/internal/table"
)

// sixteenths is a record that counts takes in buckets of a sixteenth of the
// window. A take counts until a window after the end of its bucket: never too
// short, and up to a sixteenth too long. The words of the record are
//
//	0, 1  when the newest bucket expires
//	2, 3  the number of the newest bucket: the time in sixteenths
//	4     the sum of all buckets and, above it, the count of the newest one:
//	      16 bits each or, where the quota needs more, a word each
//	then  the quota, and the counts of the other buckets in a ring: each as wide
//	      as the quota needs
//
// Buckets that are a window or more older than the newest are empty, and so is
// the place of the newest one in the ring.
type sixteenths struct {
	rec  []uint32
	bits int // of each number behind the counts
}

const (
	bucketsPerWindow = 16
	bucketCount      = bucketsPerWindow + 1 // those of a whole window, and the present one
)

func sixteenthsOf(class int, rec []uint32) sixteenths { return sixteenths{rec, numberBits(class)} }

// numberBits is the width of the numbers of a class.
func numberBits(class int) int { return 8 << (class - classSixteenths8) }

// firstNumber is the word where the numbers begin, behind the counts.
func firstNumber(bits int) int { return 5 + bits/32 }

// sixteenthsWords is the length of the records of a class.
func sixteenthsWords(class int) int {
	bits := numberBits(class)
	return firstNumber(bits) + ((1+bucketCount)*bits+31)/32
}

func bucketWidth(l *Limit) int64 {
	return (int64(l.Window) + bucketsPerWindow - 1) / bucketsPerWindow
}

func (r sixteenths) newest() int64 { return table.Int64(r.rec[2:]) }

// counts returns the sum of all buckets and the count of the newest one.
func (r sixteenths) counts() (sum, newest int) {
	if r.bits < 32 {
		return int(r.rec[4] & 0xffff), int(r.rec[4] >> 16)
	}
	return int(r.rec[4]), int(r.rec[5])
}

func (r sixteenths) setCounts(sum, newest int) {
	if r.bits < 32 {
		r.rec[4] = uint32(sum) | uint32(newest)<<16
		return
	}
	r.rec[4], r.rec[5] = uint32(sum), uint32(newest)
}

// quotaNumber and inRing are the indexes of the numbers.
const quotaNumber = 0

func inRing(bucket int64) int { return 1 + int(uint64(bucket)%bucketCount) }

func (r sixteenths) number(i int) int {
	bit := i * r.bits
	return int(r.rec[firstNumber(r.bits)+bit/32] >> (bit % 32) & (1<<r.bits - 1))
}

// setNumber stores a number that fits: none is larger than the quota.
func (r sixteenths) setNumber(i, n int) {
	bit := i * r.bits
	word, shift := &r.rec[firstNumber(r.bits)+bit/32], bit%32
	*word = *word&^((1<<r.bits-1)<<shift) | uint32(n)<<shift
}

// expired returns the sum of the buckets that no longer count at present. The
// newest still counts: otherwise the record would have expired.
func (r sixteenths) expired(newest, present int64) (sum int) {
	for b := newest - bucketCount + 1; b < newest && b <= present-bucketCount; b++ {
		sum += r.number(inRing(b))
	}
	return sum
}

func (r sixteenths) step(l *Limit, now int64, cost int, take bool) State {
	width, newest := bucketWidth(l), r.newest()
	present := newest
	if since := now - newest*width; since < 0 || since >= width { // saves most divisions
		present = now / width
	}
	if table.Int64(r.rec) <= now { // new or expired
		if !take {
			return State{Remaining: l.Quota}
		}
		clear(r.rec)
		newest = present
		table.PutInt64(r.rec[2:], newest)
		r.setNumber(quotaNumber, l.Quota)
	}
	sum, inNewest := r.counts()
	if present > newest {
		sum -= r.expired(newest, present)
	}
	s := State{Remaining: l.Quota - sum}
	if excess := sum + max(cost, 1) - l.Quota; excess > 0 {
		s.RetryAfter = time.Duration((r.bucketToWaitFor(excess, newest, max(newest, present))+bucketCount)*width - now)
	} else if take {
		if present > newest { // if time ran backwards, takes still come in order
			r.advance(newest, present, inNewest)
			newest, inNewest = present, 0
		}
		r.setCounts(sum+cost, inNewest+cost)
		table.PutInt64(r.rec, (newest+bucketCount)*width)
		s.Remaining, s.Stamp = s.Remaining-cost, newest
	}
	s.Reset = time.Duration(table.Int64(r.rec) - now)
	return s
}

// bucketToWaitFor returns the bucket that must expire until n units no longer
// count.
func (r sixteenths) bucketToWaitFor(n int, newest, present int64) int64 {
	for b := present - bucketCount + 1; b < newest; b++ {
		if n -= r.number(inRing(b)); n <= 0 {
			return b
		}
	}
	return newest
}

// advance makes the present bucket the newest, and clears the places in the ring
// that are used again. The caller sets the counts.
func (r sixteenths) advance(newest, present int64, inNewest int) {
	r.setNumber(inRing(newest), inNewest)
	for b := max(newest+1, present-bucketCount+1); b <= present; b++ {
		r.setNumber(inRing(b), 0)
	}
	table.PutInt64(r.rec[2:], present)
}

func (r sixteenths) restore(cost int, stamp int64) (empty bool) {
	newest := r.newest()
	sum, inNewest := r.counts()
	switch {
	case stamp == newest:
		cost = min(cost, inNewest)
		inNewest -= cost
	case stamp < newest && stamp > newest-bucketCount:
		n := r.number(inRing(stamp))
		cost = min(cost, n)
		r.setNumber(inRing(stamp), n-cost)
	default:
		cost = 0
	}
	r.setCounts(sum-cost, inNewest)
	return sum == cost
}

// used returns the fraction of the quota that still counts. The width of a
// bucket is not stored: it follows from when the newest one expires.
func (r sixteenths) used(now int64) float64 {
	newest := r.newest()
	width := table.Int64(r.rec) / (newest + bucketCount)
	sum, _ := r.counts()
	return float64(sum-r.expired(newest, now/width)) / float64(r.number(quotaNumber))
}
