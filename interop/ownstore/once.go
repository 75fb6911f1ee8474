package ownstore

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/go-guard/guard/once"
)

// Once is a once.Store in a map.
type Once struct {
	mu   sync.Mutex
	keys map[[32]byte]mark
}

// A mark is what is remembered of a key.
type mark struct {
	until  time.Time  // when it is forgotten
	state  once.State // once.Busy while there is a lease, else once.Done
	holder [12]byte   // of the lease, also after its Commit
	step   int64      // math.MaxInt64 unless Advance set it: no step is larger
}

// NewOnce returns an empty store.
func NewOnce() *Once { return &Once{keys: map[[32]byte]mark{}} }

func (s *Once) Take(_ context.Context, key [32]byte, until time.Time) (first bool, err error) {
	defer s.lock()()
	if _, found := s.keys[key]; found || !until.After(time.Now()) {
		return false, nil
	}
	return s.put(key, mark{until.Add(once.Slack), once.Done, [12]byte{}, math.MaxInt64})
}

func (s *Once) Acquire(_ context.Context, key [32]byte, lease time.Duration) (l once.Lease, state once.State, err error) {
	defer s.lock()()
	if lease <= 0 {
		return l, once.Busy, errors.New("ownstore: the lease is not positive")
	}
	if m, found := s.keys[key]; found {
		return l, m.state, nil
	}
	l.Key = key
	rand.Read(l.Holder[:])
	if _, err := s.put(key, mark{time.Now().Add(lease), once.Busy, l.Holder, math.MaxInt64}); err != nil {
		return once.Lease{}, once.Busy, err
	}
	return l, once.First, nil
}

func (s *Once) Commit(_ context.Context, l once.Lease, until time.Time) error {
	defer s.lock()()
	m, found := s.keys[l.Key]
	switch now := time.Now(); {
	case found && m.holder != l.Holder:
		return once.ErrLost
	case m.state == once.Done:
		return nil // a repeated Commit
	case until.Before(now):
		until = now // it is done all the same
	}
	_, err := s.put(l.Key, mark{until.Add(once.Slack), once.Done, l.Holder, math.MaxInt64})
	return err
}

func (s *Once) Release(_ context.Context, l once.Lease) error {
	defer s.lock()()
	if m := s.keys[l.Key]; m.state == once.Busy && m.holder == l.Holder {
		delete(s.keys, l.Key)
	}
	return nil
}

func (s *Once) Advance(_ context.Context, key [32]byte, step int64, until time.Time) (ok bool, err error) {
	defer s.lock()()
	m, found := s.keys[key]
	switch {
	case step < 0:
		return false, errors.New("ownstore: the step is negative")
	case found && step <= m.step, !until.After(time.Now()):
		return false, nil
	case m.until.Before(until.Add(once.Slack)): // never shortened
		m.until = until.Add(once.Slack)
	}
	m.state, m.step = once.Done, step
	return s.put(key, m)
}

// put remembers a key, if there is room for it.
func (s *Once) put(key [32]byte, m mark) (remembered bool, err error) {
	if _, found := s.keys[key]; !found && len(s.keys) >= 1<<20 {
		return false, once.ErrFull
	}
	s.keys[key] = m
	return true, nil
}

// lock locks the store, forgets what has expired, and returns what unlocks it.
func (s *Once) lock() (unlock func()) {
	s.mu.Lock()
	now := time.Now()
	maps.DeleteFunc(s.keys, func(_ [32]byte, m mark) bool { return !now.Before(m.until) })
	return s.mu.Unlock
}
