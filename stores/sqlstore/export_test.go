package sqlstore

import (
	"encoding/binary"
	"runtime"

	"github.com/go-guard/guard/ratelimit"
)

// AwaitWaiting returns when n calls wait for others about the same counts.
func AwaitWaiting(s ratelimit.Store, n int) {
	r := s.(*rateLimits)
	for {
		r.mu.Lock()
		waiting := 0
		for _, q := range r.queues {
			waiting += len(q.waiting)
		}
		r.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

// FillCopies copies n counts, and returns of how many a copy is left.
func FillCopies(n int) int {
	var c copies
	for i := range n {
		var id countID
		binary.BigEndian.PutUint64(id[:], uint64(i))
		c.add(id, &row{state: (&count{}).encode()})
		if rows, ok := c.find([]target{{id: id}}); !ok || len(rows) != 1 {
			return -1
		}
	}
	return len(c.last) + len(c.older)
}

// NextLife returns the life of a count after its row was emptied, and that row.
func NextLife(row []byte) (life uint16, next []byte, err error) {
	c, err := decode(sliding, row)
	c.begin()
	return c.life, c.encode(), err
}
