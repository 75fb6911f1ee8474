package ownstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies is a refresh.Store in a map. A subject has at most 100 families, and about 100
// that have ended.
type TokenFamilies struct {
	mu        sync.Mutex
	bySubject map[string][]*family    // those that have ended first, each in order of Started
	endedRefs map[[2]string]time.Time // until when no Start succeeds, by Ref and subject
}

type family struct {
	refresh.Family             // Expires becomes ListedUntil when it ends
	newest         int64       // generation, 0 after the end
	made           []time.Time // when it and up to 15 before it were made, the newest first
}

// NewTokenFamilies returns an empty store.
func NewTokenFamilies() *TokenFamilies {
	return &TokenFamilies{bySubject: map[string][]*family{}, endedRefs: map[[2]string]time.Time{}}
}

func (s *TokenFamilies) Start(_ context.Context, f refresh.Family) (ended []refresh.Family, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	expired := func(other *family) bool { return !f.Started.Before(other.Expires) }
	for subject, all := range s.bySubject {
		if s.bySubject[subject] = slices.DeleteFunc(all, expired); len(s.bySubject[subject]) == 0 {
			delete(s.bySubject, subject)
		}
	}
	if f.Ref != "" && (f.Started.Before(s.endedRefs[[2]string{f.Ref, ""}]) || f.Started.Before(s.endedRefs[[2]string{f.Ref, f.Subject}])) {
		return nil, refresh.ErrEnded
	}
	if len(s.bySubject) >= 1<<20 {
		return nil, errors.New("ownstore: the store is full")
	}
	var live, past []*family
	for _, other := range s.bySubject[f.Subject] {
		if other.newest > 0 {
			live = append(live, other)
		} else {
			past = append(past, other)
		}
	}
	if len(live) >= 100 {
		live[0].end(f.ListedUntil)
		ended, past, live = append(ended, live[0].Family), append(past, live[0]), live[1:]
	}
	past = past[max(0, len(past)-100):]
	s.bySubject[f.Subject] = append(append(past, live...), &family{f, 1, []time.Time{f.Started}})
	return ended, nil
}

// find returns a family that has not ended.
func (s *TokenFamilies) find(subject, id string) (*family, bool) {
	for _, f := range s.bySubject[subject] {
		if f.ID == id && f.newest > 0 {
			return f, true
		}
	}
	return nil, false
}

func (s *TokenFamilies) Load(_ context.Context, subject, id string) (login string, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, found := s.find(subject, id); found {
		return f.Login, true, nil
	}
	return "", false, nil
}

func (s *TokenFamilies) Rotate(_ context.Context, r refresh.Rotation) (refresh.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, found := s.find(r.Subject, r.ID)
	if !found {
		return refresh.FamilyUnknown, nil
	}
	if !r.Now.Before(f.Expires) || !r.Now.Before(f.made[0].Add(r.Idle)) {
		f.end(r.ListedUntil)
		return refresh.FamilyUnknown, nil
	}
	behind := f.newest - r.Generation - 1 // its place in made; -1 for the newest
	recent := func(made time.Time) bool { return r.Now.Sub(made).Abs() < r.Grace }
	switch {
	case behind < 0:
		if behind < -1 || !recent(f.made[0]) {
			f.made = nil
		}
		f.newest, f.made = r.Generation+1, slices.Insert(f.made[:min(len(f.made), 15)], 0, r.Now)
		return refresh.Rotated, nil
	case behind >= int64(len(f.made)) || !recent(f.made[behind]):
		f.end(r.ListedUntil)
		return refresh.Reused, nil
	case behind == 0:
		return refresh.Repeated, nil
	}
	return refresh.Superseded, nil
}

func (s *TokenFamilies) List(_ context.Context, subject string) (ids []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.bySubject[subject] {
		ids = append(ids, f.ID)
	}
	return ids, nil
}

func (s *TokenFamilies) Revoke(_ context.Context, subject string, listedUntil time.Time, ids ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if f, found := s.find(subject, id); found {
			f.end(listedUntil)
		}
	}
	return nil
}

func (s *TokenFamilies) RevokeRef(_ context.Context, r refresh.RefRevocation) (listed []refresh.Family, ended int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.endedRefs, func(_ [2]string, until time.Time) bool { return !r.Now.Before(until) })
	s.endedRefs[[2]string{r.Ref, r.Subject}] = r.Until
	for subject, all := range s.bySubject {
		for _, f := range all {
			if f.Ref != r.Ref || r.Subject != "" && r.Subject != subject {
				continue
			}
			listed = append(listed, f.Family)
			if f.newest > 0 {
				f.end(r.ListedUntil)
				ended++
			}
		}
	}
	return listed, ended, nil
}

// end ends the family. It stays listed for as long as its access tokens are valid.
func (f *family) end(listedUntil time.Time) { f.newest, f.Login, f.Expires = 0, "", listedUntil }
