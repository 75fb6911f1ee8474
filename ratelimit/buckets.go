package ratelimit

import "time"

// buckets is a record that counts takes by sixteenths of the window. A take
// counts until a window after the end of its sixteenth: so never too short, and
// up to a sixteenth too long. Its words are
//
//	0, 1  when the newest bucket expires
//	2, 3  the newest bucket: the time in sixteenths
//	4...  the numbers below, each as wide as the quota needs
//
// Buckets older than the newest by a window and more are empty, as is the
// newest one's place in the ring: most takes touch only what stands before it,
// in one cache line.
type buckets struct {
	rec  []uint32
	bits int // of a number
}

const (
	bucketsPerWindow = 16
	bucketCount      = bucketsPerWindow + 1 // those of a whole window and the current one
)

// The numbers of a record.
const (
	bucketQuota   = iota // the quota
	bucketSum            // the sum of all buckets
	bucketNewest         // the newest bucket's count
	bucketRing           // from here on those of the others, a ring
	bucketNumbers = bucketRing + bucketCount
)

func bucketsOf(class int, rec []uint32) buckets { return buckets{rec, bucketBits(class)} }

// bucketBits is how wide the numbers of a class are.
func bucketBits(class int) int { return 8 << (class - classBuckets8) }

func bucketStride(class int) int { return 4 + (bucketNumbers*bucketBits(class)+31)/32 }

func bucketWidth(l *Limit) int64 {
	return (int64(l.Window) + bucketsPerWindow - 1) / bucketsPerWindow
}

func (r buckets) newest() int64 { return get64(r.rec[2:]) }

func (r buckets) get(i int) int {
	bit := i * r.bits
	return int(r.rec[4+bit/32] >> (bit % 32) & (1<<r.bits - 1))
}

// set is for a number that fits: none is more than the quota.
func (r buckets) set(i, n int) {
	bit := i * r.bits
	word, shift := &r.rec[4+bit/32], bit%32
	*word = *word&^((1<<r.bits-1)<<shift) | uint32(n)<<shift
}

func (r buckets) add(i, n int) { r.set(i, r.get(i)+n) }

// place is the number of a bucket that is not newer than the newest.
func (r buckets) place(bucket int64) int {
	if bucket == r.newest() {
		return bucketNewest
	}
	return inRing(bucket)
}

func inRing(bucket int64) int { return bucketRing + int(uint64(bucket)%bucketCount) }

// expired is the sum of the buckets that no longer count at the current one.
func (r buckets) expired(newest, current int64) (sum int) {
	for b := newest - bucketCount + 1; b <= min(newest, current-bucketCount); b++ {
		sum += r.get(r.place(b))
	}
	return sum
}

func (r buckets) step(l *Limit, now int64, cost int, take bool) State {
	rec, width := r.rec, bucketWidth(l)
	newest := r.newest()
	current := newest
	if since := now - newest*width; since < 0 || since >= width { // else a division is saved
		current = now / width
	}
	if get64(rec) <= now { // a new record, or an old one
		if !take {
			return State{Remaining: l.Quota}
		}
		clear(rec)
		newest = current
		put64(rec[2:], newest)
		r.set(bucketQuota, l.Quota)
	}
	sum := r.get(bucketSum)
	if current > newest {
		sum -= r.expired(newest, current)
	}
	s := State{Remaining: l.Quota - sum}
	if over := sum + max(cost, 1) - l.Quota; over > 0 { // so many of the oldest must go
		b := max(newest, current) - bucketCount
		for over > 0 {
			b++
			over -= r.get(r.place(b))
		}
		s.RetryAfter = time.Duration((b+bucketCount)*width - now)
	} else if take {
		if current > newest { // where time ran backwards takes still come in order
			r.advance(newest, current)
			newest = current
		}
		r.add(bucketNewest, cost)
		r.add(bucketSum, cost)
		put64(rec, (newest+bucketCount)*width)
		s.Remaining, s.Stamp = s.Remaining-cost, newest
	}
	s.Reset = time.Duration(get64(rec) - now)
	return s
}

// advance empties the buckets that come round again, and makes the current one
// the newest.
func (r buckets) advance(newest, current int64) {
	r.set(inRing(newest), r.get(bucketNewest))
	for b := max(newest+1, current-bucketCount+1); b <= current; b++ {
		r.add(bucketSum, -r.get(inRing(b)))
		r.set(inRing(b), 0)
	}
	put64(r.rec[2:], current)
	r.set(bucketNewest, 0)
}

func (r buckets) restore(cost int, stamp int64) (empty bool) {
	newest := r.newest()
	if stamp > newest-bucketCount && stamp <= newest {
		at := r.place(stamp)
		back := min(cost, r.get(at))
		r.add(at, -back)
		r.add(bucketSum, -back)
	}
	return r.get(bucketSum) == 0
}

// used is how much still counts. What is left of the width, which is not kept,
// follows from when the newest bucket expires.
func (r buckets) used(now int64) int {
	newest := r.newest()
	width := get64(r.rec) / (newest + bucketCount)
	return r.get(bucketSum) - r.expired(newest, now/width)
}
