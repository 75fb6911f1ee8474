package ratelimit

import (
	"math"
	"math/bits"
)

// A table holds records of one class. A record is in one of two groups of
// slots that its tag names, so that finding, placing and forgetting look at 16
// slots, however full the table is. It doubles up to a given size, and is never
// swept: the slot of a record that has expired is as good as free.
type table struct {
	class  int
	stride int      // of a record
	low    int64    // bits of a record's first 64 that are not its expiry
	tags   []uint64 // 0: free
	slab   []uint32
	stuck  int64 // until when somebody would be forgotten for it to grow, and must not be
}

func newTable(class int) table {
	return table{class: class, stride: stride(class), low: lowBits(class)}
}

const groupSize = 8 // tags of a group are one cache line

func (t *table) record(slot int) []uint32 {
	return t.slab[slot*t.stride : (slot+1)*t.stride : (slot+1)*t.stride]
}

// over reports whether a slot is as good as free.
func (t *table) over(slot int, now int64) bool {
	if t.tags[slot] == 0 {
		return true
	}
	at := slot * t.stride
	return (int64(t.slab[at])|int64(t.slab[at+1])<<32)&^t.low <= now
}

// expires is when nothing of a slot's record counts any more.
func (t *table) expires(slot int) int64 { return get64(t.record(slot)) &^ t.low }

// groupsOf are the first slots of a tag's two groups, which may be the same.
func (t *table) groupsOf(tag uint64) [2]int {
	n := uint64(len(t.tags) / groupSize)
	a, _ := bits.Mul64(tag, n) // by its high bits
	b, _ := bits.Mul64(tag<<32, n)
	return [2]int{int(a) * groupSize, int(b) * groupSize}
}

// find is the tag's slot, or -1.
func (t *table) find(tag uint64) int {
	if len(t.tags) == 0 {
		return -1
	}
	for _, g := range t.groupsOf(tag) {
		for i, other := range t.tags[g : g+groupSize] {
			if other == tag {
				return g + i
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
	t.tags[slot] = tag
	clear(t.record(slot))
	return slot
}

// free is a slot for the tag without anything being forgotten, or -1. It is in
// the first group, where find looks first, or in the emptier one where the
// first fills up.
func (t *table) free(tag uint64, now int64) int {
	if len(t.tags) == 0 {
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
	for i := group; i < group+groupSize; i++ {
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
	for i := group; i < group+groupSize; i++ {
		for _, other := range t.groupsOf(t.tags[i]) {
			if other == group {
				continue
			}
			if slot, n := t.freeIn(other, now); n > 0 {
				t.tags[slot], t.tags[i] = t.tags[i], 0
				copy(t.record(slot), t.record(i))
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
		for i := g; i < g+groupSize; i++ {
			if u := used(t.class, t.record(i), now); u < least {
				slot, least = i, u
			}
		}
	}
	return slot
}

func (t *table) grows(now int64, maxGroups int) bool {
	return now >= t.stuck && len(t.tags) < maxGroups*groupSize
}

// wait is how long until a tag that has no slot could have one.
func (t *table) wait(tag uint64, now int64) (wait int64) {
	wait = math.MaxInt64
	for _, g := range t.groupsOf(tag) {
		for i := g; i < g+groupSize; i++ {
			wait = min(wait, t.expires(i)-now)
		}
	}
	return wait
}

// grow doubles the table, on the way to maxGroups, and leaves out what has
// expired.
func (t *table) grow(now int64, maxGroups int, keep bool) {
	groups := maxGroups
	for groups > 1 && (groups+1)/2 > len(t.tags)/groupSize {
		groups = (groups + 1) / 2
	}
	old := *t
	t.tags = make([]uint64, groups*groupSize)
	t.slab = make([]uint32, len(t.tags)*t.stride)
	for i, tag := range old.tags {
		if old.over(i, now) {
			continue
		}
		slot := t.free(tag, now)
		switch { // nearly impossible: half of the slots are free
		case slot >= 0:
		case keep:
			*t = old
			t.stuck = t.soonest(now)
			return
		default:
			slot = t.forgotten(tag, now)
		}
		t.tags[slot] = tag
		copy(t.record(slot), old.record(i))
	}
}

// soonest is when the next record is over.
func (t *table) soonest(now int64) int64 {
	at := int64(math.MaxInt64)
	for i := range t.tags {
		if !t.over(i, now) {
			at = min(at, t.expires(i))
		}
	}
	return at
}
