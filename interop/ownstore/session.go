// Package ownstore holds the shortest stores that pass the conformance suites, as
// examples for stores in other databases. docs/own-store.md shows them.
package ownstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/session"
)

// Sessions is a session.Store in maps. A lock makes each method one atomic step.
type Sessions struct {
	mu      sync.Mutex
	records map[session.Key]session.Record
	rotated map[session.Key]rotation // by the key before a rotation
	epochs  map[string]int64         // by subject
	ended   map[[2]string]time.Time  // until when no Insert succeeds, by Ref and subject
}

type rotation struct {
	to    session.Key
	until time.Time
}

// NewSessions returns an empty store.
func NewSessions() *Sessions {
	return &Sessions{records: map[session.Key]session.Record{}, rotated: map[session.Key]rotation{}, epochs: map[string]int64{}, ended: map[[2]string]time.Time{}}
}

func (s *Sessions) Insert(_ context.Context, rec session.Record, epoch int64) error {
	defer s.lock()()
	_, exists := s.records[rec.Key]
	switch {
	case epoch != session.AnyEpoch && epoch != s.epochs[rec.Subject], s.hasEnded(rec.Ref, rec.Subject):
		return session.ErrEnded
	case exists:
		return errors.New("ownstore: the session key exists")
	case len(s.records) >= 1<<20:
		return session.ErrFull
	}
	s.records[rec.Key] = rec
	return nil
}

func (s *Sessions) Load(_ context.Context, key session.Key) (rec session.Record, found bool, err error) {
	defer s.lock()()
	rec, found = s.records[key]
	return rec, found, nil
}

func (s *Sessions) Touch(_ context.Context, key session.Key, seen, deadline time.Time) error {
	defer s.lock()()
	if rec, found := s.records[key]; found && rec.LastSeen.Before(seen) && rec.Deadline.After(seen) {
		rec.LastSeen, rec.Deadline = seen, deadline
		s.records[key] = rec
	}
	return nil
}

func (s *Sessions) Update(_ context.Context, key session.Key, revision int64, data string) (updated bool, err error) {
	defer s.lock()()
	rec, found := s.records[key]
	if found && rec.Revision == revision {
		rec.Data, rec.Revision, updated = data, revision+1, true
		s.records[key] = rec
	}
	return updated, nil
}

func (s *Sessions) Rotate(_ context.Context, from, to session.Key) (rotated bool, err error) {
	defer s.lock()()
	rec, found := s.records[from]
	if !found {
		return false, nil
	}
	if _, exists := s.records[to]; exists {
		return false, errors.New("ownstore: the session key exists")
	}
	delete(s.records, from)
	rec.Key = to
	s.records[to] = rec
	for key, r := range s.rotated { // those that led to from
		if r.to == from {
			s.rotated[key] = rotation{to, r.until}
		}
	}
	s.rotated[from] = rotation{to, time.Now().Add(session.Forward)}
	return true, nil
}

func (s *Sessions) Delete(_ context.Context, key session.Key) (deleted bool, err error) {
	defer s.lock()()
	if r, found := s.rotated[key]; found {
		key = r.to
	}
	return s.remove(func(rec session.Record) bool { return rec.Key == key }) > 0, nil
}

func (s *Sessions) List(_ context.Context, subject string) (list []session.Record, err error) {
	defer s.lock()()
	for _, rec := range s.records {
		if rec.Subject == subject {
			list = append(list, rec)
		}
	}
	return list, nil
}

func (s *Sessions) DeleteAll(_ context.Context, subject string, keep []session.ID) (deleted int, err error) {
	defer s.lock()()
	s.epochs[subject]++
	return s.remove(func(rec session.Record) bool { return rec.Subject == subject && !slices.Contains(keep, rec.ID) }), nil
}

func (s *Sessions) DeleteRef(_ context.Context, ref, subject string) (deleted int, err error) {
	defer s.lock()()
	s.ended[[2]string{ref, subject}] = time.Now().Add(session.Grace)
	return s.remove(func(rec session.Record) bool {
		return ref != "" && rec.Ref == ref && (subject == "" || rec.Subject == subject)
	}), nil
}

// hasEnded reports whether the Ref has ended for all subjects, or for this one.
func (s *Sessions) hasEnded(ref, subject string) bool {
	_, all := s.ended[[2]string{ref, ""}]
	_, one := s.ended[[2]string{ref, subject}]
	return ref != "" && (all || one)
}

func (s *Sessions) Epoch(_ context.Context, subject string) (int64, error) {
	defer s.lock()()
	return s.epochs[subject], nil
}

// lock locks the store, forgets what has expired, and returns what unlocks it.
func (s *Sessions) lock() (unlock func()) {
	s.mu.Lock()
	now := time.Now()
	s.remove(func(rec session.Record) bool { return !now.Before(rec.Deadline.Add(session.Grace)) })
	maps.DeleteFunc(s.rotated, func(_ session.Key, r rotation) bool { return !now.Before(r.until) })
	maps.DeleteFunc(s.ended, func(_ [2]string, until time.Time) bool { return !now.Before(until) })
	return s.mu.Unlock
}

// remove removes the records for which ends is true.
func (s *Sessions) remove(ends func(session.Record) bool) int {
	before := len(s.records)
	maps.DeleteFunc(s.records, func(_ session.Key, rec session.Record) bool { return ends(rec) })
	return before - len(s.records)
}
