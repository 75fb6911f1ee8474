package jwtauth

import "time"

// queued is what an entry of a queue holds: when it is over, and its place.
type queued struct {
	over  time.Time
	index int
}

func (q *queued) inQueue() *queued { return q }

// A queue is a heap of entries, what is over first in front; see
// container/heap.
type queue[E interface{ inQueue() *queued }] []E

func (q queue[E]) Len() int           { return len(q) }
func (q queue[E]) Less(i, j int) bool { return q[i].inQueue().over.Before(q[j].inQueue().over) }
func (q queue[E]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].inQueue().index, q[j].inQueue().index = i, j
}

func (q *queue[E]) Push(x any) {
	e := x.(E)
	e.inQueue().index = len(*q)
	*q = append(*q, e)
}

func (q *queue[E]) Pop() any {
	var none E
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = none
	*q = (*q)[:last]
	return e
}
