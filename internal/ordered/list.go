// Package ordered keeps elements in order.
package ordered

import (
	"iter"
	"slices"
	"sort"
)

const chunk = 256

// A List is sorted, without equal elements. It grows by chunks: to insert into one
// slice of a million elements would stall every request that waits. Use New.
type List[E any] struct {
	compare func(a, b E) int
	chunks  [][]E // none is empty
}

// New returns an empty List in the order of compare.
func New[E any](compare func(a, b E) int) List[E] { return List[E]{compare: compare} }

// find returns where e is, or belongs, if the List has chunks.
func (l *List[E]) find(e E) (c, i int, found bool) {
	c = sort.Search(len(l.chunks), func(c int) bool { return l.compare(l.chunks[c][0], e) > 0 })
	c = max(c-1, 0)
	i, found = slices.BinarySearchFunc(l.chunks[c], e, l.compare)
	return c, i, found
}

// Insert adds an element, which must not be in the List.
func (l *List[E]) Insert(e E) {
	if len(l.chunks) == 0 {
		l.chunks = append(l.chunks, append(make([]E, 0, chunk), e))
		return
	}
	c, i, _ := l.find(e)
	if full := l.chunks[c]; len(full) == chunk {
		at := chunk / 2
		if c == len(l.chunks)-1 && i == chunk {
			at = chunk // elements that come in order fill the chunks
		}
		l.chunks = slices.Insert(l.chunks, c+1, append(make([]E, 0, chunk), full[at:]...))
		clear(full[at:])
		l.chunks[c] = full[:at]
		if i > at || at == chunk {
			c, i = c+1, i-at
		}
	}
	l.chunks[c] = slices.Insert(l.chunks[c], i, e)
}

// Delete removes an element.
func (l *List[E]) Delete(e E) {
	if len(l.chunks) == 0 {
		return
	}
	c, i, found := l.find(e)
	if !found {
		return
	}
	l.chunks[c] = slices.Delete(l.chunks[c], i, i+1)
	switch left := len(l.chunks[c]); {
	case left == 0:
		l.chunks = slices.Delete(l.chunks, c, c+1)
	case c+1 < len(l.chunks) && left+len(l.chunks[c+1]) <= chunk/2:
		l.chunks[c] = append(l.chunks[c], l.chunks[c+1]...)
		l.chunks = slices.Delete(l.chunks, c+1, c+2)
	case c > 0 && left+len(l.chunks[c-1]) <= chunk/2:
		l.chunks[c-1] = append(l.chunks[c-1], l.chunks[c]...)
		l.chunks = slices.Delete(l.chunks, c, c+1)
	}
}

// Descend yields the elements from the largest one for which from is true to the
// smallest. from is true for every element that is smaller than another one for which
// it is true. The List must not change meanwhile.
func (l *List[E]) Descend(from func(E) bool) iter.Seq[E] {
	return func(yield func(E) bool) {
		c := sort.Search(len(l.chunks), func(c int) bool { return !from(l.chunks[c][0]) }) - 1
		if c < 0 {
			return
		}
		last := l.chunks[c]
		n := sort.Search(len(last), func(i int) bool { return !from(last[i]) })
		for ; c >= 0; c-- {
			for _, e := range slices.Backward(l.chunks[c][:n]) {
				if !yield(e) {
					return
				}
			}
			if c > 0 {
				n = len(l.chunks[c-1])
			}
		}
	}
}
