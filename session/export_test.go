package session

// For the tests: the parser of cookies.
var ReadCookie = readCookie

// For the tests: what a parser finds.
const (
	Absent   = absent
	Present  = present
	Repeated = repeated
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
		if len(s.byKey) != len(s.queue) {
			panic("the tables differ")
		}
		for p, e := range s.queue {
			if int(e.position) != p || p > 0 && s.queue[(p-1)/2].deadline > e.deadline {
				panic("the queue is out of order")
			}
		}
		n += len(s.queue)
	}
	if n != int(m.count.Load()) {
		panic("the count is wrong")
	}
	return n
}
