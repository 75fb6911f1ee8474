package ratelimit

// Records of the memory store come in classes by their size: 0 is GCRA, 1 to 16
// are Sliding of that quota, 17 is Sliding above. A record tells by itself when
// it expires and how much of its quota is used, so that limits of one class
// share a table. The first two words are when it expires.
const (
	classGCRA    = 0
	classBuckets = exactQuota + 1
)

func class(l *Limit) int {
	switch {
	case l.Algorithm == GCRA:
		return classGCRA
	case l.Quota <= exactQuota:
		return l.Quota
	}
	return classBuckets
}

// stride is the size of a record in words of 32 bits.
func stride(class int) int {
	switch class {
	case classGCRA:
		return 4
	case classBuckets:
		return 24 // of which 23 are used, so that few records lie across three cache lines
	}
	return 1 + class
}

func get64(rec []uint32) int64    { return int64(rec[0]) | int64(rec[1])<<32 }
func put64(rec []uint32, v int64) { rec[0], rec[1] = uint32(v), uint32(v>>32) }

// step is the state of a record, after taking cost if that is wanted and
// granted.
func step(l *Limit, rec []uint32, now int64, cost int, take bool) State {
	switch class(l) {
	case classGCRA:
		return stepGCRA(l, rec, now, cost, take)
	case classBuckets:
		return stepBuckets(l, rec, now, cost, take)
	}
	return stepStamps(l, rec, now, cost, take)
}

// restore undoes a take and reports whether the record is empty now.
func restore(l *Limit, rec []uint32, now int64, cost int, stamp int64) (empty bool) {
	switch class(l) {
	case classGCRA:
		return restoreGCRA(l, rec, now, cost, stamp)
	case classBuckets:
		return restoreBuckets(rec, cost, stamp)
	}
	return restoreStamps(l, rec, now, cost, stamp)
}

// lowBits are those of the first two words that are not a record's expiry.
func lowBits(class int) int64 {
	if class == classGCRA || class == classBuckets {
		return 0
	}
	return unitMask
}

// used is which part of its quota a record has used.
func used(class int, rec []uint32, now int64) float64 {
	switch class {
	case classGCRA:
		return float64(get64(rec)-now) / float64(get64(rec[2:]))
	case classBuckets:
		return float64(usedBuckets(rec, now)) / float64(rec[bucketQuota])
	}
	return float64(usedStamps(rec, now)) / float64(class)
}
