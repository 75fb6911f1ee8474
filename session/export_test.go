package session

import (
	"fmt"
	"reflect"
)

// For the tests of tokens.
var (
	KeyOf    = keyOf
	NewToken = newToken
)

// EntrySize is what an entry of a Memory takes, in bytes.
var EntrySize = reflect.TypeFor[entry]().Size()

// IsCopyable is isCopyable of a D.
func IsCopyable[D any]() bool { return isCopyable(reflect.TypeFor[D]()) }

// Len returns the number of records. It is an error if the tables disagree on it,
// or if the first deadline is not the earliest.
func (m *Memory) Len() (int, error) {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		if len(s.byKey) != s.deadlines.Len() {
			return 0, fmt.Errorf("shard %d has %d keys and %d deadlines", i, len(s.byKey), s.deadlines.Len())
		}
		first, ok := s.deadlines.First()
		for _, e := range s.byKey {
			if !ok || e.Deadline < first.Deadline {
				return 0, fmt.Errorf("shard %d: the first deadline is not the earliest", i)
			}
		}
		n += len(s.byKey)
	}
	if n != int(m.count.Load()) {
		return 0, fmt.Errorf("%d records are counted as %d", n, m.count.Load())
	}
	return n, nil
}
