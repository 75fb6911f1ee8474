// Package table is the hash table behind ratelimit.Memory: it stores records of
// a fixed size under tags of 48 bits, without a pointer per record, and evicts
// the least used records when it is full.
//
// A record expires by itself. Its first two words hold its expiry, and the slot
// of an expired record is reused, so a table is never swept.
package table

import (
	"math/bits"
	"slices"
)

// A Layout describes the records of a table, and how a table may grow.
type Layout struct {
	// Words is the length of a record in words of 32 bits, at least 2. The first
	// two words are its expiry, as [PutInt64] writes it.
	Words int
	// LowBits are the bits of the expiry that hold something else.
	LowBits int64
	// Used returns the used fraction of a record's quota: at least 1 if the quota is
	// used up. A full table evicts the record with the smallest fraction and, of those
	// with the same one or with at least 1, the record that expires first.
	Used func(rec []uint32, note Note, now int64) float64
	// MaxGroups bounds the table: it has up to MaxGroups * GroupSize slots.
	MaxGroups int
	// NoEviction refuses new tags while the table is full.
	NoEviction bool
}

// GroupSize is the number of slots in a group.
const GroupSize = 8

const tagWords = 2

// A Note is what a caller stores beside a record, in the low NoteBits of its tag,
// which do not name the record.
type Note uint16

// NoteBits is the length of a Note.
const NoteBits = 16

// A Table stores records by their tags. Each tag names two groups of slots, and
// its record is in one of them: to find, place or evict a record, the table
// reads at most 16 slots, however full it is. It starts empty and doubles up to
// Layout.MaxGroups.
//
// A table is not safe for use by several goroutines. Use New.
type Table struct {
	layout  *Layout
	stride  int   // of a slot, in words
	lowBits int64 // Layout.LowBits
	// fingerprints has a word for each group, with one byte for each of its
	// slots: 0 where the slot is free, otherwise 8 bits of the tag. They are
	// small enough to stay in the processor's cache.
	fingerprints []uint64
	slab         []uint32 // of each slot: the tag and the note, 2 words, and the record
	growAfter    int64    // growing failed, and fails again before this time
}

// New returns an empty table. It keeps layout, which must not change.
func New(layout *Layout) Table {
	return Table{layout: layout, stride: tagWords + layout.Words, lowBits: layout.LowBits}
}

// Int64 returns the first two words of a record as a number.
func Int64(rec []uint32) int64 { return int64(rec[0]) | int64(rec[1])<<32 }

// PutInt64 stores v in the first two words of a record.
func PutInt64(rec []uint32, v int64) { rec[0], rec[1] = uint32(v), uint32(v>>32) }

// Slots returns the number of slots, used and free.
func (t *Table) Slots() int { return len(t.fingerprints) * GroupSize }

// Record returns the record in a slot. It is valid until the next call of
// CanPlace or Place.
func (t *Table) Record(slot int) []uint32 {
	return t.slab[slot*t.stride+tagWords : (slot+1)*t.stride : (slot+1)*t.stride]
}

// Find returns the slot of a tag, or -1. The record may have expired.
func (t *Table) Find(tag uint64) int {
	if len(t.fingerprints) == 0 {
		return -1
	}
	pattern := fingerprint(tag)
	for _, g := range t.groupsOf(tag) {
		for m := match(t.fingerprints[g], pattern); m != 0; m &= m - 1 {
			if slot := g*GroupSize + bits.TrailingZeros64(m)/8; (t.tag(slot)^tag)>>NoteBits == 0 {
				return slot
			}
		}
	}
	return -1
}

// Note returns the note of the record in a slot.
func (t *Table) Note(slot int) Note { return Note(t.slab[slot*t.stride]) }

// SetNote replaces the note of the record in a slot.
func (t *Table) SetNote(slot int, n Note) {
	word := &t.slab[slot*t.stride]
	*word = *word&^(1<<NoteBits-1) | uint32(n)
}

// Place returns a slot for a tag that the table does not have. The record is
// zero, and the caller must write it. A full table evicts a record or, with
// Layout.NoEviction, returns -1.
func (t *Table) Place(tag uint64, note Note, now int64) int {
	slot := t.vacantSlot(tag, now)
	for slot < 0 && t.canGrow(now) {
		t.grow(now)
		slot = t.vacantSlot(tag, now)
	}
	if slot < 0 {
		if t.layout.NoEviction {
			return -1
		}
		slot = t.victim(tag, now)
	}
	t.occupy(slot, tag&^(1<<NoteBits-1)|uint64(note))
	clear(t.Record(slot))
	return slot
}

// Wait returns how long a tag that the table does not have must wait for a slot,
// where n tags need slots of its groups at the same time. If it is positive and n is
// 1, Place returns -1. After it, n calls of Place have slots.
func (t *Table) Wait(tag uint64, now int64, n int) int64 {
	if !t.layout.NoEviction || t.canGrow(now) || n == 1 && t.vacantSlot(tag, now) >= 0 {
		return 0
	}
	var stackBuffer [2 * GroupSize]int64
	ends := stackBuffer[:0]
	groups := t.groupsOf(tag)
	for _, g := range slices.Compact(groups[:]) {
		for slot := g * GroupSize; slot < (g+1)*GroupSize; slot++ {
			end := now
			if !t.expired(slot, now) {
				end = t.expiry(slot)
			}
			ends = append(ends, end)
		}
	}
	slices.Sort(ends)
	return ends[min(n, len(ends))-1] - now
}

// SharesGroup reports whether two tags may be in the same slot.
func (t *Table) SharesGroup(a, b uint64) bool {
	groups := t.groupsOf(a)
	for _, g := range t.groupsOf(b) {
		if g == groups[0] || g == groups[1] {
			return true
		}
	}
	return false
}

// Expire makes the record in a slot expire at time 0. Its tag still finds it until the
// slot is reused, so that it can begin again in its place.
func (t *Table) Expire(slot int) {
	PutInt64(t.Record(slot), 0)
	t.growAfter = 0
}

// Release removes the record in a slot.
func (t *Table) Release(slot int) {
	t.free(slot)
	t.growAfter = 0
}

func (t *Table) free(slot int) {
	t.fingerprints[slot/GroupSize] &^= 0xff << (slot % GroupSize * 8)
}

// fingerprint returns the fingerprint of a tag in each of eight bytes.
func fingerprint(tag uint64) uint64 { return max(tag>>NoteBits&0xff, 1) * 0x0101010101010101 }

// match sets the highest bit of each byte that is equal in a and b.
func match(a, b uint64) uint64 {
	const low7 = 0x7f7f7f7f7f7f7f7f
	differ := a ^ b
	return ^(differ&low7 + low7 | differ | low7)
}

// tag returns the tag of the record in a slot, with its note.
func (t *Table) tag(slot int) uint64 { return uint64(Int64(t.slab[slot*t.stride:])) }

func (t *Table) isFree(slot int) bool {
	return t.fingerprints[slot/GroupSize]>>(slot%GroupSize*8)&0xff == 0
}

// occupy gives a slot to a tag. The caller writes the record.
func (t *Table) occupy(slot int, tag uint64) {
	t.free(slot)
	t.fingerprints[slot/GroupSize] |= fingerprint(tag) & (0xff << (slot % GroupSize * 8))
	PutInt64(t.slab[slot*t.stride:], int64(tag))
}

// Expired reports whether the record in a slot has expired.
func (t *Table) Expired(slot int, now int64) bool { return t.expiry(slot) <= now }

// expired reports whether a slot may be reused: it is free or its record has
// expired.
func (t *Table) expired(slot int, now int64) bool {
	return t.isFree(slot) || t.Expired(slot, now)
}

// expiry is when the record in a slot expires.
func (t *Table) expiry(slot int) int64 { return Int64(t.Record(slot)) &^ t.lowBits }

// groupsOf returns the two groups of a tag, which may be equal.
func (t *Table) groupsOf(tag uint64) [2]int {
	n := uint64(len(t.fingerprints))
	a, _ := bits.Mul64(tag, n)                    // by its high bits
	b, _ := bits.Mul64(tag>>NoteBits<<(64-32), n) // by the 32 bits above the note
	return [2]int{int(a), int(b)}
}

// vacantSlot returns a slot for a tag without evicting a record, or -1. It
// prefers the first group, where Find looks first, and uses the emptier one once
// the first is half full.
func (t *Table) vacantSlot(tag uint64, now int64) int {
	if len(t.fingerprints) == 0 {
		return -1
	}
	groups := t.groupsOf(tag)
	slot, n := t.vacancies(groups[0], now)
	if n < GroupSize/2 {
		if other, m := t.vacancies(groups[1], now); m > n {
			slot, n = other, m
		}
	}
	if n > 0 {
		return slot
	}
	for _, g := range groups {
		if slot := t.moveOne(g, now); slot >= 0 {
			return slot
		}
	}
	return -1
}

// vacancies counts the vacant slots of a group and returns one of them. If half of
// the group is free, it reads no expiry, and counts no expired records.
func (t *Table) vacancies(group int, now int64) (slot, n int) {
	free := match(t.fingerprints[group], 0)
	if n = bits.OnesCount64(free); n >= GroupSize/2 {
		return group*GroupSize + bits.TrailingZeros64(free)/8, n
	}
	n = 0
	for i := group * GroupSize; i < (group+1)*GroupSize; i++ {
		if t.expired(i, now) {
			slot = i
			n++
		}
	}
	return slot, n
}

// moveOne moves one record of a group to that record's other group and returns
// the slot that is now vacant, or -1 if all of the other groups are full.
func (t *Table) moveOne(group int, now int64) int {
	for i := group * GroupSize; i < (group+1)*GroupSize; i++ {
		tag := t.tag(i)
		for _, other := range t.groupsOf(tag) {
			if other == group {
				continue
			}
			if slot, n := t.vacancies(other, now); n > 0 {
				t.occupy(slot, tag)
				copy(t.Record(slot), t.Record(i))
				t.free(i)
				return i
			}
		}
	}
	return -1
}

// victim returns the slot in the tag's groups whose record has used the smallest
// fraction of its quota and, of several, expires first.
func (t *Table) victim(tag uint64, now int64) (slot int) {
	least, soonest := 2.0, int64(0)
	for _, g := range t.groupsOf(tag) {
		for i := g * GroupSize; i < (g+1)*GroupSize; i++ {
			used, end := min(t.layout.Used(t.Record(i), t.Note(i), now), 1), t.expiry(i)
			if used < least || used == least && end < soonest {
				slot, least, soonest = i, used, end
			}
		}
	}
	return slot
}
