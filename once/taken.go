package once

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
	"time"
)

// taken are the keys of Take, in a fourth of the memory of an entry: a busy server takes
// a million in two minutes. It holds fingerprints of keys, under random seeds. A new key
// has that of one of a million with a probability of 2^-76, and is refused then: a
// collision never accepts a key twice.
type taken struct {
	seeds [2]maphash.Seed
	since int64 // what seconds count from, in Unix seconds
	until map[fingerprint]uint32
	lists []*expiryList // by when they are over
	n     int           // of all lists
}

type fingerprint [12]byte

// never is a time that does not come: a century later.
const never = math.MaxUint32

// An expiryList has the keys that are over at about the same time, or before. A key that
// was taken again is in two lists.
type expiryList struct {
	over   uint32
	chunks []*[256]fingerprint
	n      int
}

func newTaken(now time.Time) *taken {
	return &taken{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		since: now.Unix() - 1<<30, until: map[fingerprint]uint32{},
	}
}

func (t *taken) fingerprint(key *[32]byte) (f fingerprint) {
	binary.LittleEndian.PutUint64(f[:], maphash.Bytes(t.seeds[0], key[:]))
	binary.LittleEndian.PutUint32(f[8:], uint32(maphash.Bytes(t.seeds[1], key[:])))
	return f
}

// seconds returns a time, rounded down. The clock may have been set back.
func (t *taken) seconds(at time.Time) uint32 {
	return uint32(min(max(at.Unix()-t.since, 0), never))
}

// has reports whether a key is remembered.
func (t *taken) has(key *[32]byte, now time.Time) bool {
	return t.until[t.fingerprint(key)] > t.seconds(now)
}

// add remembers a key that is not there until a time, rounded up.
func (t *taken) add(key *[32]byte, until, now time.Time) {
	f, over := t.fingerprint(key), t.seconds(until)
	if until.Nanosecond() > 0 && over < never {
		over++
	}
	t.until[f] = over
	t.listFor(over, t.seconds(now)).push(f)
	t.n++
}

// listFor returns the list for keys that are over at a time. They stay for up to a
// sixteenth longer, so that there are a few hundred lists, whatever the times.
func (t *taken) listFor(over, now uint32) *expiryList {
	width := uint32(1)
	for over > now && width < (over-now)/16 {
		width *= 2
	}
	if rest := over % width; rest > 0 && over < never-width {
		over += width - rest
	}
	i, found := slices.BinarySearchFunc(t.lists, over, func(l *expiryList, over uint32) int {
		return int(int64(l.over) - int64(over))
	})
	if !found {
		t.lists = slices.Insert(t.lists, i, &expiryList{over: over})
	}
	return t.lists[i]
}

// sweep forgets a few keys that are over.
func (t *taken) sweep(now time.Time) {
	at := t.seconds(now)
	for range sweptPerCall {
		if len(t.lists) == 0 || t.lists[0].over > at || at == never {
			return
		}
		f := t.lists[0].pop()
		if t.until[f] <= at { // or it was taken again
			delete(t.until, f)
		}
		if t.n--; t.lists[0].n == 0 {
			t.lists = slices.Delete(t.lists, 0, 1)
		}
	}
}

func (l *expiryList) push(f fingerprint) {
	if l.n%256 == 0 {
		l.chunks = append(l.chunks, new([256]fingerprint))
	}
	l.chunks[l.n/256][l.n%256] = f
	l.n++
}

func (l *expiryList) pop() fingerprint {
	l.n--
	f := l.chunks[l.n/256][l.n%256]
	if l.n%256 == 0 {
		l.chunks[l.n/256] = nil
		l.chunks = l.chunks[:l.n/256]
	}
	return f
}
