package ratelimit

import "time"

// buckets is a record that counts takes by sixteenths of the window. A take
// counts until a window after the end of its sixteenth: so never too short, and
// up to a sixteenth too long. Its words are
//
//	0, 1  when the newest bucket expires
//	2, 3  the newest bucket: the time in sixteenths
//	4     the quota
//	5     the sum of all buckets
//	6     the newest bucket's count
//	7...  the counts of the others, a ring, each as wide as the quota
//
// Buckets older than the newest by a window and more are empty, as is the
// newest one's place in the ring: most takes touch only what stands before it,
// in one cache line.
type buckets struct {
	rec  []uint32
	bits int // of a count in the ring
}

const (
	bucketsPerWindow = 16
	bucketCount      = bucketsPerWindow + 1 // those of a whole window and the current one
	bucketQuota      = 4
	bucketSum        = 5
	bucketNewest     = 6
	bucketRing       = 7
)

func bucketsOf(class int, rec []uint32) buckets { return buckets{rec, bucketBits(class)} }

// bucketBits is how wide the counts of a class are.
func bucketBits(class int) int { return 8 << (class - classBuckets8) }

func bucketStride(class int) int { return bucketRing + (bucketCount*bucketBits(class)+31)/32 }

func bucketWidth(l *Limit) int64 {
	return (int64(l.Window) + bucketsPerWindow - 1) / bucketsPerWindow
}

func (r buckets) newest() int64 { return get64(r.rec[2:]) }

// place is where the ring has the count of a bucket.
func (r buckets) place(bucket int64) (word *uint32, shift int) {
	bit := int(uint64(bucket)%bucketCount) * r.bits
	return &r.rec[bucketRing+bit/32], bit % 32
}

// count is that of a bucket that is not newer than the newest.
func (r buckets) count(bucket int64) uint32 {
	if bucket == r.newest() {
		return r.rec[bucketNewest]
	}
	return r.inRing(bucket)
}

func (r buckets) inRing(bucket int64) uint32 {
	word, shift := r.place(bucket)
	return *word >> shift & (1<<r.bits - 1)
}

// setInRing is for a count that fits: none is more than the quota.
func (r buckets) setInRing(bucket int64, n uint32) {
	word, shift := r.place(bucket)
	*word = *word&^((1<<r.bits-1)<<shift) | n<<shift
}

// expired is the sum of the buckets that no longer count at the current one.
func (r buckets) expired(newest, current int64) (sum int) {
	for b := newest - bucketCount + 1; b <= min(newest, current-bucketCount); b++ {
		sum += int(r.count(b))
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
		rec[bucketQuota] = uint32(l.Quota)
	}
	sum := int(rec[bucketSum])
	if current > newest {
		sum -= r.expired(newest, current)
	}
	s := State{Remaining: l.Quota - sum}
	if over := sum + max(cost, 1) - l.Quota; over > 0 { // so many of the oldest must go
		b := max(newest, current) - bucketCount
		for over > 0 {
			b++
			over -= int(r.count(b))
		}
		s.RetryAfter = time.Duration((b+bucketCount)*width - now)
	} else if take {
		if current > newest { // where time ran backwards takes still come in order
			r.advance(newest, current)
			newest = current
		}
		rec[bucketNewest] += uint32(cost)
		rec[bucketSum] += uint32(cost)
		put64(rec, (newest+bucketCount)*width)
		s.Remaining, s.Stamp = s.Remaining-cost, newest
	}
	s.Reset = time.Duration(get64(rec) - now)
	return s
}

// advance empties the buckets that come round again, and makes the current one
// the newest.
func (r buckets) advance(newest, current int64) {
	r.setInRing(newest, r.rec[bucketNewest])
	for b := max(newest+1, current-bucketCount+1); b <= current; b++ {
		r.rec[bucketSum] -= r.inRing(b)
		r.setInRing(b, 0)
	}
	put64(r.rec[2:], current)
	r.rec[bucketNewest] = 0
}

func (r buckets) restore(cost int, stamp int64) (empty bool) {
	newest := r.newest()
	if stamp > newest-bucketCount && stamp <= newest {
		n := r.count(stamp)
		back := min(uint32(cost), n)
		if stamp == newest {
			r.rec[bucketNewest] -= back
		} else {
			r.setInRing(stamp, n-back)
		}
		r.rec[bucketSum] -= back
	}
	return r.rec[bucketSum] == 0
}

// used is how much still counts. What is left of the width, which is not kept,
// follows from when the newest bucket expires.
func (r buckets) used(now int64) int {
	newest := r.newest()
	width := get64(r.rec) / (newest + bucketCount)
	return int(r.rec[bucketSum]) - r.expired(newest, now/width)
}
