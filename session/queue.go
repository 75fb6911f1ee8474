package session

// A queue is a heap by deadline. It grows by chunks, as a slice of many would
// stop everybody to be copied.
type queue struct {
	chunks []*[chunk]*entry
	n      int
}

const chunk = 256

func (q *queue) at(i int) **entry { return &q.chunks[i/chunk][i%chunk] }

// first is the entry with the next deadline, nil if there is none.
func (q *queue) first() *entry {
	if q.n == 0 {
		return nil
	}
	return *q.at(0)
}

// Len implements heap.Interface.
func (q *queue) Len() int { return q.n }

// Less implements heap.Interface.
func (q *queue) Less(i, j int) bool { return (*q.at(i)).deadline < (*q.at(j)).deadline }

// Swap implements heap.Interface.
func (q *queue) Swap(i, j int) {
	a, b := q.at(i), q.at(j)
	*a, *b = *b, *a
	(*a).position, (*b).position = int32(i), int32(j)
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	if q.n == len(q.chunks)*chunk {
		q.chunks = append(q.chunks, new([chunk]*entry))
	}
	e := x.(*entry)
	e.position = int32(q.n)
	q.n++
	*q.at(q.n - 1) = e
}

// Pop implements heap.Interface. One empty chunk is kept.
func (q *queue) Pop() any {
	q.n--
	last := q.at(q.n)
	e := *last
	*last = nil
	if len(q.chunks)*chunk-q.n >= 2*chunk {
		q.chunks[len(q.chunks)-1] = nil
		q.chunks = q.chunks[:len(q.chunks)-1]
	}
	return e
}
