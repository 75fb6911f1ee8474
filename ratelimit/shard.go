package ratelimit

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/go-guard/guard/internal/table"
)

// A shard holds a part of the keys behind a separate lock.
type shard struct {
	mu     sync.Mutex
	tables []classTable // few
	_      [32]byte     // keeps two locks out of one cache line
}

// A classTable holds the records of one class.
type classTable struct {
	class int
	table.Table
}

func (m *Memory) shardOf(hash uint64) *shard { return &m.shards[hash>>m.shift] }

// tagOf mixes the hash of a key and the id of a limit: it names a record.
func tagOf(hash, id uint64) uint64 {
	hi, lo := bits.Mul64(hash^id, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// table returns the shard's table of a class. It is valid until the next call.
func (m *Memory) table(s *shard, class int) *table.Table {
	for i := range s.tables {
		if s.tables[i].class == class {
			return &s.tables[i].Table
		}
	}
	s.tables = append(s.tables, classTable{class, table.New(&m.layouts[class])})
	return &s.tables[len(s.tables)-1].Table
}

// lock locks the shards of hashes, in order, each of them a single time.
func (m *Memory) lock(hashes []uint64) {
	if len(hashes) == 1 {
		m.shardOf(hashes[0]).mu.Lock()
		return
	}
	var stackBuffer [maxLimits]uint64
	for _, i := range m.distinctShards(stackBuffer[:0], hashes) {
		m.shards[i].mu.Lock()
	}
}

func (m *Memory) unlock(hashes []uint64) {
	if len(hashes) == 1 {
		m.shardOf(hashes[0]).mu.Unlock()
		return
	}
	var stackBuffer [maxLimits]uint64
	for _, i := range m.distinctShards(stackBuffer[:0], hashes) {
		m.shards[i].mu.Unlock()
	}
}

// distinctShards appends the indexes of the hashes' shards to buf, in order.
func (m *Memory) distinctShards(buf, hashes []uint64) []uint64 {
	for _, h := range hashes {
		buf = append(buf, h>>m.shift)
	}
	slices.Sort(buf)
	return slices.Compact(buf)
}
