package session

import (
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// A shard holds the sessions of some subjects. It finds them by key and by
// subject, and the next one to expire. Most of the memory of a million sessions
// is its maps: they hold hashes of 8 bytes in place of keys and subjects, which
// are compared in the entry.
type shard struct {
	mu        sync.RWMutex
	seed      maphash.Seed
	byKey     map[uint64]*entry
	bySubject map[uint64]*entry // the first of a list, of all subjects with this hash
	deadlines expiring.Heap[*entry]
}

// An entry is a Record in 128 bytes. Times are in Unix milliseconds; the
// deadline is the Node's.
type entry struct {
	key           Key
	id            ID
	remember      bool
	subject, data string
	expiring.Node
	created, seen int64
	revision      int64
	next          *entry // in the list of bySubject
}

func (s *shard) init() {
	s.seed = maphash.MakeSeed()
	s.byKey = map[uint64]*entry{}
	s.bySubject = map[uint64]*entry{}
}

func (s *shard) hashKey(key Key) uint64 { return maphash.Bytes(s.seed, key[:]) }

func (s *shard) hashSubject(subject string) uint64 { return maphash.String(s.seed, subject) }

// find returns the entry under key, or nil.
func (s *shard) find(key Key) *entry {
	if e := s.byKey[s.hashKey(key)]; e != nil && e.key == key {
		return e
	}
	return nil
}

// occupied reports whether no entry can be added under key: it exists, or another
// key has the same hash. In a store of a million sessions, a login meets the
// latter with a probability of 1 in 10^13.
func (s *shard) occupied(key Key) bool { return s.byKey[s.hashKey(key)] != nil }

// ofSubject yields the entries of a subject, each of which may be removed.
func (s *shard) ofSubject(subject string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		var next *entry
		for e := s.bySubject[s.hashSubject(subject)]; e != nil; e = next {
			if next = e.next; e.subject == subject && !yield(e) {
				return
			}
		}
	}
}

// oldest returns the entry of a subject with the oldest last use, and how many
// the subject has.
func (s *shard) oldest(subject string) (oldest *entry, n int) {
	for e := range s.ofSubject(subject) {
		if oldest == nil || e.seen <= oldest.seen {
			oldest = e
		}
		n++
	}
	return oldest, n
}

func (s *shard) add(rec *Record) {
	e := &entry{
		key: rec.Key, id: rec.ID, data: rec.Data, revision: rec.Revision, remember: rec.Remember,
		created: rec.Created.UnixMilli(), seen: rec.LastSeen.UnixMilli(),
		Node: expiring.Node{Deadline: rec.Deadline.UnixMilli()},
	}
	for other := range s.ofSubject(rec.Subject) {
		e.subject = other.subject // the entries of a subject share the string
		break
	}
	if e.subject == "" {
		e.subject = strings.Clone(rec.Subject) // it may be a part of a whole request
	}
	hash := s.hashSubject(e.subject)
	e.next = s.bySubject[hash]
	s.bySubject[hash] = e
	s.byKey[s.hashKey(e.key)] = e
	s.deadlines.Push(e)
}

func (s *shard) remove(e *entry) {
	delete(s.byKey, s.hashKey(e.key))
	s.deadlines.Remove(e)
	hash := s.hashSubject(e.subject)
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

// rename gives the entry another key.
func (s *shard) rename(e *entry, key Key) {
	delete(s.byKey, s.hashKey(e.key))
	e.key = key
	s.byKey[s.hashKey(key)] = e
}

func (e *entry) record() Record {
	return Record{
		Key: e.key, ID: e.id, Subject: e.subject, Data: e.data, Revision: e.revision, Remember: e.remember,
		Created: time.UnixMilli(e.created), LastSeen: time.UnixMilli(e.seen), Deadline: time.UnixMilli(e.Deadline),
	}
}
