// Package expiring orders entries by when they expire.
package expiring

import "container/heap"

// A Heap is a min-heap of entries, ordered by deadline. It grows by chunks:
// copying a slice of a million entries would stall every request that waits. The
// zero value is empty.
type Heap[E Entry] struct{ chunks[E] }

// An Entry is a pointer to a struct that embeds a Node.
type Entry interface {
	comparable
	node() *Node
}

// A Node is an entry's deadline and its place in a Heap. All deadlines of a Heap
// use the same unit, such as Unix milliseconds.
type Node struct {
	Deadline int64
	index    int32
}

func (n *Node) node() *Node { return n }

// Len returns the number of entries.
func (h *Heap[E]) Len() int { return h.n }

// First returns the entry that expires next; ok is false where there is none.
func (h *Heap[E]) First() (e E, ok bool) {
	if h.n == 0 {
		return e, false
	}
	return *h.at(0), true
}

// Push adds an entry, which must not be in a Heap.
func (h *Heap[E]) Push(e E) { heap.Push(&h.chunks, e) }

// Remove removes an entry of h.
func (h *Heap[E]) Remove(e E) { heap.Remove(&h.chunks, int(e.node().index)) }

// Move changes the deadline of an entry of h.
func (h *Heap[E]) Move(e E, deadline int64) {
	e.node().Deadline = deadline
	heap.Fix(&h.chunks, int(e.node().index))
}

const chunk = 256

// chunks implements heap.Interface.
type chunks[E Entry] struct {
	list []*[chunk]E
	n    int
}

func (c *chunks[E]) at(i int) *E { return &c.list[i/chunk][i%chunk] }

func (c *chunks[E]) Len() int { return c.n }

func (c *chunks[E]) Less(i, j int) bool {
	return (*c.at(i)).node().Deadline < (*c.at(j)).node().Deadline
}

func (c *chunks[E]) Swap(i, j int) {
	a, b := c.at(i), c.at(j)
	*a, *b = *b, *a
	(*a).node().index, (*b).node().index = int32(i), int32(j)
}

func (c *chunks[E]) Push(x any) {
	if c.n == len(c.list)*chunk {
		c.list = append(c.list, new([chunk]E))
	}
	e := x.(E)
	e.node().index = int32(c.n)
	c.n++
	*c.at(c.n - 1) = e
}

// Pop keeps one empty chunk, so that Push and Pop in turn at a chunk's boundary do
// not allocate each time.
func (c *chunks[E]) Pop() any {
	var none E
	c.n--
	last := c.at(c.n)
	e := *last
	*last = none
	if len(c.list)*chunk-c.n >= 2*chunk {
		c.list[len(c.list)-1] = nil
		c.list = c.list[:len(c.list)-1]
	}
	return e
}
