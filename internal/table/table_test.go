package table_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-guard/guard/internal/table"
)

// hour is how long the records of most tests count.
const hour = int64(3600e9)

const start = int64(1e18)

// layout has records of three words: the expiry, and the used fraction in
// thousandths. The lowest three bits of the expiry are not part of it.
func layout(maxGroups int, noEviction bool) *table.Layout {
	return &table.Layout{
		Words: 3, LowBits: 7, MaxGroups: maxGroups, NoEviction: noEviction,
		Used: func(rec []uint32, _ table.Note, _ int64) float64 { return float64(rec[2]) / 1000 },
	}
}

// place gives a tag a record, and reports whether it has a slot.
func place(tab *table.Table, tag uint64, now, expiry int64, used uint32) bool {
	slot := tab.Place(tag, 7, now)
	if slot < 0 {
		return false
	}
	write(tab.Record(slot), expiry, used)
	return true
}

func write(rec []uint32, expiry int64, used uint32) {
	table.PutInt64(rec, expiry|7)
	rec[2] = used
}

// at returns a tag whose two groups are those at a fraction of the table.
func at(fraction float64, i int) uint64 {
	x := uint64(fraction*(1<<32)) + uint64(i)
	return x>>16<<48 | x<<table.NoteBits
}

// TestMatch compares match with a plain loop.
func TestMatch(t *testing.T) {
	for range 100_000 {
		a, b := rand.Uint64(), table.Fingerprint(rand.Uint64())
		a &= rand.Uint64() | 0xff00ff // zeros, and bytes that differ in few bits
		if rand.IntN(2) == 0 {
			a ^= b & 0xffff0000ffffff
		}
		want := uint64(0)
		for i := range 8 {
			if a>>(8*i)&0xff == b>>(8*i)&0xff {
				want |= 0x80 << (8 * i)
			}
		}
		if got := table.Match(a, b); got != want {
			t.Fatalf("match(%#x, %#x) = %#x, want %#x", a, b, got, want)
		}
	}
}

// TestReleased: Find does not return a released slot, whatever its words still
// hold and whatever its neighbours are.
func TestReleased(t *testing.T) {
	for low := range 256 {
		tab := table.New(layout(1, true))
		tag := func(i int) uint64 { return uint64(i)<<32 | uint64(low)<<table.NoteBits } // of one fingerprint
		for i := range table.GroupSize {
			place(&tab, tag(i), start, start+hour, 200)
		}
		for i := range table.GroupSize {
			slot := tab.Find(tag(i))
			if slot < 0 {
				t.Fatalf("fingerprint %d: tag %d has no slot", low, i)
			}
			tab.Release(slot)
			for j := range table.GroupSize {
				if found := tab.Find(tag(j)) >= 0; found != (j > i) {
					t.Fatalf("fingerprint %d: after the release of %d, %d has a slot: %t", low, i, j, found)
				}
			}
		}
	}
}

// TestStuckTableGrowsAgain: a table without eviction stays small where its
// records would not fit after growing, and tries again when one has expired.
func TestStuckTableGrowsAgain(t *testing.T) {
	const maxGroups = 5 // by way of 1, 2 and 3
	tab := table.New(layout(maxGroups, true))
	now := start
	var tags []uint64
	for i := range 2 * table.GroupSize { // two groups of three are one of five
		tags = append(tags, at([]float64{0.25, 0.35}[i/table.GroupSize], i))
	}
	const second = int64(1e9)
	placeNow := func(tag uint64) bool { return place(&tab, tag, now, now+hour, 200) }
	for i, tag := range tags {
		if !placeNow(tag) {
			t.Fatalf("tag %d has no slot", i)
		}
		now += second
	}
	if placeNow(at(0.25, 99)) {
		t.Fatal("a tag has a slot in a full group")
	}
	if n := tab.Slots() / table.GroupSize; n != 3 {
		t.Fatalf("%d groups, want 3", n)
	}
	if table.CanGrow(&tab, now) {
		t.Fatal("the table would grow")
	}
	for i, tag := range tags {
		if tab.Find(tag) < 0 {
			t.Fatalf("tag %d was evicted", i)
		}
	}
	now = start + hour + second/2 // the first has expired
	if !table.CanGrow(&tab, now) {
		t.Error("the table does not grow again")
	}
	if !placeNow(at(0.25, 99)) {
		t.Error("there is no slot although a record has expired")
	}
}

// TestGrowsPastRecordsThatDoNotFit: a table evicts and refuses nothing while it
// may still grow. Two groups become three, and one of these is of both.
func TestGrowsPastRecordsThatDoNotFit(t *testing.T) {
	const maxGroups = 20 // by way of 1, 2, 3, 5 and 10
	for _, noEviction := range []bool{false, true} {
		tab := table.New(layout(maxGroups, noEviction))
		var tags []uint64
		for i := range 2*table.GroupSize + 1 { // of three groups, all in the second
			tags = append(tags, at([]float64{0.40, 0.60}[i%2], i))
		}
		for i, tag := range tags {
			if !place(&tab, tag, start, start+hour, 200) {
				t.Fatalf("tag %d of %d has no slot in %d slots", i, len(tags), tab.Slots())
			}
		}
		for i, tag := range tags {
			if tab.Find(tag) < 0 {
				t.Errorf("tag %d was evicted by a table of %d slots that may have %d groups", i, tab.Slots(), maxGroups)
			}
		}
	}
}

// A twin is the plain implementation of a table: a map that never evicts. It
// checks every answer of the table.
type twin struct {
	*testing.T
	tab    table.Table
	layout *table.Layout
	now    int64
	has    map[uint64]record
}

type record struct {
	expiry int64
	used   uint32
	note   table.Note
}

// FuzzTable compares a table with its twin. Each step is two bytes: what to do,
// and with which tag.
func FuzzTable(f *testing.F) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 14))
		steps := make([]byte, 2000)
		for i := range steps {
			steps[i] = byte(rnd.Uint32())
		}
		f.Add(steps, byte(1+seed*seed), seed%2 == 0)
	}
	f.Add([]byte("place, find, release, expire"), byte(1), true)
	f.Fuzz(func(t *testing.T, steps []byte, maxGroups byte, noEviction bool) {
		steps = steps[:min(len(steps), 2000)]
		l := layout(max(1, int(maxGroups)), noEviction)
		w := &twin{T: t, layout: l, tab: table.New(l), now: start, has: map[uint64]record{}}
		for i := 0; i+1 < len(steps); i += 2 {
			w.step(steps[i], steps[i+1])
		}
	})
}

func (w *twin) step(what, which byte) {
	tag := uint64(which) * 0x9e3779b97f4a7c15 >> table.NoteBits << table.NoteBits
	if what >= 128 { // of few groups and one fingerprint
		tag = at(float64(which%4)/4, int(which)<<8)
		tag = tag&^(0xff<<table.NoteBits) | 1<<table.NoteBits
	}
	slot := w.find(tag)
	switch what % 8 {
	case 0, 1, 2, 3:
		rec := record{w.now + int64(1+what%32)*hour&^7, uint32(what) * 5, table.Note(what)<<8 | table.Note(which)} // some used up
		if slot < 0 {
			w.place(tag, rec)
			return
		}
		write(w.tab.Record(slot), rec.expiry, rec.used)
		w.tab.SetNote(slot, rec.note)
		w.has[tag] = rec
	case 4:
		switch {
		case slot < 0:
		case which%2 == 0:
			w.tab.Expire(slot)
			w.has[tag] = record{}
			if !w.tab.Expired(slot, 0) || w.find(tag) != slot {
				w.Fatalf("%#x has no expired record", tag)
			}
		default:
			w.tab.Release(slot)
			delete(w.has, tag)
			if w.find(tag) >= 0 {
				w.Fatalf("%#x was released and has a slot", tag)
			}
		}
	case 5:
		w.now += int64(which) * hour / 64
	case 6:
		w.checkAll()
	case 7:
		w.wait(tag, slot)
	}
}

// find checks that a tag has a slot with its record if the twin has one. Either
// may have lost an expired record.
func (w *twin) find(tag uint64) int {
	slot := w.tab.Find(tag)
	want, ok := w.has[tag]
	switch live := ok && want.expiry > w.now; {
	case slot < 0 && live:
		w.Fatalf("%#x has no slot", tag)
	case slot >= 0 && !ok:
		w.Fatalf("%#x has a slot and was never placed", tag)
	case slot >= 0 && live:
		rec := w.tab.Record(slot)
		if len(rec) != w.layout.Words {
			w.Fatalf("%#x: %d words", tag, len(rec))
		}
		if got := (record{table.Int64(rec) &^ 7, rec[2], w.tab.Note(slot)}); got != want {
			w.Fatalf("%#x has the record %+v, want %+v", tag, got, want)
		}
	case slot < 0:
		delete(w.has, tag) // it was dropped when it had expired
	}
	return slot
}

func (w *twin) checkAll() {
	for tag := range w.has {
		w.find(tag)
	}
}

// place gives a tag its record, and checks what that evicts.
func (w *twin) place(tag uint64, rec record) {
	mayGrow := table.CanGrow(&w.tab, w.now)
	before := w.tab.Slots()
	slot := w.tab.Place(tag|0xfeed, rec.note, w.now)
	if most := w.layout.MaxGroups * table.GroupSize; w.tab.Slots() > most {
		w.Fatalf("%d slots, at most %d", w.tab.Slots(), most)
	}
	if slot < 0 {
		w.refused(tag)
		return
	}
	if !slices.Equal(w.tab.Record(slot), make([]uint32, w.layout.Words)) {
		w.Fatalf("a new record is %v", w.tab.Record(slot))
	}
	write(w.tab.Record(slot), rec.expiry, rec.used)
	w.has[tag] = rec
	var victims []uint64
	for other, r := range w.has {
		if r.expiry > w.now && w.tab.Find(other) < 0 {
			victims = append(victims, other)
		}
	}
	switch {
	case len(victims) == 0:
	case w.layout.NoEviction:
		w.Fatalf("%d records were evicted", len(victims))
	case w.tab.Slots() == before && mayGrow:
		w.Fatalf("%d records were evicted by a table of %d slots that may have more", len(victims), before)
	case w.tab.Slots() == before && len(victims) > 1:
		w.Fatalf("one record takes the place of %d", len(victims))
	case w.tab.Slots() < w.layout.MaxGroups*table.GroupSize:
		w.Fatalf("%d records were evicted by a table of %d slots that may have more", len(victims), w.tab.Slots())
	}
	for _, v := range victims {
		if w.tab.Slots() == before {
			w.usedLeast(v, tag)
		}
		delete(w.has, v)
	}
}

// usedLeast checks that no record of the new tag's groups used less than its
// victim, or as much and expires sooner.
func (w *twin) usedLeast(victim, tag uint64) {
	groups := table.Groups(&w.tab, tag)
	for other, r := range w.has {
		if other == tag || w.tab.Find(other) < 0 {
			continue
		}
		in := slices.Contains(groups[:], w.tab.Find(other)/table.GroupSize)
		v := w.has[victim]
		a, b := min(v.used, 1000), min(r.used, 1000)
		if in && r.expiry > w.now && (b < a || b == a && r.expiry < v.expiry) {
			w.Fatalf("the record %+v was evicted before %+v", v, r)
		}
	}
}

// refused checks that a table without eviction has no slot for a tag, and that
// the wait for one is right.
func (w *twin) refused(tag uint64) {
	if !w.layout.NoEviction {
		w.Fatalf("%#x was refused by a table that evicts", tag)
	}
	w.checkAll()
	groups, soonest := table.Groups(&w.tab, tag), int64(1<<62)
	for other, r := range w.has {
		if slot := w.tab.Find(other); slot >= 0 && slices.Contains(groups[:], slot/table.GroupSize) {
			soonest = min(soonest, r.expiry-w.now)
		}
	}
	if wait := w.tab.Wait(tag, w.now, 1); wait != soonest || wait <= 0 {
		w.Fatalf("the wait for a slot is %d, want %d", wait, soonest)
	}
	if tag%2 == 0 {
		w.now += soonest
		if !place(&w.tab, tag, w.now, w.now+hour&^7, 1) {
			w.Fatalf("%#x has no slot after the wait", tag)
		}
		w.has[tag] = record{w.now + hour&^7, 1, 7}
	}
}

// wait checks Wait: if a tag need not wait, the table places it or finds that it
// cannot grow, and after the wait of two tags both have slots.
func (w *twin) wait(tag uint64, slot int) {
	other := tag ^ 1<<40 // shares its first group, and perhaps the second
	if slot >= 0 || w.find(other) >= 0 {
		return
	}
	if wait := w.tab.Wait(tag, w.now, 1); wait > 0 && w.tab.Place(tag, 0, w.now) >= 0 {
		w.Fatalf("%#x was placed although it must wait for %d", tag, wait)
	}
	if !w.tab.SharesGroup(tag, other) {
		return
	}
	both := max(w.tab.Wait(tag, w.now, 2), w.tab.Wait(other, w.now, 2))
	if both == 0 {
		return
	}
	w.now += both
	for _, t := range []uint64{tag, other} {
		rec := record{w.now + hour&^7, 1, 7}
		if !place(&w.tab, t, w.now, rec.expiry, rec.used) {
			w.Fatalf("%#x has no slot after the wait of two tags", t)
		}
		w.has[t] = rec
	}
	w.checkAll()
}
