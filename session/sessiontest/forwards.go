package sessiontest

import (
	"time"

	"github.com/go-guard/guard/session"
)

var forwards = []testCase{
	{"delete by a key before a rotation", deleteRotated},
	{"delete by a key before several rotations", deleteRotatedTwice},
	{"only delete finds a rotated record", onlyDeleteForwards},
	{"a rotation leaves nothing of a deleted record", forwardOfDeleted},
	{"changes keep a rotation", changesKeepForward},
}

func (s *suite) rotate(rec *session.Record) (from session.Key) {
	s.Helper()
	from, to := rec.Key, Key(s.subject)
	rotated, err := s.store.Rotate(s.ctx, from, to)
	check(s, "rotate", rotated, err, true)
	rec.Key = to
	return from
}

// wantDeleted checks that Delete removes rec by this key.
func (s *suite) wantDeleted(rec session.Record, key session.Key) {
	s.Helper()
	s.wantRecord(rec)
	deleted, err := s.store.Delete(s.ctx, key)
	check(s, "delete", deleted, err, true)
	s.wantAbsent(rec.Key)
	s.wantAbsent(key)
	for _, k := range []session.Key{key, rec.Key} {
		deleted, err = s.store.Delete(s.ctx, k)
		check(s, "delete again", deleted, err, false)
	}
}

func deleteRotated(s *suite) {
	rec, other := s.insert(nil), s.insert(nil)
	s.rotate(&other)
	s.wantDeleted(rec, s.rotate(&rec))
	s.wantRecord(other)
	s.wantList(other)
}

func deleteRotatedTwice(s *suite) {
	for i := range 3 {
		rec := s.insert(nil)
		keys := []session.Key{s.rotate(&rec), s.rotate(&rec), s.rotate(&rec)}
		s.wantDeleted(rec, keys[i])
		for _, key := range keys {
			deleted, err := s.store.Delete(s.ctx, key)
			check(s, "delete again", deleted, err, false)
		}
		s.wantList()
	}
}

func onlyDeleteForwards(s *suite) {
	rec := s.insert(nil)
	first := s.rotate(&rec)
	second := s.rotate(&rec)
	for _, from := range []session.Key{first, second} {
		s.wantAbsent(from)
		s.must(s.store.Touch(s.ctx, from, s.now.Add(time.Minute), s.now.Add(2*time.Hour)))
		done, err := s.store.Update(s.ctx, from, rec.Revision, `{"n":1}`)
		check(s, "update", done, err, false)
		to := Key(s.subject)
		done, err = s.store.Rotate(s.ctx, from, to)
		check(s, "rotate", done, err, false)
		s.wantAbsent(to)
		s.wantRecord(rec)
		s.wantList(rec)
	}
}

func forwardOfDeleted(s *suite) {
	other := s.insert(nil)
	for _, end := range []func(session.Record) error{
		func(rec session.Record) error { _, err := s.store.Delete(s.ctx, rec.Key); return err },
		func(rec session.Record) error {
			_, err := s.store.DeleteAll(s.ctx, s.subject, []session.ID{other.ID})
			return err
		},
		func(rec session.Record) error { _, err := s.store.DeleteRef(s.ctx, rec.Ref, ""); return err },
	} {
		rec := s.insert(func(rec *session.Record) { rec.Ref = newRef() })
		from := s.rotate(&rec)
		s.must(end(rec))
		s.wantAbsent(rec.Key)
		deleted, err := s.store.Delete(s.ctx, from)
		check(s, "delete", deleted, err, false)
		s.wantList(other)
	}
}

func changesKeepForward(s *suite) {
	rec := s.insert(nil)
	from := s.rotate(&rec)
	rec.LastSeen, rec.Deadline = s.now.Add(time.Minute), s.now.Add(2*time.Hour)
	s.must(s.store.Touch(s.ctx, rec.Key, rec.LastSeen, rec.Deadline))
	updated, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
	check(s, "update", updated, err, true)
	rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
	n, err := s.store.DeleteAll(s.ctx, s.subject, []session.ID{rec.ID})
	check(s, "delete all others", n, err, 0)
	s.wantDeleted(rec, from)
	s.wantList()
}
