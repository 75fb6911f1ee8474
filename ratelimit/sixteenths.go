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
//	      16 bits each or, in the widest records, a word each
//	then  the quota of the last take, and the counts of the other buckets in a
//	      ring: each as wide as the class
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

// setNumber stores a number that fits: none is larger than most.
func (r sixteenths) setNumber(i, n int) {
	bit := i * r.bits
	word, shift := &r.rec[firstNumber(r.bits)+bit/32], bit%32
	*word = *word&^((1<<r.bits-1)<<shift) | uint32(n)<<shift
}

// setQuota stores the quota, or the largest number that fits.
func (r sixteenths) setQuota(quota int) {
	word, mask := &r.rec[firstNumber(r.bits)], uint32(1<<r.bits-1)
	*word = *word&^mask | min(uint32(quota), mask)
}

// expired returns the sum of the buckets that no longer count at present. The
// newest still counts: otherwise the record would have expired.
func (r sixteenths) expired(newest, present int64) (sum int) {
	for b := newest - bucketCount + 1; b < newest && b <= present-bucketCount; b++ {
		sum += r.number(inRing(b))
	}
	return sum
}

// most is the largest sum that a record holds.
func (r sixteenths) most() int {
	if r.bits < 32 {
		return 1<<r.bits - 1
	}
	return maxCount
}

func (r sixteenths) step(l *Limit, quota int, now int64, cost int, do action) State {
	width, newest, end := bucketWidth(l), r.newest(), table.Int64(r.rec)
	present := newest
	if since := now - newest*width; since < 0 || since >= width { // saves most divisions
		present = now / width
	}
	if end <= now { // new or expired
		if do == peek {
			return State{Remaining: quota}
		}
		clear(r.rec)
		newest = present
		table.PutInt64(r.rec[2:], newest)
	}
	sum, inNewest := r.counts()
	if present > newest {
		sum -= r.expired(newest, present)
	}
	var s State
	if excess := sum - quota + max(cost, 1); excess > 0 && do != force {
		s.RetryAfter = time.Duration((r.bucketToWaitFor(excess, newest, max(newest, present))+bucketCount)*width - now)
	} else if do != peek {
		taken := cost
		if do == force { // all of it unless a full store has no slot for more
			taken = min(cost, r.most()-sum)
		}
		if present > newest { // if time ran backwards, takes still come in order
			r.advance(newest, present, inNewest)
			newest, inNewest = present, 0
		}
		sum += taken
		r.setCounts(sum, inNewest+taken)
		r.setQuota(quota)
		end = (newest + bucketCount) * width
		table.PutInt64(r.rec, end)
		if taken == cost { // else none of it is given back
			s.Stamp = end
		}
	}
	s.Remaining = max(quota-sum, 0)
	s.Reset = time.Duration(end - now)
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

// bucketOf returns the bucket that expires first among those that expire at a time
// or later.
func bucketOf(l *Limit, at int64) int64 {
	width := bucketWidth(l)
	return (at+width-1)/width - bucketCount
}

func (r sixteenths) restore(l *Limit, cost int, at int64) (empty bool) {
	newest := r.newest()
	sum, inNewest := r.counts()
	switch b := bucketOf(l, at); {
	case b == newest:
		cost = min(cost, inNewest)
		inNewest -= cost
	case b < newest && b > newest-bucketCount:
		n := r.number(inRing(b))
		cost = min(cost, n)
		r.setNumber(inRing(b), n-cost)
	default:
		cost = 0
	}
	r.setCounts(sum-cost, inNewest)
	return sum == cost
}

// count returns the units that still count, of a record that has not expired. The
// width of a bucket is not stored: it follows from when the newest one expires.
func (r sixteenths) count(now int64) int {
	newest := r.newest()
	width := table.Int64(r.rec) / (newest + bucketCount)
	sum, _ := r.counts()
	return sum - r.expired(newest, now/width)
}

func (r sixteenths) used(now int64) float64 {
	return float64(r.count(now)) / float64(r.number(quotaNumber))
}

// fromStamps fills an empty record with the units of a log. None expires earlier.
func (r sixteenths) fromStamps(l *Limit, g *stamps) {
	newest := bucketOf(l, g.at[0])
	table.PutInt64(r.rec, (newest+bucketCount)*bucketWidth(l))
	table.PutInt64(r.rec[2:], newest)
	inNewest := 0
	for _, at := range g.at[:g.n] {
		b := max(bucketOf(l, at), newest-bucketCount+1)
		if b == newest {
			inNewest++
		} else {
			r.setNumber(inRing(b), r.number(inRing(b))+1)
		}
	}
	r.setCounts(g.n, inNewest)
}

// fromNarrower fills an empty record with the numbers of a narrower one.
func (r sixteenths) fromNarrower(from sixteenths) {
	copy(r.rec[:4], from.rec[:4])
	r.setCounts(from.counts())
	for i := range 1 + bucketCount {
		r.setNumber(i, from.number(i))
	}
}
