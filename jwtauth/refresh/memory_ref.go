package refresh

import (
	"context"
	"errors"
	"hash/maphash"

	"github.com/go-guard/guard/internal/expiring"
)

// refs are the references of a Memory.
type refs struct {
	families map[string]map[*family]struct{} // also those that have ended
	// hashes are of the references that have ended, and of the subject: a login that
	// shares the hash of another is refused without cause, with a probability of 1 in 10^14.
	hashes expiring.Map[uint64, struct{}]
	seed   maphash.Seed
}

const (
	// maxEndedRefs is how many references may be refused at a time.
	maxEndedRefs = 1 << 16
	// sweptRefs is how many of them a RevokeRef removes that are over.
	sweptRefs = 4
)

var errManyRefs = errors.New("refresh: too many references have ended")

func (r *refs) add(f *family) {
	if f.ref == "" {
		return
	}
	if r.families[f.ref] == nil {
		r.families[f.ref] = map[*family]struct{}{}
	}
	r.families[f.ref][f] = struct{}{}
}

func (r *refs) remove(f *family) {
	if f.ref == "" {
		return
	}
	if delete(r.families[f.ref], f); len(r.families[f.ref]) == 0 {
		delete(r.families, f.ref)
	}
}

// hash returns the hash of a reference for a subject, or for all of them if it is "".
func (r *refs) hash(ref, subject string) uint64 {
	return maphash.Comparable(r.seed, [2]string{ref, subject})
}

// ended reports whether a reference is refused, for all subjects or for this one.
func (r *refs) ended(ref, subject string, now int64) bool {
	_, all := r.hashes.Get(r.hash(ref, ""), now)
	_, one := r.hashes.Get(r.hash(ref, subject), now)
	return all || one
}

// end refuses a reference. It is an error if there are too many.
func (r *refs) end(e *RefRevocation) error {
	now, until := e.Now.UnixMilli(), e.Until.UnixMilli()
	for range sweptRefs {
		r.hashes.Sweep(now)
	}
	hash := r.hash(e.Ref, e.Subject)
	if _, ok := r.hashes.Get(hash, until-1); ok {
		return nil // it ends no earlier
	}
	if _, ok := r.hashes.Get(hash, now); !ok && r.hashes.Len() >= maxEndedRefs {
		return errManyRefs
	}
	r.hashes.Put(hash, struct{}{}, until)
	return nil
}

// RevokeRef implements [Store].
func (m *Memory) RevokeRef(_ context.Context, r RefRevocation) (listed []Family, ended int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.refs.end(&r)
	for f := range m.refs.families[r.Ref] { // end may remove it
		if r.Subject != "" && f.subject != r.Subject {
			continue
		}
		listed = append(listed, Family{Subject: f.subject, ID: f.id})
		if f.generation > 0 {
			m.end(f, r.ListedUntil.UnixMilli())
			ended++
		}
	}
	return listed, ended, err
}
