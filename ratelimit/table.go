package ratelimit

import (
	"math"
	"math/bits"
)

// A table holds records of one class, each behind its tag. A record is in one of
// two groups of slots that its tag names, so that finding, placing and forgetting
// look at 16 slots, however full the table is. It doubles up to a given size, and
// is never swept: the slot of a record that has expired is as good as free.
//
// The prints say which of a group's slots may have a tag. They are small enough
// to stay in a processor's cache: what a take has to fetch is the record.
type table struct {
	class  int
	stride int      // of a slot
	low    int64    // bits of a record's first 64 that are not its expiry
	prints []uint64 // of a group: a byte for each slot, 0 where it is free
	slab   []uint32 // of a slot: the tag, 2 words, and the record
	stuck  int64    // until when somebody would be forgotten for it to grow, and must not be
}

func newTable(class int) table {
	return table{class: class, stride: tagWords + stride(class), low: lowBits(class)}
}

const (
	groupSize = 8
	tagWords  = 2
)

// printOf is a tag's print in each of eight bytes.
func printOf(tag uint64) uint64 { return max(tag&0xff, 1) * 0x0101010101010101 }

// match has the highest bit of each byte set that is the same in both.
func match(a, b uint64) uint64 {
	const low7 = 0x7f7f7f7f7f7f7f7f
	differ := a ^ b
	return ^(differ&low7 + low7 | differ | low7)
}

func (t *table) slots() int { return len(t.prints) * groupSize }

func (t *table) tag(slot int) uint64 { return uint64(get64(t.slab[slot*t.stride:])) }

func (t *table) record(slot int) []uint32 {
	return t.slab[slot*t.stride+tagWords : (slot+1)*t.stride : (slot+1)*t.stride]
}

func (t *table) isFree(slot int) bool {
	return t.prints[slot/groupSize]>>(slot%groupSize*8)&0xff == 0
}

func (t *table) release(slot int) {
	t.prints[slot/groupSize] &^= 0xff << (slot % groupSize * 8)
}

// occupy gives a slot to a tag. The record is the caller's to write.
func (t *table) occupy(slot int, tag uint64) {
	t.release(slot)
	t.prints[slot/groupSize] |= printOf(tag) & (0xff << (slot % groupSize * 8))
	put64(t.slab[slot*t.stride:], int64(tag))
}

// over reports whether a slot is as good as free.
func (t *table) over(slot int, now int64) bool {
	return t.isFree(slot) || t.expires(slot) <= now
}

// expires is when nothing of a slot's record counts any more.
func (t *table) expires(slot int) int64 { return get64(t.record(slot)) &^ t.low }

// groupsOf are a tag's two groups, which may be the same.
func (t *table) groupsOf(tag uint64) [2]int {
	n := uint64(len(t.prints))
	a, _ := bits.Mul64(tag, n) // by its high bits
	b, _ := bits.Mul64(tag<<32, n)
	return [2]int{int(a), int(b)}
}

// find is the tag's slot, or -1.
func (t *table) find(tag uint64) int {
	if len(t.prints) == 0 {
		return -1
	}
	print := printOf(tag)
	for _, g := range t.groupsOf(tag) {
		for m := match(t.prints[g], print); m != 0; m &= m - 1 {
			if slot := g*groupSize + bits.TrailingZeros64(m)/8; t.tag(slot) == tag {
				return slot
			}
		}
	}
	return -1
}

// place is a slot for a new tag. A table that is full, and must not grow beyond
// maxGroups, forgets who used least or, if it must keep all, has none: -1.
func (t *table) place(tag uint64, now int64, maxGroups int, keep bool) int {
	slot := t.free(tag, now)
	for slot < 0 && t.grows(now, maxGroups) {
		t.grow(now, maxGroups, keep)
		slot = t.free(tag, now)
	}
	switch {
	case slot >= 0:
	case keep:
		return -1
	default:
		slot = t.forgotten(tag, now)
	}
	t.occupy(slot, tag)
	clear(t.record(slot))
	return slot
}

// free is a slot for the tag without anything being forgotten, or -1. It is in
// the first group, where find looks first, or in the emptier one where the
// first fills up.
func (t *table) free(tag uint64, now int64) int {
	if len(t.prints) == 0 {
		return -1
	}
	groups := t.groupsOf(tag)
	slot, n := t.freeIn(groups[0], now)
	if n < groupSize/2 {
		if other, m := t.freeIn(groups[1], now); m > n {
			slot, n = other, m
		}
	}
	if n > 0 {
		return slot
	}
	for _, g := range groups {
		if slot := t.move(g, now); slot >= 0 {
			return slot
		}
	}
	return -1
}

// freeIn counts a group's free slots and names one.
func (t *table) freeIn(group int, now int64) (slot, n int) {
	for i := group * groupSize; i < (group+1)*groupSize; i++ {
		if t.over(i, now) {
			slot = i
			n++
		}
	}
	return slot, n
}

// move empties a slot of a group by moving its record to that one's own other
// group. It is -1 where none has room there.
func (t *table) move(group int, now int64) int {
	for i := group * groupSize; i < (group+1)*groupSize; i++ {
		tag := t.tag(i)
		for _, other := range t.groupsOf(tag) {
			if other == group {
				continue
			}
			if slot, n := t.freeIn(other, now); n > 0 {
				t.occupy(slot, tag)
				copy(t.record(slot), t.record(i))
				t.release(i)
				return i
			}
		}
	}
	return -1
}

// forgotten is the slot of the tag's groups that used the least of its quota.
func (t *table) forgotten(tag uint64, now int64) (slot int) {
	least := 2.0
	for _, g := range t.groupsOf(tag) {
		for i := g * groupSize; i < (g+1)*groupSize; i++ {
			if u := used(t.class, t.record(i), now); u < least {
				slot, least = i, u
			}
		}
	}
	return slot
}

func (t *table) grows(now int64, maxGroups int) bool {
	return now >= t.stuck && len(t.prints) < maxGroups
}

// wait is how long until a tag that has no slot could have one.
func (t *table) wait(tag uint64, now int64) (wait int64) {
	wait = math.MaxInt64
	for _, g := range t.groupsOf(tag) {
		for i := g * groupSize; i < (g+1)*groupSize; i++ {
			wait = min(wait, t.expires(i)-now)
		}
	}
	return wait
}

// grow doubles the table, on the way to maxGroups, and leaves out what has
// expired. Where chance has put so much into one group that it does not fit, it
// doubles again; what does not fit into maxGroups is forgotten, or must stay.
func (t *table) grow(now int64, maxGroups int, keep bool) {
	old := *t
	for groups := len(old.prints); ; {
		groups = doubled(groups, maxGroups)
		t.prints = make([]uint64, groups)
		t.slab = make([]uint32, t.slots()*t.stride)
		if t.fill(&old, now, groups == maxGroups && !keep) {
			return
		}
		if groups == maxGroups {
			*t = old
			t.stuck = t.soonest(now)
			return
		}
	}
}

// doubled is the next of the sizes that end with most and are each half of the
// next, rounded up.
func doubled(groups, most int) int {
	next := most
	for next > 1 && (next+1)/2 > groups {
		next = (next + 1) / 2
	}
	return next
}

// fill takes what another table has not expired. It ends early, and is false,
// where one has no slot and forget is false.
func (t *table) fill(from *table, now int64, forget bool) bool {
	for i := range from.slots() {
		if from.over(i, now) {
			continue
		}
		tag := from.tag(i)
		slot := t.free(tag, now)
		if slot < 0 && !forget {
			return false
		}
		if slot < 0 {
			slot = t.forgotten(tag, now)
		}
		t.occupy(slot, tag)
		copy(t.record(slot), from.record(i))
	}
	return true
}

// soonest is when the next record is over.
func (t *table) soonest(now int64) int64 {
	at := int64(math.MaxInt64)
	for i := range t.slots() {
		if !t.over(i, now) {
			at = min(at, t.expires(i))
		}
	}
	return at
}
