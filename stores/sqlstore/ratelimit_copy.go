package sqlstore

import (
	"bytes"
	"sync"
	"time"
)

const (
	maxCopies = 16 << 10
	maxCopied = 256 // bytes of a state; a larger one is not copied

	// freshFor is how long a copy may refuse: another process may reset the count.
	freshFor = time.Second
)

// A row is a count as the table has it.
type row struct {
	state  []byte // nil if there is no row
	forget int64  // when it may be deleted, in Unix ms
	read   int64  // when, in Unix ns
	// shared means that another process was the last to change the count. A write on
	// the condition of a copy's state would likely fail.
	shared bool
}

// copies has the counts that this process used last. It drops the older half when it
// is full.
type copies struct {
	mu          sync.Mutex
	last, older map[countID]row
}

// find returns the copies of counts, or false if one of them is missing.
func (c *copies) find(targets []target) ([]row, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := make([]row, len(targets))
	for i, g := range targets {
		var ok bool
		if rows[i], ok = c.get(g.id); !ok {
			return nil, false
		}
	}
	return rows, true
}

func (c *copies) get(id countID) (row, bool) {
	if r, ok := c.last[id]; ok {
		return r, true
	}
	r, ok := c.older[id]
	if ok {
		c.put(id, r)
	}
	return r, ok
}

func (c *copies) put(id countID, r row) {
	if len(c.last) >= maxCopies/2 || c.last == nil {
		c.last, c.older = make(map[countID]row), c.last
	}
	c.last[id] = r
}

// add copies a count as it was read. It sets r.shared.
func (c *copies) add(id countID, r *row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if earlier, ok := c.get(id); ok {
		r.shared = !bytes.Equal(earlier.state, r.state)
	}
	c.set(id, *r)
}

// wrote copies a count as it was written.
func (c *copies) wrote(id countID, r row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(id, r)
}

func (c *copies) set(id countID, r row) {
	if r.state != nil && len(r.state) <= maxCopied {
		c.put(id, r)
		return
	}
	delete(c.last, id)
	delete(c.older, id)
}
