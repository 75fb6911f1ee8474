package sessiontest

import (
	"fmt"
	"sync"
	"time"

	"github.com/go-guard/guard/session"
)

var races = []testCase{
	{"rotate racing delete", rotateRacingDelete},
	{"rotate racing delete all", rotateRacingDeleteAll},
	{"rotate racing rotate", rotateRacingRotate},
	{"touch racing delete", touchRacingDelete},
	{"touch racing rotate", touchRacingRotate},
	{"touch racing update", touchRacingUpdate},
	{"update racing update", updateRacingUpdate},
	{"update racing delete", updateRacingDelete},
	{"update racing rotate", updateRacingRotate},
	{"insert racing delete all", insertRacingDeleteAll},
}

const rounds = 25

// together runs all fs at once.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	wg.Wait()
}

func (s *suite) soon(err error) {
	if err != nil {
		s.Error(err)
	}
}

func rotateRacingDelete(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		var rotated, deleted bool
		together(
			func() { var err error; rotated, err = s.store.Rotate(s.ctx, rec.Key, to); s.soon(err) },
			func() { var err error; deleted, err = s.store.Delete(s.ctx, rec.Key); s.soon(err) },
		)
		if rotated == deleted {
			s.Fatalf("rotated %t and deleted %t", rotated, deleted)
		}
		s.lacks(rec.Key)
		if deleted {
			s.lacks(to)
			s.listed()
			continue
		}
		rec.Key = to
		s.holds(rec)
		_, err := s.store.Delete(s.ctx, to)
		s.must(err)
	}
}

func rotateRacingDeleteAll(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		together(
			func() { _, err := s.store.Rotate(s.ctx, rec.Key, to); s.soon(err) },
			func() { _, err := s.store.DeleteAll(s.ctx, s.subject, nil); s.soon(err) },
		)
		s.lacks(rec.Key)
		s.lacks(to)
		s.listed()
	}
}

func rotateRacingRotate(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		to := [4]session.Key{Key(s.subject), Key(s.subject), Key(s.subject), Key(s.subject)}
		var won [4]bool
		var fs []func()
		for i := range to {
			fs = append(fs, func() { var err error; won[i], err = s.store.Rotate(s.ctx, rec.Key, to[i]); s.soon(err) })
		}
		together(fs...)
		s.lacks(rec.Key)
		n := 0
		for i := range to {
			if !won[i] {
				s.lacks(to[i])
				continue
			}
			n++
			rec.Key = to[i]
			s.holds(rec)
		}
		if n != 1 {
			s.Fatalf("%d of 4 rotations succeeded", n)
		}
		s.listed(rec)
		_, err := s.store.DeleteAll(s.ctx, s.subject, nil)
		s.must(err)
	}
}

func touchRacingDelete(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		together(
			func() { s.soon(s.store.Touch(s.ctx, rec.Key, s.now.Add(time.Minute), s.now.Add(2*time.Hour))) },
			func() { _, err := s.store.Delete(s.ctx, rec.Key); s.soon(err) },
			func() { s.soon(s.store.Touch(s.ctx, rec.Key, s.now.Add(2*time.Minute), s.now.Add(2*time.Hour))) },
		)
		s.lacks(rec.Key)
		s.listed()
	}
}

func updateRacingUpdate(s *suite) {
	rec := s.insert(nil)
	for range rounds {
		var won [4]bool
		var fs []func()
		for i := range won {
			fs = append(fs, func() {
				var err error
				won[i], err = s.store.Update(s.ctx, rec.Key, rec.Revision, fmt.Sprint(i))
				s.soon(err)
			})
		}
		together(fs...)
		n := 0
		for i := range won {
			if won[i] {
				n++
				rec.Data = fmt.Sprint(i)
			}
		}
		if n != 1 {
			s.Fatalf("%d of 4 updates of one revision succeeded", n)
		}
		rec.Revision++
		s.holds(rec)
	}
}

func updateRacingDelete(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		together(
			func() { _, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`); s.soon(err) },
			func() {
				deleted, err := s.store.Delete(s.ctx, rec.Key)
				s.soon(err)
				if !deleted {
					s.Error("an update kept delete from finding the session")
				}
			},
		)
		s.lacks(rec.Key)
		s.listed()
	}
}

func touchRacingRotate(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		seen, deadline := s.now.Add(time.Minute), s.now.Add(2*time.Hour)
		together(
			func() { s.soon(s.store.Touch(s.ctx, rec.Key, seen, deadline)) },
			func() {
				rotated, err := s.store.Rotate(s.ctx, rec.Key, to)
				s.soon(err)
				if !rotated {
					s.Error("a touch kept rotate from finding the session")
				}
			},
		)
		s.lacks(rec.Key)
		got, found, err := s.store.Load(s.ctx, to)
		s.must(err)
		if rec.Key = to; got.LastSeen.Equal(seen) { // it may have come too late
			rec.LastSeen, rec.Deadline = seen, deadline
		}
		if !found || !equal(got, rec) {
			s.Fatalf("%t, %+v, want %+v", found, got, rec)
		}
		s.listed(rec)
		_, err = s.store.Delete(s.ctx, to)
		s.must(err)
	}
}

// Neither undoes the other.
func touchRacingUpdate(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		seen, deadline := s.now.Add(time.Minute), s.now.Add(2*time.Hour)
		together(
			func() { s.soon(s.store.Touch(s.ctx, rec.Key, seen, deadline)) },
			func() {
				updated, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
				s.soon(err)
				if !updated {
					s.Error("a touch kept update from succeeding")
				}
			},
		)
		rec.LastSeen, rec.Deadline, rec.Data, rec.Revision = seen, deadline, `{"n":1}`, rec.Revision+1
		s.holds(rec)
	}
}

func updateRacingRotate(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		var updated bool
		together(
			func() {
				var err error
				updated, err = s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
				s.soon(err)
			},
			func() {
				rotated, err := s.store.Rotate(s.ctx, rec.Key, to)
				s.soon(err)
				if !rotated {
					s.Error("an update kept rotate from finding the session")
				}
			},
		)
		s.lacks(rec.Key)
		if rec.Key = to; updated {
			rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
		}
		s.holds(rec)
	}
}

// What is loaded is also listed, or it could not be ended.
func insertRacingDeleteAll(s *suite) {
	for range rounds {
		rec := Record(s.subject)
		together(
			func() { s.soon(s.store.Insert(s.ctx, rec)) },
			func() { _, err := s.store.DeleteAll(s.ctx, s.subject, nil); s.soon(err) },
		)
		if _, found, err := s.store.Load(s.ctx, rec.Key); found {
			s.must(err)
			s.listed(rec)
		} else {
			s.must(err)
			s.listed()
		}
		_, err := s.store.DeleteAll(s.ctx, s.subject, nil)
		s.must(err)
		s.lacks(rec.Key)
	}
}
