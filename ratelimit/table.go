package ratelimit

import "math/bits"

// A table holds records of one class. A record is in one of two groups of
// slots that its tag names, so that finding, placing and forgetting look at 16
// slots, however full the table is. It doubles up to a given size, and is never
// swept: the slot of a record that has expired is as good as free.
type table struct {
	class  int
	stride int      // of a record
	tags   []uint64 // 0: free
	slab   []uint32
}

const groupSize = 8 // tags of a group are one cache line

func (t *table) record(slot int) []uint32 {
	return t.slab[slot*t.stride : (slot+1)*t.stride : (slot+1)*t.stride]
}

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

// place is the tag's slot, a new one if need be. Of a full table that must not
// grow beyond maxGroups it forgets who used least.
func (t *table) place(tag uint64, now int64, maxGroups int) int {
	if slot := t.find(tag); slot >= 0 {
		return slot
	}
	slot := t.free(tag, now)
	for slot < 0 && len(t.tags) < maxGroups*groupSize {
		t.grow(now, maxGroups)
		slot = t.free(tag, now)
	}
	if slot < 0 {
		slot = t.makeRoom(tag, now)
	}
	t.tags[slot] = tag
	clear(t.record(slot))
	return slot
}

// free is a slot for the tag in the emptier of its groups, or -1.
func (t *table) free(tag uint64, now int64) int {
	best, most := -1, 0
	if len(t.tags) == 0 {
		return -1
	}
	for _, g := range t.groupsOf(tag) {
		slot, n := t.freeIn(g, now)
		if n > most {
			best, most = slot, n
		}
	}
	return best
}

// freeIn counts a group's free slots and names one.
func (t *table) freeIn(group int, now int64) (slot, n int) {
	for i := group; i < group+groupSize; i++ {
		if t.tags[i] == 0 || expires(t.class, t.record(i)) <= now {
			slot = i
			n++
		}
	}
	return slot, n
}

// makeRoom moves a record of the tag's groups to its own other group or, where
// none has room there, forgets the one that used the least of its quota.
func (t *table) makeRoom(tag uint64, now int64) int {
	least, use := -1, 2.0
	for _, g := range t.groupsOf(tag) {
		for i := g; i < g+groupSize; i++ {
			for _, other := range t.groupsOf(t.tags[i]) {
				if slot, n := t.freeIn(other, now); n > 0 {
					t.tags[slot] = t.tags[i]
					copy(t.record(slot), t.record(i))
					return i
				}
			}
			if u := used(t.class, t.record(i), now); u < use {
				least, use = i, u
			}
		}
	}
	return least
}

// full is 0 where the tag has or could have a slot without anything being
// forgotten, and else how long until it could.
func (t *table) full(tag uint64, now int64, maxGroups int) (wait int64) {
	if len(t.tags) < maxGroups*groupSize || t.free(tag, now) >= 0 {
		return 0
	}
	for _, g := range t.groupsOf(tag) {
		for i := g; i < g+groupSize; i++ {
			if w := expires(t.class, t.record(i)) - now; wait == 0 || w < wait {
				wait = w
			}
		}
	}
	return wait
}

// grow doubles the table and leaves out what has expired.
func (t *table) grow(now int64, maxGroups int) {
	groups := min(max(1, 2*len(t.tags)/groupSize), maxGroups)
	old := *t
	t.tags = make([]uint64, groups*groupSize)
	t.slab = make([]uint32, len(t.tags)*t.stride)
	for i, tag := range old.tags {
		if tag == 0 || expires(t.class, old.record(i)) <= now {
			continue
		}
		slot := t.free(tag, now)
		if slot < 0 { // nearly impossible: half of the slots are free
			slot = t.makeRoom(tag, now)
		}
		t.tags[slot] = tag
		copy(t.record(slot), old.record(i))
	}
}
