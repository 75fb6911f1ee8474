package session

import (
	"container/heap"
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"time"
)

// A shard is the sessions of some subjects, found by key, by subject, and by
// which deadline is next. A million sessions are mostly tables, so these hold
// hashes of 8 bytes; the entry has the rest.
type shard struct {
	mu        sync.RWMutex
	byKey     map[uint64]*entry
	bySubject map[uint64]*entry // the first of a list, of all subjects with that hash
	seed      maphash.Seed
	queue     queue
}

// An entry is a Record in 128 bytes. Times are in Unix milliseconds.
type entry struct {
	key                     Key
	id                      ID
	position                int32 // in the queue
	subject, data           string
	created, seen, deadline int64
	revision                int64
	next                    *entry // in the list
	remember                bool
}

// hash is what a key is found by. Where two keys of a million sessions agree in
// it, which a login does with a chance of 1 in 10^13, the second is refused as if
// it existed.
func (s *shard) hash(key Key) uint64 { return maphash.Bytes(s.seed, key[:]) }

func (s *shard) find(key Key) *entry {
	if e := s.byKey[s.hash(key)]; e != nil && e.key == key {
		return e
	}
	return nil
}

func (s *shard) taken(key Key) bool { return s.byKey[s.hash(key)] != nil }

func (s *shard) rename(e *entry, key Key) {
	delete(s.byKey, s.hash(e.key))
	e.key = key
	s.byKey[s.hash(key)] = e
}

// of yields the sessions of a subject, each of which may be removed.
func (s *shard) of(subject string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		var next *entry
		for e := s.bySubject[maphash.String(s.seed, subject)]; e != nil; e = next {
			if next = e.next; e.subject == subject && !yield(e) {
				return
			}
		}
	}
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
	for other := range s.of(rec.Subject) {
		e.subject = other.subject
		break
	}
	if e.subject == "" {
		e.subject = strings.Clone(rec.Subject) // it may be part of a whole request
	}
	hash := maphash.String(s.seed, e.subject)
	e.next = s.bySubject[hash]
	s.bySubject[hash] = e
	s.byKey[s.hash(e.key)] = e
	heap.Push(&s.queue, e)
}

func (s *shard) remove(e *entry) {
	delete(s.byKey, s.hash(e.key))
	heap.Remove(&s.queue, int(e.position))
	hash := maphash.String(s.seed, e.subject)
	first := s.bySubject[hash]
	switch {
	case first != e:
		for first.next != e {
			first = first.next
		}
		first.next = e.next
	case e.next != nil:
		s.bySubject[hash] = e.next
	default:
		delete(s.bySubject, hash)
	}
}

func (s *shard) postpone(e *entry, deadline int64) {
	e.deadline = deadline
	heap.Fix(&s.queue, int(e.position))
}

// own is how many sessions a subject has, and which was unused for longest.
func (s *shard) own(subject string) (oldest *entry, n int) {
	for e := range s.of(subject) {
		if oldest == nil || e.seen <= oldest.seen {
			oldest = e
		}
		n++
	}
	return oldest, n
}
