package table

import "math"

func (t *Table) canGrow(now int64) bool {
	return now >= t.growAfter && len(t.fingerprints) < t.layout.MaxGroups
}

// grow doubles the table and drops expired records. If the records of some
// groups do not fit into the new table, it doubles again. At MaxGroups it evicts
// the records that do not fit or, with Layout.NoEviction, stays as it is until a
// record expires.
func (t *Table) grow(now int64) {
	old := *t
	for groups := len(old.fingerprints); ; {
		groups = nextSize(groups, t.layout.MaxGroups)
		t.fingerprints = make([]uint64, groups)
		t.slab = make([]uint32, t.Slots()*t.stride)
		largest := groups == t.layout.MaxGroups
		if t.copyFrom(&old, now, largest && !t.layout.NoEviction) {
			return
		}
		if largest {
			*t = old
			t.growAfter = t.nextExpiry(now)
			return
		}
	}
}

// nextSize returns the size after groups. The sizes end with most, and each is
// half of the next one, rounded up.
func nextSize(groups, most int) int {
	next := most
	for next > 1 && (next+1)/2 > groups {
		next = (next + 1) / 2
	}
	return next
}

// copyFrom places every record of another table that has not expired. It
// returns false as soon as a record has no slot, unless it may evict.
func (t *Table) copyFrom(from *Table, now int64, evict bool) bool {
	for i := range from.Slots() {
		if from.expired(i, now) {
			continue
		}
		tag := from.tag(i)
		slot := t.vacantSlot(tag, now)
		if slot < 0 && !evict {
			return false
		}
		if slot < 0 {
			slot = t.victim(tag, now)
		}
		t.occupy(slot, tag)
		copy(t.Record(slot), from.Record(i))
	}
	return true
}

// nextExpiry is when the next record expires.
func (t *Table) nextExpiry(now int64) int64 {
	at := int64(math.MaxInt64)
	for i := range t.Slots() {
		if !t.expired(i, now) {
			at = min(at, t.expiry(i))
		}
	}
	return at
}
