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

// maxEndedRefs is how many references may end within Grace. One that ends for a subject
// is another.
const maxEndedRefs = 1 << 16

// endedRefs has the references that DeleteRef ended within Grace, by the hash of the
// reference and the subject: a login that shares the hash of another is refused without
// cause, with a probability of 1 in 10^14.
type endedRefs struct {
	mu     sync.Mutex
	seed   maphash.Seed
	hashes expiring.Map[uint64, struct{}]
}

// hash returns the hash of ref for a subject, or for all of them if it is "".
func (r *endedRefs) hash(ref, subject string) uint64 {
	return maphash.Comparable(r.seed, [2]string{ref, subject})
}

// has reports whether ref has ended for all subjects, or for this one.
func (r *endedRefs) has(ref, subject string, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.hashes.Get(r.hash(ref, ""), now); ok {
		return true
	}
	_, ok := r.hashes.Get(r.hash(ref, subject), now)
	return ok
}

// add adds ref for the time of Grace, for all subjects if subject is "". It is ErrFull
// if there are too many.
func (r *endedRefs) add(ref, subject string, now int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range sweptPerInsert {
		r.hashes.Sweep(now)
	}
	hash := r.hash(ref, subject)
	if _, ok := r.hashes.Get(hash, now); !ok && r.hashes.Len() >= maxEndedRefs {
		return ErrFull
	}
	r.hashes.Put(hash, struct{}{}, now+Grace.Milliseconds())
	return nil
}
