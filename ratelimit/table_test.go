package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestMatch against a plain loop.
func TestMatch(t *testing.T) {
	for range 100_000 {
		a, b := rand.Uint64(), printOf(rand.Uint64())
		a &= rand.Uint64() | 0xff00ff // zeros, and what is nearly the same
		if rand.IntN(2) == 0 {
			a ^= b & 0xffff0000ffffff
		}
		want := uint64(0)
		for i := range 8 {
			if a>>(8*i)&0xff == b>>(8*i)&0xff {
				want |= 0x80 << (8 * i)
			}
		}
		if got := match(a, b); got != want {
			t.Fatalf("match(%#x, %#x) = %#x, want %#x", a, b, got, want)
		}
	}
}

// at is a tag whose two groups are those of a part of the table, such as 0.25.
func at(part float64, i int) uint64 {
	x := uint64(part*(1<<32)) + uint64(i)
	return x<<32 | x
}

var fiveAnHour = Limit{Name: "n", Quota: 5, Window: time.Hour}

// takeFrom takes for a new tag, and reports whether it has a slot.
func takeFrom(tab *table, tag uint64, now int64, maxGroups int) bool {
	slot := tab.place(tag, now, maxGroups, true)
	if slot < 0 {
		return false
	}
	step(tab.class, &fiveAnHour, tab.record(slot), now, 1, true)
	return true
}

// TestReleased: a slot that was given up is not found, whatever its words still
// hold and whatever stands beside it.
func TestReleased(t *testing.T) {
	for low := range 256 {
		tab := newTable(class(&fiveAnHour))
		tag := func(i int) uint64 { return uint64(i)<<32 | uint64(low) } // of one print
		for i := range groupSize {
			takeFrom(&tab, tag(i), origin, 1)
		}
		for i := range groupSize {
			slot := tab.find(tag(i))
			if slot < 0 {
				t.Fatalf("print %d: tag %d is not found", low, i)
			}
			tab.release(slot)
			for j := range groupSize {
				if found := tab.find(tag(j)) >= 0; found != (j > i) {
					t.Fatalf("print %d: after %d was given up, %d is found: %t", low, i, j, found)
				}
			}
		}
	}
}

// TestStuckTableGrowsAgain: a table that may forget nobody stays small where
// growing would, and tries again when somebody is over.
func TestStuckTableGrowsAgain(t *testing.T) {
	const maxGroups = 5 // by way of 1, 2 and 3
	tab := newTable(class(&fiveAnHour))
	now := origin
	var tags []uint64
	for i := range 2 * groupSize { // two groups of three are one of five
		tags = append(tags, at([]float64{0.25, 0.35}[i/groupSize], i))
	}
	take := func(tag uint64) bool { return takeFrom(&tab, tag, now, maxGroups) }
	for i, tag := range tags {
		if !take(tag) {
			t.Fatalf("tag %d has no slot", i)
		}
		now += int64(time.Second)
	}
	if take(at(0.25, 99)) || len(tab.prints) != 3 || tab.grows(now, maxGroups) {
		t.Fatalf("%d groups, and it grows: %t", len(tab.prints), tab.grows(now, maxGroups))
	}
	for i, tag := range tags {
		if tab.find(tag) < 0 {
			t.Fatalf("tag %d was forgotten", i)
		}
	}
	now = origin + int64(time.Hour+time.Second/2) // the first is over
	if !tab.grows(now, maxGroups) {
		t.Error("it will not grow again")
	}
	if !take(at(0.25, 99)) {
		t.Error("there is no slot where one is over")
	}
}

// TestGrowsPastWhatDoesNotFit: nobody is forgotten, or refused, for a table to
// grow while it may still grow further. Two groups became three, and one of
// these was of both.
func TestGrowsPastWhatDoesNotFit(t *testing.T) {
	const maxGroups = 20 // by way of 1, 2, 3, 5 and 10
	for _, keep := range []bool{false, true} {
		tab := newTable(class(&fiveAnHour))
		var tags []uint64
		for i := range 2*groupSize + 1 { // of three groups, all in the second
			tags = append(tags, at([]float64{0.40, 0.60}[i%2], i))
		}
		for i, tag := range tags {
			slot := tab.place(tag, origin, maxGroups, keep)
			if slot < 0 {
				t.Fatalf("tag %d of %d has no slot in %d groups", i, len(tags), len(tab.prints))
			}
			step(tab.class, &fiveAnHour, tab.record(slot), origin, 1, true)
		}
		for i, tag := range tags {
			if tab.find(tag) < 0 {
				t.Errorf("tag %d was forgotten by a table of %d groups that may have %d", i, len(tab.prints), maxGroups)
			}
		}
	}
}
