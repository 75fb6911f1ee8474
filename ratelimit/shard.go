package ratelimit

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"

	"github.com/go-guard/guard/internal/table"
)

// A shard holds a part of the keys behind a separate lock.
type shard struct {
	mu     sync.Mutex
	tables []classTable // few
	lives  uint16       // of records
	_      [24]byte     // keeps two locks out of one cache line
}

// A classTable holds the records of one class.
type classTable struct {
	class int
	table.Table
}

func (m *Memory) shardOf(hash uint64) *shard { return &m.shards[hash>>m.shift] }

// newLife returns the life of a new record.
func (s *shard) newLife() uint16 {
	s.lives++
	return s.lives & (1<<lifeBits - 1)
}

// tag mixes the hash of the key, the id of the limit and the period: it names a
// record.
func (d *demand) tag() uint64 {
	hash := d.hash
	if d.period != nil {
		hash = d.period.mix(hash)
	}
	return mix(hash ^ d.id)
}

func (p *period) mix(hash uint64) uint64 {
	return mix(mix(hash^uint64(p.since.UnixNano())) ^ uint64(p.until.UnixNano()))
}

func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// table returns the table of a class, or nil if there is none. It is valid until the
// next call of addTable.
func (s *shard) table(class int) *classTable {
	for i := range s.tables {
		if s.tables[i].class == class {
			return &s.tables[i]
		}
	}
	return nil
}

// addTable returns the table of a class, new if there is none.
func (m *Memory) addTable(s *shard, class int) *classTable {
	if t := s.table(class); t != nil {
		return t
	}
	s.tables = append(s.tables, classTable{class: class, Table: table.New(&m.layouts[class])})
	return &s.tables[len(s.tables)-1]
}

// lock hashes the keys of demands and locks their shards, in order, each of them a
// single time. It appends the indexes of the shards to buf, for unlock.
func (m *Memory) lock(buf []int, demands []demand) []int {
	for k := range demands {
		d := &demands[k]
		if k > 0 && d.key == demands[k-1].key {
			d.hash = demands[k-1].hash
			continue
		}
		d.hash = maphash.String(m.seed, d.key)
		shard := int(d.hash >> m.shift)
		if slices.Contains(buf, shard) {
			continue
		}
		buf = append(buf, shard)
		for i := len(buf) - 1; i > 0 && buf[i-1] > shard; i-- {
			buf[i-1], buf[i] = shard, buf[i-1]
		}
	}
	for _, i := range buf {
		m.shards[i].mu.Lock()
	}
	return buf
}

func (m *Memory) unlock(order []int) {
	for _, i := range order {
		m.shards[i].mu.Unlock()
	}
}
