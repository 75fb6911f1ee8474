package sessiontest

import (
	"strconv"
	"strings"

	"github.com/go-guard/guard/session"
)

var subjects = []testCase{
	{"list and delete by subject", bySubject},
	{"subjects are bytes", subjectsAreBytes},
	{"keys of another subject begin alike", sameTag},
}

func bySubject(s *suite) {
	s.wantList()
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all of a subject without sessions", n, err, 0)
	a, b, c := s.insert(nil), s.insert(nil), s.insert(nil)
	stranger := Record(s.subject + "x")
	s.add(stranger)
	s.wantList(a, b, c)
	n, err = s.store.DeleteAll(s.ctx, s.subject, []session.ID{b.ID, stranger.ID, {}})
	check(s, "delete all but one", n, err, 2)
	s.wantAbsent(a.Key)
	s.wantAbsent(c.Key)
	s.wantRecord(b)
	s.wantList(b)
	n, err = s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 1)
	s.wantList()
	s.wantRecord(stranger)
	again := s.insert(nil)
	s.wantList(again)
}

// subjectsAreBytes uses subjects that a database may confuse or split.
func subjectsAreBytes(s *suite) {
	base := s.subject
	var all []session.Record
	for _, end := range []string{"a", "A", "a ", " a", "á", "a\u0301", "a:b", "a{b}c", "{}", "%", "_", "*", "'\"\\", "a\x00b", "a\x00", "\xff", strings.Repeat("x", 255-len(base))} {
		rec := Record(base + end)
		rec.Data = `{"subject":` + strconv.Quote(end) + `}`
		s.add(rec)
		all = append(all, rec)
	}
	for _, rec := range all {
		s.wantRecord(rec)
		s.subject = rec.Subject
		s.wantList(rec)
	}
	for _, rec := range all {
		n, err := s.store.DeleteAll(s.ctx, rec.Subject, nil)
		check(s, "delete all of "+strconv.Quote(rec.Subject), n, err, 1)
		s.wantAbsent(rec.Key)
	}
}

// sameTag checks that a store does not rely on the first bytes of a key: those of two
// subjects may be the same. A store may refuse the second.
func sameTag(s *suite) {
	rec := s.insert(nil)
	stranger := Record(s.subject + "x")
	copy(stranger.Key[:8], rec.Key[:])
	err := s.store.Insert(s.ctx, stranger, session.AnyEpoch)
	s.wantList(rec)
	n, deleteErr := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all of one of two subjects", n, deleteErr, 1)
	s.wantAbsent(rec.Key)
	if err != nil {
		return
	}
	s.wantRecord(stranger)
	to := Key(s.subject)
	rotated, err := s.store.Rotate(s.ctx, stranger.Key, to)
	check(s, "rotate", rotated, err, true)
	s.wantList()
	stranger.Key = to
	s.wantRecord(stranger)
	deleted, err := s.store.Delete(s.ctx, to)
	check(s, "delete", deleted, err, true)
}
