package sessiontest

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard/session"
)

var basics = []testCase{
	{"insert and load", insertAndLoad},
	{"a key is inserted once", insertTwice},
	{"nothing but insert creates", nothingCreates},
	{"touch", touch},
	{"update", update},
	{"rotate", rotate},
	{"delete", deleteOne},
	{"list and delete by subject", bySubject},
	{"subjects are bytes", subjectsAreBytes},
	{"kept for the grace", grace},
}

func insertAndLoad(s *suite) {
	s.lacks(Key(s.subject))
	plain := s.insert(nil)
	full := s.insert(func(rec *session.Record) {
		rec.Data = `{"text":"` + strings.Repeat("é\u2028😀<'\\\"", 300) + `"}`
		rec.Created = s.now.Add(-365 * 24 * time.Hour)
		rec.LastSeen = s.now.Add(-time.Millisecond)
		rec.Deadline = s.now.Add(365*24*time.Hour + 999*time.Millisecond)
		rec.Revision = 1 << 40
		rec.Remember = true
	})
	s.holds(plain)
	s.holds(full)
	s.listed(plain, full)
}

func insertTwice(s *suite) {
	rec := s.insert(nil)
	again := rec
	again.Data = `{"n":1}`
	if err := s.store.Insert(s.ctx, again); err == nil {
		s.Error("a key was inserted twice")
	}
	s.holds(rec)
	s.listed(rec)
}

func nothingCreates(s *suite) {
	gone := s.insert(nil)
	found, err := s.store.Delete(s.ctx, gone.Key)
	check(s, "delete", found, err, true)
	for _, key := range []session.Key{gone.Key, Key(s.subject)} {
		to := Key(s.subject)
		s.must(s.store.Touch(s.ctx, key, s.now.Add(time.Second), s.now.Add(2*time.Hour)))
		done, err := s.store.Update(s.ctx, key, gone.Revision, `{"n":1}`)
		check(s, "update", done, err, false)
		done, err = s.store.Rotate(s.ctx, key, to)
		check(s, "rotate", done, err, false)
		done, err = s.store.Delete(s.ctx, key)
		check(s, "delete", done, err, false)
		s.lacks(key)
		s.lacks(to)
	}
	s.listed()
}

func touch(s *suite) {
	rec := s.insert(nil)
	other := s.insert(nil)
	seen, deadline := s.now.Add(time.Minute), s.now.Add(2*time.Hour)
	s.must(s.store.Touch(s.ctx, rec.Key, seen, deadline))
	rec.LastSeen, rec.Deadline = seen, deadline
	s.holds(rec)
	s.holds(other)
	s.must(s.store.Touch(s.ctx, rec.Key, seen, deadline.Add(time.Hour))) // no later than the last
	s.must(s.store.Touch(s.ctx, rec.Key, seen.Add(-time.Second), deadline.Add(time.Hour)))
	s.holds(rec)
	s.must(s.store.Touch(s.ctx, rec.Key, deadline, deadline.Add(time.Hour))) // the deadline is past
	s.must(s.store.Touch(s.ctx, rec.Key, deadline.Add(time.Second), deadline.Add(time.Hour)))
	s.holds(rec)
	rec.LastSeen, rec.Deadline = deadline.Add(-time.Millisecond), s.now.Add(time.Minute) // may shorten
	s.must(s.store.Touch(s.ctx, rec.Key, rec.LastSeen, rec.Deadline))
	s.holds(rec)
	s.listed(rec, other)
}

func update(s *suite) {
	rec := s.insert(nil)
	other := s.insert(nil)
	done, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
	check(s, "update", done, err, true)
	rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
	s.holds(rec)
	for _, stale := range []int64{rec.Revision - 1, rec.Revision + 1, 0} {
		done, err = s.store.Update(s.ctx, rec.Key, stale, `{"n":2}`)
		check(s, "update of another revision", done, err, false)
	}
	s.holds(rec)
	done, err = s.store.Update(s.ctx, rec.Key, rec.Revision, rec.Data)
	check(s, "update to the same data", done, err, true)
	rec.Revision++
	s.holds(rec)
	s.holds(other)
	s.listed(rec, other)
}

func rotate(s *suite) {
	rec := s.insert(func(rec *session.Record) { rec.Remember, rec.Revision = true, 7 })
	other := s.insert(nil)
	from, to := rec.Key, Key(s.subject)
	done, err := s.store.Rotate(s.ctx, from, to)
	check(s, "rotate", done, err, true)
	rec.Key = to
	s.lacks(from)
	s.holds(rec)
	s.listed(rec, other)
	done, err = s.store.Rotate(s.ctx, from, Key(s.subject))
	check(s, "rotate again", done, err, false)
	if done, err = s.store.Rotate(s.ctx, to, other.Key); err == nil || done {
		s.Errorf("rotated onto another session: %t, %v", done, err)
	}
	s.holds(rec)
	s.holds(other)
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 2)
	s.lacks(to)
}

func deleteOne(s *suite) {
	rec, other := s.insert(nil), s.insert(nil)
	done, err := s.store.Delete(s.ctx, rec.Key)
	check(s, "delete", done, err, true)
	done, err = s.store.Delete(s.ctx, rec.Key)
	check(s, "delete again", done, err, false)
	s.lacks(rec.Key)
	s.holds(other)
	s.listed(other)
}

func bySubject(s *suite) {
	s.listed()
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all of nobody", n, err, 0)
	a, b, c := s.insert(nil), s.insert(nil), s.insert(nil)
	stranger := Record(s.subject + "x")
	s.must(s.store.Insert(s.ctx, stranger))
	s.listed(a, b, c)
	n, err = s.store.DeleteAll(s.ctx, s.subject, []session.ID{b.ID, stranger.ID, {}})
	check(s, "delete all but one", n, err, 2)
	s.lacks(a.Key)
	s.lacks(c.Key)
	s.holds(b)
	s.listed(b)
	n, err = s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 1)
	s.listed()
	s.holds(stranger)
	again := s.insert(nil)
	s.listed(again)
}

// Subjects that a database may take for one, or take apart.
func subjectsAreBytes(s *suite) {
	base := s.subject
	var all []session.Record
	for _, end := range []string{"a", "A", "a ", " a", "á", "a\u0301", "a:b", "a{b}c", "{}", "%", "_", "*", "'\"\\", "a\x00b", "a\x00", "\xff", strings.Repeat("x", 255-len(base))} {
		rec := Record(base + end)
		rec.Data = `{"subject":` + strconv.Quote(end) + `}`
		s.must(s.store.Insert(s.ctx, rec))
		all = append(all, rec)
	}
	for _, rec := range all {
		s.holds(rec)
		s.subject = rec.Subject
		s.listed(rec)
	}
	for _, rec := range all {
		n, err := s.store.DeleteAll(s.ctx, rec.Subject, nil)
		check(s, "delete all of "+strconv.Quote(rec.Subject), n, err, 1)
		s.lacks(rec.Key)
	}
}

// Whether a record is past its deadline is the manager's matter.
func grace(s *suite) {
	ended := func(ago time.Duration) func(*session.Record) {
		return func(rec *session.Record) {
			rec.Created, rec.LastSeen, rec.Deadline = s.now.Add(-ago-2*time.Hour), s.now.Add(-ago-time.Hour), s.now.Add(-ago)
		}
	}
	now, almost := s.insert(ended(0)), s.insert(ended(session.Grace-time.Minute))
	s.holds(now)
	s.holds(almost)
	gone := Record(s.subject)
	ended(session.Grace + time.Minute)(&gone)
	_ = s.store.Insert(s.ctx, gone) // may be refused
	s.lacks(gone.Key)
	found, err := s.store.Delete(s.ctx, almost.Key)
	check(s, "delete of an ended session", found, err, true)
}
