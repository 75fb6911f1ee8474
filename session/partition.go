package session

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// partitions is how many locks a Memory has.
const partitions = 16

// tagOf returns the first 8 bytes of the keys of a subject. Subjects may share it.
func tagOf(subject string) uint64 {
	sum := sha256.Sum256([]byte(subject))
	return binary.BigEndian.Uint64(sum[:])
}

func (k *Key) tag() uint64 { return binary.BigEndian.Uint64(k[:]) }

func tagNumber(tag [8]byte) uint64 { return binary.BigEndian.Uint64(tag[:]) }

// A partition holds the sessions of some subjects. It finds them by key, by
// subject and by reference, and the next one to expire. Most of the memory of a million
// sessions is its maps: they hold hashes of 8 bytes in place of keys, subjects and
// references, which are compared in the entry.
type partition struct {
	mu       sync.RWMutex
	seed     maphash.Seed
	byKey    map[uint64]*entry
	byTag    map[uint64]*entry   // the first of a list, of all subjects with this tag
	byRef    map[uint64]*refNode // the first of a list, of all references with this hash
	logins   expiring.Heap[*entry]
	guests   expiring.Heap[*entry]
	forwards expiring.Map[Key, *entry] // the keys that entries had before a rotation
	epochs   epochs
}

// An entry is a Record in 128 bytes. Times are in Unix milliseconds; the
// deadline is the Node's.
type entry struct {
	key              Key
	id               ID
	loginLen, refLen uint8
	deviceLen        uint8
	forwards         uint8  // how many lead here
	subject, text    string // text is Login, Ref, with a Device also DeviceStep in 8 bytes and Device, and Data
	expiring.Node
	created, seen int64
	revision      int64
	next          *entry // in the list of byTag
}

type refNode struct {
	*entry
	next *refNode
}

func (p *partition) init() {
	p.seed = maphash.MakeSeed()
	p.byKey = map[uint64]*entry{}
	p.byTag = map[uint64]*entry{}
	p.byRef = map[uint64]*refNode{}
	p.epochs.init()
}

func (p *partition) hashKey(key Key) uint64 { return maphash.Bytes(p.seed, key[:]) }

func (p *partition) hashRef(ref string) uint64 { return maphash.String(p.seed, ref) }

// find returns the entry under key, or nil.
func (p *partition) find(key Key) *entry {
	if e := p.byKey[p.hashKey(key)]; e != nil && e.key == key {
		return e
	}
	return nil
}

// occupied reports whether no entry can be added under key: it exists, or another
// key has the same hash. In a store of a million sessions, a login meets the
// latter with a probability of 1 in 10^13.
func (p *partition) occupied(key Key) bool { return p.byKey[p.hashKey(key)] != nil }

// ofSubject yields the entries of a subject, each of which may be removed.
func (p *partition) ofSubject(tag uint64, subject string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		var next *entry
		for e := p.byTag[tag]; e != nil; e = next {
			if next = e.next; e.subject == subject && !yield(e) {
				return
			}
		}
	}
}

// oldest returns the entry of a subject with the oldest last use, and how many
// the subject has.
func (p *partition) oldest(tag uint64, subject string) (oldest *entry, n int) {
	for e := range p.ofSubject(tag, subject) {
		if oldest == nil || e.seen <= oldest.seen {
			oldest = e
		}
		n++
	}
	return oldest, n
}

func (p *partition) add(rec *Record) {
	e := &entry{
		key: rec.Key, id: rec.ID, loginLen: uint8(len(rec.Login)), refLen: uint8(len(rec.Ref)),
		text: rec.Login + rec.Ref + rec.Data, revision: rec.Revision,
		created: rec.Created.UnixMilli(), seen: rec.LastSeen.UnixMilli(),
		Node: expiring.Node{Deadline: rec.Deadline.UnixMilli()},
	}
	e.setDevice(rec.Device, rec.DeviceStep)
	tag := rec.Key.tag()
	for other := range p.ofSubject(tag, rec.Subject) {
		e.subject = other.subject // the entries of a subject share the string
		break
	}
	if e.subject == "" {
		e.subject = strings.Clone(rec.Subject) // it may be a part of a whole request
	}
	e.next = p.byTag[tag]
	p.byTag[tag] = e
	p.byKey[p.hashKey(e.key)] = e
	p.heap(e).Push(e)
	if rec.Ref != "" {
		hash := p.hashRef(rec.Ref)
		p.byRef[hash] = &refNode{e, p.byRef[hash]}
	}
}

// heap returns the heap of an entry's deadline.
func (p *partition) heap(e *entry) *expiring.Heap[*entry] {
	if isGuest(e.subject) {
		return &p.guests
	}
	return &p.logins
}

// removeIf removes the entries with a tag that remove selects, and returns how many.
func (p *partition) removeIf(tag uint64, remove func(*entry) bool) (n int) {
	link := new(*entry)
	first := link
	var next *entry
	for e := p.byTag[tag]; e != nil; e = next {
		next = e.next
		if remove(e) {
			p.unindex(e)
			n++
			continue
		}
		*link, link = e, &e.next
	}
	*link = nil
	if *first == nil {
		delete(p.byTag, tag)
	} else {
		p.byTag[tag] = *first
	}
	return n
}

func (p *partition) unindex(e *entry) {
	delete(p.byKey, p.hashKey(e.key))
	p.heap(e).Remove(e)
	if e.refLen > 0 {
		p.removeRef(e)
	}
}

func (p *partition) removeRef(e *entry) {
	hash := p.hashRef(e.ref())
	switch n := p.byRef[hash]; {
	case n.entry != e:
		for n.next.entry != e {
			n = n.next
		}
		n.next = n.next.next
	case n.next != nil:
		p.byRef[hash] = n.next
	default:
		delete(p.byRef, hash)
	}
}

func (e *entry) login() string { return e.text[:e.loginLen] }

func (e *entry) ref() string { return e.text[e.loginLen:][:e.refLen] }

// deviceAt is where the device begins in text, and dataAt where the data does.
func (e *entry) deviceAt() int { return int(e.loginLen) + int(e.refLen) }

func (e *entry) dataAt() int {
	if e.deviceLen == 0 {
		return e.deviceAt()
	}
	return e.deviceAt() + stepLen + int(e.deviceLen)
}

func (e *entry) data() string { return e.text[e.dataAt():] }

func (e *entry) setData(data string) { e.text = e.text[:e.dataAt()] + data }

const stepLen = 8

func (e *entry) device() string {
	device, _ := e.deviceOf()
	return device
}

func (e *entry) deviceOf() (device string, step int64) {
	if e.deviceLen == 0 {
		return "", 0
	}
	text := e.text[e.deviceAt():e.dataAt()]
	return text[stepLen:], int64(binary.BigEndian.Uint64([]byte(text[:stepLen])))
}

func (e *entry) setDevice(device string, step int64) {
	if device == "" && e.deviceLen == 0 {
		return
	}
	head, data := e.text[:e.deviceAt()], e.data()
	e.deviceLen = uint8(len(device))
	if device != "" {
		var b [stepLen]byte
		binary.BigEndian.PutUint64(b[:], uint64(step))
		device = string(b[:]) + device
	}
	e.text = head + device + data
}

func (e *entry) record() Record {
	device, step := e.deviceOf()
	return Record{
		Device: device, DeviceStep: step,
		Key: e.key, ID: e.id, Subject: e.subject, Data: e.data(), Login: e.login(), Ref: e.ref(), Revision: e.revision,
		Created: time.UnixMilli(e.created), LastSeen: time.UnixMilli(e.seen), Deadline: time.UnixMilli(e.Deadline),
	}
}
