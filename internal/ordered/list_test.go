package ordered_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-guard/guard/internal/ordered"
)

// compareWithSlice does steps on a List and on a sorted slice.
func compareWithSlice(t *testing.T, steps, most int, next func() (n int, add bool)) {
	list := ordered.New(cmp.Compare[int])
	var plain []int
	for range steps {
		n, add := next()
		i, found := slices.BinarySearch(plain, n)
		switch {
		case add && !found && len(plain) < most:
			list.Insert(n)
			plain = slices.Insert(plain, i, n)
		case !add:
			list.Delete(n)
			if found {
				plain = slices.Delete(plain, i, i+1)
			}
		}
		if rand.IntN(50) > 0 {
			continue
		}
		limit, at := rand.IntN(600), rand.IntN(most+2)-1
		var got []int
		for e := range list.Descend(func(e int) bool { return e < at }) {
			if len(got) == limit {
				break
			}
			got = append(got, e)
		}
		end, _ := slices.BinarySearch(plain, at)
		want := slices.Clone(plain[max(0, end-limit):end])
		slices.Reverse(want)
		if !slices.Equal(got, want) {
			t.Fatalf("below %d, at most %d: %v, want %v", at, limit, got, want)
		}
	}
	if most := 2 + 2*len(plain)/(ordered.ChunkSize/2); list.Chunks() > 2*most {
		t.Errorf("%d elements in %d chunks", len(plain), list.Chunks())
	}
}

func TestList(t *testing.T) {
	for range 5 {
		grow := 1
		compareWithSlice(t, 20_000, 5_000, func() (int, bool) {
			if rand.IntN(4_000) == 0 {
				grow = 1 - grow
			}
			return rand.IntN(5_000), rand.IntN(10) < 2+6*grow
		})
	}
}

// TestOrderedInserts: elements that come in order fill the chunks, and when most of
// them are deleted the chunks go.
func TestOrderedInserts(t *testing.T) {
	list := ordered.New(cmp.Compare[int])
	const n = 100 * ordered.ChunkSize
	for i := range n {
		list.Insert(i)
	}
	if list.Chunks() != 100 {
		t.Errorf("%d chunks, want 100", list.Chunks())
	}
	for i := range n {
		if i%ordered.ChunkSize > 0 {
			list.Delete(i)
		}
	}
	if list.Chunks() > 3 {
		t.Errorf("100 elements in %d chunks", list.Chunks())
	}
	for i := range n {
		list.Delete(i)
	}
	if list.Chunks() != 0 {
		t.Errorf("an empty list has %d chunks", list.Chunks())
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte{1, 2, 3, 130, 200, 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		i := 0
		compareWithSlice(t, len(steps)/2, 5_000, func() (int, bool) {
			n := int(steps[i])<<4 | int(steps[i+1])>>4
			i += 2
			return n, steps[i-1]&3 > 0
		})
	})
}
