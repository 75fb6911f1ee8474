package sessiontest

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/go-guard/guard/session"
)

var refs = []testCase{
	{"delete by reference", deleteByRef},
	{"delete by reference and subject", deleteByRefAndSubject},
	{"a reference and a subject are two texts", refAndSubject},
	{"references are bytes", refsAreBytes},
	{"a reference ends before the login", refEndsFirst},
	{"changes keep the reference", changesKeepRef},
	{"no reference", noRef},
}

// newRef returns a reference that no other case uses, of 26 bytes.
func newRef() string { return rand.Text() }

func withRef(subject, ref string) session.Record {
	rec := Record(subject)
	rec.Ref = ref
	return rec
}

func deleteByRef(s *suite) {
	ref, base := newRef(), s.subject
	other, plain := withRef(base, newRef()), Record(base)
	recs := []session.Record{withRef(base, ref), withRef(base, ref), withRef(base+"x", ref), withRef("\x00"+base, ref)}
	for _, rec := range append(recs, other, plain) {
		s.add(rec)
	}
	n, err := s.store.DeleteRef(s.ctx, ref, "")
	check(s, "delete ref", n, err, len(recs))
	for _, rec := range recs {
		s.wantAbsent(rec.Key)
	}
	s.wantRecord(other)
	s.wantRecord(plain)
	s.wantList(other, plain)
	s.subject += "x"
	s.wantList()
	n, err = s.store.DeleteRef(s.ctx, ref, "")
	check(s, "delete ref again", n, err, 0)
	for _, subject := range []string{base, base + "x", base + "y"} {
		s.subject = subject
		s.wantEnded(withRef(subject, ref), session.AnyEpoch)
		s.wantEnded(withRef(subject, ref), s.epoch())
	}
	s.insert(func(rec *session.Record) { rec.Ref = other.Ref })
	n, err = s.store.DeleteRef(s.ctx, other.Ref, "")
	check(s, "delete the other ref", n, err, 2)
	s.wantRecord(plain)
}

// deleteByRefAndSubject is a logout that names the subject: it ends nothing of another.
func deleteByRefAndSubject(s *suite) {
	ref, base := newRef(), s.subject
	mine := []session.Record{withRef(base, ref), withRef(base, ref)}
	s.add(mine[0])
	s.add(mine[1])
	s.rotate(&mine[1])
	var others []session.Record
	for _, subject := range []string{base + "x", strings.ToUpper(base), "\x00" + base, "\x01" + base} {
		others = append(others, withRef(subject, ref))
		s.add(others[len(others)-1])
	}
	alike := withRef(base+"y", ref)
	copy(alike.Key[:8], mine[0].Key[:])
	if s.store.Insert(s.ctx, alike, session.AnyEpoch) == nil { // a store may refuse it
		others = append(others, alike)
	}
	left := []session.Record{Record(base), withRef(base, newRef())}
	s.add(left[0])
	s.add(left[1])
	for _, want := range []int{len(mine), 0} {
		n, err := s.store.DeleteRef(s.ctx, ref, base)
		check(s, "delete ref of a subject", n, err, want)
	}
	s.wantAbsent(mine[0].Key)
	s.wantAbsent(mine[1].Key)
	s.wantList(left...)
	for _, rec := range others {
		s.wantRecord(rec)
	}
	s.wantEnded(withRef(base, ref), session.AnyEpoch)
	s.wantEnded(withRef(base, ref), s.epoch())
	others = append(others, withRef(base+"x", ref))
	s.add(others[len(others)-1])
	n, err := s.store.DeleteRef(s.ctx, "", base)
	check(s, "delete of a subject without a ref", n, err, 0)
	s.wantList(left...)
	n, err = s.store.DeleteRef(s.ctx, ref, "")
	check(s, "delete ref of all subjects", n, err, len(others))
	for _, rec := range others {
		s.wantAbsent(rec.Key)
		s.wantEnded(withRef(rec.Subject, ref), session.AnyEpoch)
	}
	s.wantEnded(withRef(base, ref), session.AnyEpoch)
	s.wantList(left...)
}

// refAndSubject checks that a store does not join the two, and that the reference of a
// subject ends before the login, too.
func refAndSubject(s *suite) {
	ref := newRef()
	n, err := s.store.DeleteRef(s.ctx, ref+"x", s.subject)
	check(s, "delete ref without records", n, err, 0)
	s.wantEnded(withRef(s.subject, ref+"x"), session.AnyEpoch)
	s.add(withRef("x"+s.subject, ref))
	s.add(withRef(s.subject+"x", ref+"x"))
	s.add(withRef(s.subject, ref))
	for _, ref := range []string{ref + "x" + s.subject, s.subject + ref + "x"} {
		s.add(withRef(s.subject, ref))
	}
}

// refsAreBytes uses references that a database may confuse or split.
func refsAreBytes(s *suite) {
	base := newRef()
	var recs []session.Record
	for _, end := range []string{"", "a", "A", "a ", " a", "á", "a\u0301", "a:b", "{}", "%", "_", "*", "'\"\\", "a\x00b", "a\x00", "\xff", strings.Repeat("x", 255-len(base)), allBytes()[len(base):]} {
		recs = append(recs, withRef(s.subject, base+end))
		s.add(recs[len(recs)-1])
	}
	s.wantList(recs...)
	for i, rec := range recs {
		n, err := s.store.DeleteRef(s.ctx, rec.Ref, "")
		check(s, "delete ref", n, err, 1)
		s.wantList(recs[i+1:]...)
	}
}

// refEndsFirst is a logout at the provider that comes before the end of the login.
func refEndsFirst(s *suite) {
	ref := newRef()
	n, err := s.store.DeleteRef(s.ctx, ref, "")
	check(s, "delete ref without records", n, err, 0)
	s.wantEnded(withRef(s.subject, ref), session.AnyEpoch)
	s.wantList()
	s.wantList(s.insert(func(rec *session.Record) { rec.Ref = ref + "x" }))
}

func changesKeepRef(s *suite) {
	rec := s.insert(func(rec *session.Record) { rec.Ref, rec.Login = newRef(), allBytes() })
	s.rotate(&rec)
	rec.LastSeen, rec.Deadline = s.now.Add(time.Minute), s.now.Add(2*time.Hour)
	s.must(s.store.Touch(s.ctx, rec.Key, rec.LastSeen, rec.Deadline))
	updated, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
	check(s, "update", updated, err, true)
	rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
	s.rotate(&rec)
	s.wantRecord(rec)
	s.wantList(rec)
	n, err := s.store.DeleteRef(s.ctx, rec.Ref, "")
	check(s, "delete ref", n, err, 1)
	s.wantAbsent(rec.Key)
	s.wantList()
}

// noRef checks that the empty reference is none.
func noRef(s *suite) {
	rec := s.insert(nil)
	n, err := s.store.DeleteRef(s.ctx, "", "")
	check(s, "delete without a ref", n, err, 0)
	s.wantRecord(rec)
	s.wantList(rec, s.insert(nil))
}
