package session

import (
	"container/heap"
	"strings"
	"sync"
	"time"
)

// A shard is the sessions of some subjects, found by key, by subject, and by
// which deadline is next.
type shard struct {
	mu        sync.RWMutex
	byKey     map[Key]*entry
	bySubject map[string]*entry // the first of a list
	queue     queue
}

// An entry is a Record in 144 bytes. Times are in Unix milliseconds.
type entry struct {
	key                     Key
	id                      ID
	position                int32 // in the queue
	subject, data           string
	created, seen, deadline int64
	revision                int64
	prev, next              *entry // of the same subject
	remember                bool
}

func (e *entry) record() Record {
	return Record{
		Key: e.key, ID: e.id, Subject: e.subject, Data: e.data, Revision: e.revision, Remember: e.remember,
		Created: time.UnixMilli(e.created), LastSeen: time.UnixMilli(e.seen), Deadline: time.UnixMilli(e.deadline),
	}
}

func (s *shard) add(rec *Record) {
	e := &entry{
		key: rec.Key, id: rec.ID, data: rec.Data, revision: rec.Revision, remember: rec.Remember,
		created: rec.Created.UnixMilli(), seen: rec.LastSeen.UnixMilli(), deadline: rec.Deadline.UnixMilli(),
	}
	if first := s.bySubject[rec.Subject]; first != nil {
		e.subject, e.next, first.prev = first.subject, first, e
	} else {
		e.subject = strings.Clone(rec.Subject) // it may be part of a whole request
	}
	s.bySubject[e.subject] = e
	s.byKey[e.key] = e
	heap.Push(&s.queue, e)
}

func (s *shard) remove(e *entry) {
	delete(s.byKey, e.key)
	heap.Remove(&s.queue, int(e.position))
	if e.next != nil {
		e.next.prev = e.prev
	}
	switch {
	case e.prev != nil:
		e.prev.next = e.next
	case e.next != nil:
		s.bySubject[e.subject] = e.next
	default:
		delete(s.bySubject, e.subject)
	}
}

func (s *shard) postpone(e *entry, deadline int64) {
	e.deadline = deadline
	heap.Fix(&s.queue, int(e.position))
}

// own is how many sessions a subject has, and which was unused for longest.
func (s *shard) own(subject string) (oldest *entry, n int) {
	for e := s.bySubject[subject]; e != nil; e = e.next {
		if oldest == nil || e.seen <= oldest.seen {
			oldest = e
		}
		n++
	}
	return oldest, n
}

// A queue is a heap by deadline.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].deadline < q[j].deadline }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].position, q[j].position = int32(i), int32(j)
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.position = int32(len(*q))
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
