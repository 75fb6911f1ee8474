package sessiontest

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/go-guard/guard/session"
)

var refs = []testCase{
	{"delete by reference", deleteByRef},
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
	n, err := s.store.DeleteRef(s.ctx, ref)
	check(s, "delete ref", n, err, len(recs))
	for _, rec := range recs {
		s.wantAbsent(rec.Key)
	}
	s.wantRecord(other)
	s.wantRecord(plain)
	s.wantList(other, plain)
	s.subject += "x"
	s.wantList()
	n, err = s.store.DeleteRef(s.ctx, ref)
	check(s, "delete ref again", n, err, 0)
	for _, subject := range []string{base, base + "x", base + "y"} {
		s.subject = subject
		s.wantEnded(withRef(subject, ref), session.AnyEpoch)
		s.wantEnded(withRef(subject, ref), s.epoch())
	}
	s.insert(func(rec *session.Record) { rec.Ref = other.Ref })
	n, err = s.store.DeleteRef(s.ctx, other.Ref)
	check(s, "delete the other ref", n, err, 2)
	s.wantRecord(plain)
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
		n, err := s.store.DeleteRef(s.ctx, rec.Ref)
		check(s, "delete ref", n, err, 1)
		s.wantList(recs[i+1:]...)
	}
}

// refEndsFirst is a logout at the provider that comes before the end of the login.
func refEndsFirst(s *suite) {
	ref := newRef()
	n, err := s.store.DeleteRef(s.ctx, ref)
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
	n, err := s.store.DeleteRef(s.ctx, rec.Ref)
	check(s, "delete ref", n, err, 1)
	s.wantAbsent(rec.Key)
	s.wantList()
}

// noRef checks that the empty reference is none.
func noRef(s *suite) {
	rec := s.insert(nil)
	n, err := s.store.DeleteRef(s.ctx, "")
	check(s, "delete without a ref", n, err, 0)
	s.wantRecord(rec)
	s.wantList(rec, s.insert(nil))
}
