// Package sessiontest checks that a [session.Store] honours its contract.
//
//	func TestStore(t *testing.T) {
//		sessiontest.Run(t, func(t *testing.T) session.Store { return open(t) })
//	}
package sessiontest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

// Run runs each case in a subtest. open returns a store, which need not be empty:
// every case uses new subjects, keys and references. The clocks of the store and of
// the test must agree within a few seconds.
//
// It does not wait: a store's own tests check that [session.Forward] and
// [session.Grace] end, and that the store is bounded.
func Run(t *testing.T, open func(t *testing.T) session.Store) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(newSuite(t, open(t))) })
	}
}

type testCase struct {
	name string
	run  func(*suite)
}

var cases = slices.Concat(basics, subjects, forwards, epochs, refs, races, endings, devices)

// A suite is the state of one case: a store, and a subject that no other case uses.
type suite struct {
	*testing.T
	ctx     context.Context
	store   session.Store
	subject string
	now     time.Time
}

var counter atomic.Int64

func newSuite(t *testing.T, store session.Store) *suite {
	return &suite{
		T: t, ctx: t.Context(), store: store,
		subject: fmt.Sprintf("subject-%d-%s", counter.Add(1), rand.Text()),
		now:     time.Now().Truncate(time.Millisecond),
	}
}

// Key returns a random key of the subject, like the keys of a manager.
func Key(subject string) (key session.Key) {
	_, _ = rand.Read(key[:]) // never fails
	tag := sha256.Sum256([]byte(subject))
	copy(key[:8], tag[:])
	return key
}

// Record returns a record of subject whose deadline is in an hour.
func Record(subject string) session.Record {
	now := time.Now().Truncate(time.Millisecond)
	rec := session.Record{
		Key: Key(subject), Subject: subject, Data: `{"n":0}`,
		Created: now, LastSeen: now, Deadline: now.Add(time.Hour), Revision: 1,
	}
	_, _ = rand.Read(rec.ID[:])
	return rec
}

func (s *suite) insert(change func(*session.Record)) session.Record {
	s.Helper()
	rec := Record(s.subject)
	if change != nil {
		change(&rec)
	}
	s.add(rec)
	return rec
}

func (s *suite) add(rec session.Record) {
	s.Helper()
	s.must(s.store.Insert(s.ctx, rec, session.AnyEpoch))
}

// wantEnded checks that Insert refuses the record and leaves nothing of it.
func (s *suite) wantEnded(rec session.Record, epoch int64) {
	s.Helper()
	if err := s.store.Insert(s.ctx, rec, epoch); !errors.Is(err, session.ErrEnded) {
		s.Errorf("insert with epoch %d: %v, want ErrEnded", epoch, err)
	}
	s.wantAbsent(rec.Key)
}

func (s *suite) epoch() int64 {
	s.Helper()
	n, err := s.store.Epoch(s.ctx, s.subject)
	s.must(err)
	return n
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// wantRecord checks that the store has exactly this record under its key.
func (s *suite) wantRecord(want session.Record) {
	s.Helper()
	got, found, err := s.store.Load(s.ctx, want.Key)
	s.must(err)
	if !found {
		s.Fatalf("no record under %x", want.Key[:4])
	}
	if !equal(got, want) {
		s.Errorf("the record is\n%s, want\n%s", show(got), show(want))
	}
}

// wantAbsent checks that the store has no record under key.
func (s *suite) wantAbsent(key session.Key) {
	s.Helper()
	_, found, err := s.store.Load(s.ctx, key)
	s.must(err)
	if found {
		s.Errorf("there is a record under %x", key[:4])
	}
}

// wantList checks that List returns exactly these records of the subject.
func (s *suite) wantList(want ...session.Record) {
	s.Helper()
	got, err := s.store.List(s.ctx, s.subject)
	s.must(err)
	if len(got) != len(want) {
		s.Errorf("%d records are listed, want %d", len(got), len(want))
	}
	for _, w := range want {
		n := 0
		for _, g := range got {
			if g.Key == w.Key {
				n++
				if !equal(g, w) {
					s.Errorf("listed is\n%s, want\n%s", show(g), show(w))
				}
			}
		}
		if n != 1 {
			s.Errorf("the record under %x is listed %d times", w.Key[:4], n)
		}
	}
}

func show(r session.Record) string {
	return fmt.Sprintf("%x %s of %q: data %q, login %q, reference %q, device %q at %d, revision %d, created %v, last seen %v, deadline %v",
		r.Key[:4], r.ID, r.Subject, r.Data, r.Login, r.Ref, r.Device, r.DeviceStep, r.Revision, r.Created, r.LastSeen, r.Deadline)
}

func equal(a, b session.Record) bool {
	if !a.Created.Equal(b.Created) || !a.LastSeen.Equal(b.LastSeen) || !a.Deadline.Equal(b.Deadline) {
		return false
	}
	a.Created, a.LastSeen, a.Deadline = b.Created, b.LastSeen, b.Deadline
	return a == b
}

func check[T comparable](s *suite, operation string, got T, err error, want T) {
	s.Helper()
	s.must(err)
	if got != want {
		s.Errorf("%s: %v, want %v", operation, got, want)
	}
}
