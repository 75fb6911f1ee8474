package session

import "github.com/go-guard/guard/internal/field"

// For the tests: the parser of cookies.
var ReadCookie = field.RawCookie

// For the tests: what a parser finds.
const (
	Absent   = field.Absent
	Present  = field.Present
	Repeated = field.Repeated
)

// For the tests: tokens.
var (
	KeyOf    = keyOf
	NewToken = newToken
)

// For the tests: whether a D is decoded once.
func IsFlat[D any]() bool { return isFlat[D]() }

// Len is how many records there are, and checks that its tables agree on it.
func (m *Memory) Len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		if len(s.byKey) != s.queue.n || len(s.queue.chunks)*chunk-s.queue.n >= 2*chunk {
			panic("the tables differ")
		}
		for p := range s.queue.n {
			if e := *s.queue.at(p); int(e.position) != p || s.queue.Less(p, (p-1)/2) {
				panic("the queue is out of order")
			}
		}
		n += s.queue.n
	}
	if n != int(m.count.Load()) {
		panic("the count is wrong")
	}
	return n
}
