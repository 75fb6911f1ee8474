package ratelimit

import "math"

// Records of the memory store come in classes by their size: 0 is GCRA, 1 to 16
// are Sliding of that quota, and from 17 on Sliding above, by the size of the
// counts that it needs. A record tells by itself when it expires and how much of
// its quota is used, so that limits of one class share a table. The first two
// words are when it expires.
const (
	classGCRA      = 0
	classBuckets8  = exactQuota + 1
	classBuckets16 = classBuckets8 + 1
	classBuckets32 = classBuckets8 + 2
)

func class(l *Limit) int {
	switch {
	case l.Algorithm == GCRA:
		return classGCRA
	case l.Quota <= exactQuota:
		return l.Quota
	case l.Quota < 1<<8:
		return classBuckets8
	case l.Quota < 1<<16:
		return classBuckets16
	}
	return classBuckets32
}

// stride is the size of a record in words of 32 bits.
func stride(class int) int {
	switch {
	case class == classGCRA:
		return 3
	case class >= classBuckets8:
		return bucketStride(class)
	}
	return 1 + class
}

func get64(rec []uint32) int64    { return int64(rec[0]) | int64(rec[1])<<32 }
func put64(rec []uint32, v int64) { rec[0], rec[1] = uint32(v), uint32(v>>32) }

// step is the state of a record, after taking cost if that is wanted and
// granted.
func step(class int, l *Limit, rec []uint32, now int64, cost int, take bool) State {
	switch {
	case class == classGCRA:
		return stepGCRA(l, rec, now, cost, take)
	case class >= classBuckets8:
		return bucketsOf(class, rec).step(l, now, cost, take)
	}
	return stepStamps(l, rec, now, cost, take)
}

// restore undoes a take and reports whether the record is empty now.
func restore(l *Limit, rec []uint32, now int64, cost int, stamp int64) (empty bool) {
	switch c := class(l); {
	case c == classGCRA:
		return restoreGCRA(l, rec, now, cost, stamp)
	case c >= classBuckets8:
		return bucketsOf(c, rec).restore(cost, stamp)
	}
	return restoreStamps(l, rec, now, cost, stamp)
}

// lowBits are those of the first two words that are not a record's expiry.
func lowBits(class int) int64 {
	if class == classGCRA || class >= classBuckets8 {
		return 0
	}
	return unitMask
}

// used is which part of its quota a record has used.
func used(class int, rec []uint32, now int64) float64 {
	switch {
	case class == classGCRA:
		return float64(get64(rec)-now) / float64(math.Float32frombits(rec[2]))
	case class >= classBuckets8:
		return bucketsOf(class, rec).used(now)
	}
	return float64(usedStamps(rec, now)) / float64(class)
}
