package session

import (
	"fmt"
	"reflect"
)

// EntrySize is what an entry of a Memory takes, in bytes.
var EntrySize = reflect.TypeFor[entry]().Size()

// What bounds the tables of a Memory.
const (
	Partitions   = partitions
	MaxEpochs    = maxEpochs
	MaxEndedRefs = maxEndedRefs
	MaxForwards  = maxForwards
)

// Len returns the number of records. It is an error if the tables disagree on it,
// or if the first deadline is not the earliest.
func (m *Memory) Len() (int, error) {
	n, logins := 0, 0
	for i := range partitions {
		p := m.partition(i)
		if len(p.byKey) != p.logins.Len()+p.guests.Len() {
			return 0, fmt.Errorf("partition %d has %d keys, and %d and %d deadlines", i, len(p.byKey), p.logins.Len(), p.guests.Len())
		}
		tagged, refs, forwards := 0, 0, 0
		for tag, e := range p.byTag {
			for ; e != nil; e = e.next {
				if e.key.tag() != tag || p.find(e.key) != e {
					return 0, fmt.Errorf("partition %d: a record is in the wrong list", i)
				}
				tagged++
			}
		}
		for _, node := range p.byRef {
			for ; node != nil; node = node.next {
				if p.find(node.key) != node.entry || node.refLen == 0 {
					return 0, fmt.Errorf("partition %d: the reference of no record", i)
				}
				refs++
			}
		}
		for _, e := range p.byKey {
			if first, ok := p.heap(e).First(); !ok || e.Deadline < first.Deadline {
				return 0, fmt.Errorf("partition %d: the first deadline is not the earliest", i)
			}
			if e.refLen > 0 {
				refs--
			}
			forwards += int(e.forwards)
		}
		if tagged != len(p.byKey) || refs != 0 || forwards > p.forwards.Len() {
			return 0, fmt.Errorf("partition %d: %d of %d records are listed, %d too many references, %d of %d forwards", i, tagged, len(p.byKey), refs, forwards, p.forwards.Len())
		}
		n += len(p.byKey)
		logins += p.logins.Len()
	}
	if logins != int(m.logins.Load()) {
		return 0, fmt.Errorf("%d logins are counted as %d", logins, m.logins.Load())
	}
	return n, nil
}

// Remembered returns how many forwards, epochs and ended references there are.
func (m *Memory) Remembered() (forwards, epochs, refs int) {
	for i := range partitions {
		p := m.partition(i)
		forwards += p.forwards.Len()
		epochs += len(p.epochs.recent) + len(p.epochs.older)
	}
	return forwards, epochs, m.ended().hashes.Len()
}
