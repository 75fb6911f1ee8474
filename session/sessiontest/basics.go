package sessiontest

import (
	"strings"
	"time"

	"github.com/go-guard/guard/session"
)

var basics = []testCase{
	{"insert and load", insertAndLoad},
	{"a key is not inserted twice", insertTwice},
	{"only insert creates", onlyInsertCreates},
	{"touch", touch},
	{"update", update},
	{"rotate", rotate},
	{"delete", deleteOne},
	{"records stay until the grace period ends", grace},
}

func insertAndLoad(s *suite) {
	s.wantAbsent(Key(s.subject))
	plain := s.insert(nil)
	full := s.insert(func(rec *session.Record) {
		rec.Data = ` {"text":"` + strings.Repeat("é\u2028😀<'\\\"", 300) + `"} `
		rec.Created = s.now.Add(-365 * 24 * time.Hour)
		rec.LastSeen = s.now.Add(-time.Millisecond)
		rec.Deadline = s.now.Add(365*24*time.Hour + 999*time.Millisecond)
		rec.Revision = 1 << 40
		rec.Login = allBytes()
		rec.Ref = newRef() + allBytes()[26:]
	})
	s.wantRecord(plain)
	s.wantRecord(full)
	s.wantList(plain, full)
}

func insertTwice(s *suite) {
	rec := s.insert(nil)
	again := rec
	again.Data = `{"n":1}`
	if err := s.store.Insert(s.ctx, again, session.AnyEpoch); err == nil {
		s.Error("a key was inserted twice")
	}
	s.wantRecord(rec)
	s.wantList(rec)
}

func onlyInsertCreates(s *suite) {
	deleted := s.insert(nil)
	found, err := s.store.Delete(s.ctx, deleted.Key)
	check(s, "delete", found, err, true)
	for _, key := range []session.Key{deleted.Key, Key(s.subject)} {
		to := Key(s.subject)
		s.must(s.store.Touch(s.ctx, key, s.now.Add(time.Second), s.now.Add(2*time.Hour)))
		done, err := s.store.Update(s.ctx, key, deleted.Revision, `{"n":1}`)
		check(s, "update", done, err, false)
		done, err = s.store.Rotate(s.ctx, key, to)
		check(s, "rotate", done, err, false)
		done, err = s.store.Delete(s.ctx, key)
		check(s, "delete", done, err, false)
		s.wantAbsent(key)
		s.wantAbsent(to)
	}
	s.wantList()
}

func touch(s *suite) {
	rec := s.insert(nil)
	other := s.insert(nil)
	seen, deadline := s.now.Add(time.Minute), s.now.Add(2*time.Hour)
	s.must(s.store.Touch(s.ctx, rec.Key, seen, deadline))
	rec.LastSeen, rec.Deadline = seen, deadline
	s.wantRecord(rec)
	s.wantRecord(other)
	s.must(s.store.Touch(s.ctx, rec.Key, seen, deadline.Add(time.Hour))) // no later than the last
	s.must(s.store.Touch(s.ctx, rec.Key, seen.Add(-time.Second), deadline.Add(time.Hour)))
	s.wantRecord(rec)
	s.must(s.store.Touch(s.ctx, rec.Key, deadline, deadline.Add(time.Hour))) // the deadline is past
	s.must(s.store.Touch(s.ctx, rec.Key, deadline.Add(time.Second), deadline.Add(time.Hour)))
	s.wantRecord(rec)
	rec.LastSeen, rec.Deadline = deadline.Add(-time.Millisecond), s.now.Add(time.Minute) // may shorten
	s.must(s.store.Touch(s.ctx, rec.Key, rec.LastSeen, rec.Deadline))
	s.wantRecord(rec)
	s.wantList(rec, other)
}

func update(s *suite) {
	rec := s.insert(func(rec *session.Record) { rec.Login, rec.Ref = "login", newRef() })
	other := s.insert(nil)
	done, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
	check(s, "update", done, err, true)
	rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
	s.wantRecord(rec)
	for _, stale := range []int64{rec.Revision - 1, rec.Revision + 1, 0} {
		done, err = s.store.Update(s.ctx, rec.Key, stale, `{"n":2}`)
		check(s, "update of another revision", done, err, false)
	}
	s.wantRecord(rec)
	done, err = s.store.Update(s.ctx, rec.Key, rec.Revision, rec.Data)
	check(s, "update to the same data", done, err, true)
	rec.Revision++
	s.wantRecord(rec)
	s.wantRecord(other)
	s.wantList(rec, other)
}

func rotate(s *suite) {
	rec := s.insert(func(rec *session.Record) { rec.Login, rec.Ref, rec.Revision = `{"for":9}`, newRef(), 7 })
	other := s.insert(nil)
	from, to := rec.Key, Key(s.subject)
	done, err := s.store.Rotate(s.ctx, from, to)
	check(s, "rotate", done, err, true)
	rec.Key = to
	s.wantAbsent(from)
	s.wantRecord(rec)
	s.wantList(rec, other)
	done, err = s.store.Rotate(s.ctx, from, Key(s.subject))
	check(s, "rotate again", done, err, false)
	if done, err = s.store.Rotate(s.ctx, to, other.Key); err == nil || done {
		s.Errorf("rotated onto another session: %t, %v", done, err)
	}
	s.wantRecord(rec)
	s.wantRecord(other)
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 2)
	s.wantAbsent(to)
}

func deleteOne(s *suite) {
	rec, other := s.insert(nil), s.insert(nil)
	done, err := s.store.Delete(s.ctx, rec.Key)
	check(s, "delete", done, err, true)
	done, err = s.store.Delete(s.ctx, rec.Key)
	check(s, "delete again", done, err, false)
	s.wantAbsent(rec.Key)
	s.wantRecord(other)
	s.wantList(other)
}

// allBytes returns 255 different bytes.
func allBytes() string {
	b := make([]byte, 255)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// grace checks that a store keeps expired records for session.Grace: the manager
// decides whether a session has ended.
func grace(s *suite) {
	ended := func(ago time.Duration) func(*session.Record) {
		return func(rec *session.Record) {
			rec.Created, rec.LastSeen, rec.Deadline = s.now.Add(-ago-2*time.Hour), s.now.Add(-ago-time.Hour), s.now.Add(-ago)
		}
	}
	now, almost := s.insert(ended(0)), s.insert(ended(session.Grace-time.Minute))
	s.wantRecord(now)
	s.wantRecord(almost)
	old := Record(s.subject)
	ended(session.Grace + time.Minute)(&old)
	_ = s.store.Insert(s.ctx, old, session.AnyEpoch) // may be refused
	s.wantAbsent(old.Key)
	found, err := s.store.Delete(s.ctx, almost.Key)
	check(s, "delete of an ended session", found, err, true)
}
