package session

import (
	"hash/maphash"
	"sync"

	"github.com/go-guard/guard/internal/expiring"
)

// maxEpochs is how many subjects of a partition have an epoch of their own, and twice
// that in part.
const maxEpochs = 4096

// epochs has the epochs of the subjects of a partition, by tag: subjects with the same
// tag share one, which grows more often. If there are too many, the older half is
// dropped, and all subjects that are not in it have at least the largest of those: no
// epoch ever decreases.
type epochs struct {
	recent, older map[uint64]int64
	floor         int64
}

func (e *epochs) init() { e.recent = map[uint64]int64{} }

func (e *epochs) of(tag uint64) int64 {
	if n, ok := e.recent[tag]; ok {
		return n
	}
	if n, ok := e.older[tag]; ok {
		return n
	}
	return e.floor
}

func (e *epochs) raise(tag uint64) {
	next := e.of(tag) + 1
	if _, ok := e.recent[tag]; !ok && len(e.recent) >= maxEpochs {
		for _, n := range e.older {
			e.floor = max(e.floor, n)
		}
		e.older, e.recent = e.recent, map[uint64]int64{}
	}
	e.recent[tag] = next
}

// maxEndedRefs is how many references may end within Grace.
const maxEndedRefs = 1 << 16

// endedRefs has the references that DeleteRef ended within Grace, by hash: a reference
// that shares the hash of another is refused without cause, with a probability of
// 1 in 10^14.
type endedRefs struct {
	mu     sync.Mutex
	seed   maphash.Seed
	hashes expiring.Map[uint64, struct{}]
}

func (r *endedRefs) has(ref string, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.hashes.Get(maphash.String(r.seed, ref), now)
	return ok
}

// add adds ref for the time of Grace. It is ErrFull if there are too many.
func (r *endedRefs) add(ref string, now int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range sweptPerInsert {
		r.hashes.Sweep(now)
	}
	hash := maphash.String(r.seed, ref)
	if _, ok := r.hashes.Get(hash, now); !ok && r.hashes.Len() >= maxEndedRefs {
		return ErrFull
	}
	r.hashes.Put(hash, struct{}{}, now+Grace.Milliseconds())
	return nil
}
