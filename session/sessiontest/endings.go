package sessiontest

import (
	"errors"

	"github.com/go-guard/guard/session"
)

var endings = []testCase{
	{"rotate racing delete", rotateRacingDelete},
	{"rotations racing delete", rotationsRacingDelete},
	{"rotate racing rotate and delete", rotateRacingRotateAndDelete},
	{"delete racing delete", deleteRacingDelete},
	{"rotate racing delete ref", rotateRacingDeleteRef},
	{"delete all racing delete ref", deleteAllRacingDeleteRef},
	{"insert racing delete all", insertRacingDeleteAll},
	{"insert with an epoch racing delete all", insertWithEpochRacingDeleteAll},
	{"insert racing delete ref", insertRacingDeleteRef},
}

func (s *suite) deleting(key session.Key, deleted *bool) func() {
	return func() { var err error; *deleted, err = s.store.Delete(s.ctx, key); s.noError(err) }
}

func (s *suite) rotating(from, to session.Key) func() {
	return func() { _, err := s.store.Rotate(s.ctx, from, to); s.noError(err) }
}

// rotateRacingDelete is a logout while another request rotates the session: it is gone
// in every order.
func rotateRacingDelete(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		var deleted bool
		together(s.rotating(rec.Key, to), s.deleting(rec.Key, &deleted))
		s.wantGone(deleted, rec.Key, to)
	}
}

func (s *suite) wantGone(deleted bool, keys ...session.Key) {
	s.Helper()
	if !deleted {
		s.Fatal("delete did not find the session because of a rotation")
	}
	for _, key := range keys {
		s.wantAbsent(key)
	}
	s.wantList()
}

func rotationsRacingDelete(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		keys := []session.Key{s.rotate(&rec), rec.Key, Key(s.subject), Key(s.subject)}
		var deleted bool
		together(
			func() {
				s.rotating(keys[1], keys[2])()
				s.rotating(keys[2], keys[3])()
			},
			s.deleting(keys[0], &deleted),
		)
		s.wantGone(deleted, keys...)
	}
}

func rotateRacingRotateAndDelete(s *suite) {
	for range rounds {
		rec, a, b := s.insert(nil), Key(s.subject), Key(s.subject)
		var deleted bool
		together(s.rotating(rec.Key, a), s.rotating(rec.Key, b), s.deleting(rec.Key, &deleted))
		s.wantGone(deleted, rec.Key, a, b)
	}
}

// deleteRacingDelete checks that one of several succeeds: a half sign-in is spent
// only once.
func deleteRacingDelete(s *suite) {
	for i := range rounds {
		rec := s.insert(nil)
		keys := []session.Key{rec.Key, rec.Key, rec.Key, rec.Key}
		if i%2 > 0 {
			keys[0] = s.rotate(&rec)
			keys[1], keys[2] = rec.Key, rec.Key
		}
		var deleted [4]bool
		var fs []func()
		for i, key := range keys {
			fs = append(fs, s.deleting(key, &deleted[i]))
		}
		together(fs...)
		n := 0
		for _, d := range deleted {
			if d {
				n++
			}
		}
		if n != 1 {
			s.Fatalf("%d of 4 deletions succeeded", n)
		}
		s.wantAbsent(rec.Key)
		s.wantList()
	}
}

func rotateRacingDeleteRef(s *suite) {
	for range rounds {
		rec, to := s.insert(func(rec *session.Record) { rec.Ref = newRef() }), Key(s.subject)
		var n int
		together(
			s.rotating(rec.Key, to),
			func() { var err error; n, err = s.store.DeleteRef(s.ctx, rec.Ref, ""); s.noError(err) },
		)
		s.wantGone(n == 1, rec.Key, to)
	}
}

func deleteAllRacingDeleteRef(s *suite) {
	for range rounds {
		rec := s.insert(func(rec *session.Record) { rec.Ref = newRef() })
		var all, byRef int
		together(
			func() { var err error; all, err = s.store.DeleteAll(s.ctx, s.subject, nil); s.noError(err) },
			func() { var err error; byRef, err = s.store.DeleteRef(s.ctx, rec.Ref, ""); s.noError(err) },
		)
		if all+byRef != 1 {
			s.Fatalf("one record was deleted %d times", all+byRef)
		}
		s.wantAbsent(rec.Key)
		s.wantList()
	}
}

// insertRacingDeleteAll checks that a record that Load returns is listed too:
// otherwise its subject could not end it.
func insertRacingDeleteAll(s *suite) {
	for range rounds {
		rec := Record(s.subject)
		together(
			func() { s.noError(s.store.Insert(s.ctx, rec, session.AnyEpoch)) },
			func() { _, err := s.store.DeleteAll(s.ctx, s.subject, nil); s.noError(err) },
		)
		if _, found, err := s.store.Load(s.ctx, rec.Key); found {
			s.must(err)
			s.wantList(rec)
		} else {
			s.must(err)
			s.wantList()
		}
		_, err := s.store.DeleteAll(s.ctx, s.subject, nil)
		s.must(err)
		s.wantAbsent(rec.Key)
	}
}

// noLogin accepts an Insert that is refused because of what ends meanwhile.
func (s *suite) noLogin(err error) {
	s.Helper()
	if !errors.Is(err, session.ErrEnded) {
		s.noError(err)
	}
}

// insertWithEpochRacingDeleteAll is a login that began before all sessions were ended.
func insertWithEpochRacingDeleteAll(s *suite) {
	for range rounds {
		rec, epoch := Record(s.subject), s.epoch()
		together(
			func() { s.noLogin(s.store.Insert(s.ctx, rec, epoch)) },
			func() { _, err := s.store.DeleteAll(s.ctx, s.subject, nil); s.noError(err) },
		)
		s.wantAbsent(rec.Key)
		s.wantList()
		s.wantEnded(rec, epoch)
	}
}

func insertRacingDeleteRef(s *suite) {
	for i := range rounds {
		rec, subject := withRef(s.subject, newRef()), ""
		if i%2 > 0 {
			subject = s.subject
		}
		together(
			func() { s.noLogin(s.store.Insert(s.ctx, rec, session.AnyEpoch)) },
			func() { _, err := s.store.DeleteRef(s.ctx, rec.Ref, subject); s.noError(err) },
		)
		s.wantAbsent(rec.Key)
		s.wantList()
		s.wantEnded(rec, session.AnyEpoch)
	}
}
