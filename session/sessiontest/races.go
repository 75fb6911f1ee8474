package sessiontest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-guard/guard/session"
)

var races = []testCase{
	{"rotate racing delete all", rotateRacingDeleteAll},
	{"rotate racing rotate", rotateRacingRotate},
	{"touch racing delete", touchRacingDelete},
	{"touch racing rotate", touchRacingRotate},
	{"touch racing update", touchRacingUpdate},
	{"update racing update", updateRacingUpdate},
	{"update racing delete", updateRacingDelete},
	{"update racing rotate", updateRacingRotate},
}

const rounds = 25

// together runs all fs concurrently. They start in any order: some stores are faster
// than a goroutine starts.
func together(fs ...func()) {
	rand.Shuffle(len(fs), func(i, j int) { fs[i], fs[j] = fs[j], fs[i] })
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

// noError is must for other goroutines, where Fatal is not allowed.
func (s *suite) noError(err error) {
	s.Helper()
	if err != nil {
		s.Error(err)
	}
}

func rotateRacingDeleteAll(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		together(
			func() { _, err := s.store.Rotate(s.ctx, rec.Key, to); s.noError(err) },
			func() { _, err := s.store.DeleteAll(s.ctx, s.subject, nil); s.noError(err) },
		)
		s.wantAbsent(rec.Key)
		s.wantAbsent(to)
		s.wantList()
	}
}

func rotateRacingRotate(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		to := [4]session.Key{Key(s.subject), Key(s.subject), Key(s.subject), Key(s.subject)}
		var succeeded [4]bool
		var fs []func()
		for i := range to {
			fs = append(fs, func() { var err error; succeeded[i], err = s.store.Rotate(s.ctx, rec.Key, to[i]); s.noError(err) })
		}
		together(fs...)
		s.wantAbsent(rec.Key)
		n := 0
		for i := range to {
			if !succeeded[i] {
				s.wantAbsent(to[i])
				continue
			}
			n++
			rec.Key = to[i]
			s.wantRecord(rec)
		}
		if n != 1 {
			s.Fatalf("%d of 4 rotations succeeded", n)
		}
		s.wantList(rec)
		_, err := s.store.DeleteAll(s.ctx, s.subject, nil)
		s.must(err)
	}
}

func touchRacingDelete(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		together(
			func() { s.noError(s.store.Touch(s.ctx, rec.Key, s.now.Add(time.Minute), s.now.Add(2*time.Hour))) },
			func() { _, err := s.store.Delete(s.ctx, rec.Key); s.noError(err) },
			func() { s.noError(s.store.Touch(s.ctx, rec.Key, s.now.Add(2*time.Minute), s.now.Add(2*time.Hour))) },
		)
		s.wantAbsent(rec.Key)
		s.wantList()
	}
}

func updateRacingUpdate(s *suite) {
	rec := s.insert(nil)
	for range rounds {
		var succeeded [4]bool
		var fs []func()
		for i := range succeeded {
			fs = append(fs, func() {
				var err error
				succeeded[i], err = s.store.Update(s.ctx, rec.Key, rec.Revision, fmt.Sprint(i))
				s.noError(err)
			})
		}
		together(fs...)
		n := 0
		for i := range succeeded {
			if succeeded[i] {
				n++
				rec.Data = fmt.Sprint(i)
			}
		}
		if n != 1 {
			s.Fatalf("%d of 4 updates of one revision succeeded", n)
		}
		rec.Revision++
		s.wantRecord(rec)
	}
}

func updateRacingDelete(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		together(
			func() { _, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`); s.noError(err) },
			func() {
				deleted, err := s.store.Delete(s.ctx, rec.Key)
				s.noError(err)
				if !deleted {
					s.Error("delete did not find the session because of an update")
				}
			},
		)
		s.wantAbsent(rec.Key)
		s.wantList()
	}
}

func touchRacingRotate(s *suite) {
	for range rounds {
		rec, to := s.insert(nil), Key(s.subject)
		seen, deadline := s.now.Add(time.Minute), s.now.Add(2*time.Hour)
		together(
			func() { s.noError(s.store.Touch(s.ctx, rec.Key, seen, deadline)) },
			func() {
				rotated, err := s.store.Rotate(s.ctx, rec.Key, to)
				s.noError(err)
				if !rotated {
					s.Error("rotate did not find the session because of a touch")
				}
			},
		)
		s.wantAbsent(rec.Key)
		got, found, err := s.store.Load(s.ctx, to)
		s.must(err)
		if rec.Key = to; got.LastSeen.Equal(seen) { // the touch may have come after the rotation
			rec.LastSeen, rec.Deadline = seen, deadline
		}
		if !found || !equal(got, rec) {
			s.Fatalf("%t, %s, want %s", found, show(got), show(rec))
		}
		s.wantList(rec)
		_, err = s.store.Delete(s.ctx, to)
		s.must(err)
	}
}

// touchRacingUpdate checks that both changes are there in the end.
func touchRacingUpdate(s *suite) {
	for range rounds {
		rec := s.insert(nil)
		seen, deadline := s.now.Add(time.Minute), s.now.Add(2*time.Hour)
		together(
			func() { s.noError(s.store.Touch(s.ctx, rec.Key, seen, deadline)) },
			func() {
				updated, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
				s.noError(err)
				if !updated {
					s.Error("update failed because of a touch")
				}
			},
		)
		rec.LastSeen, rec.Deadline, rec.Data, rec.Revision = seen, deadline, `{"n":1}`, rec.Revision+1
		s.wantRecord(rec)
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
				s.noError(err)
			},
			func() {
				rotated, err := s.store.Rotate(s.ctx, rec.Key, to)
				s.noError(err)
				if !rotated {
					s.Error("rotate did not find the session because of an update")
				}
			},
		)
		s.wantAbsent(rec.Key)
		if rec.Key = to; updated {
			rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
		}
		s.wantRecord(rec)
	}
}
