package ownstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/apikey"
)

// APIKeys is an apikey.Store in a map, whose entries are replaced and never changed.
type APIKeys struct {
	mu   sync.Mutex
	byID map[string]*apikey.Entry
}

// NewAPIKeys returns an empty store.
func NewAPIKeys() *APIKeys { return &APIKeys{byID: map[string]*apikey.Entry{}} }

func (s *APIKeys) Insert(_ context.Context, e apikey.Entry, maxPerSubject int) (inserted bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[e.ID] != nil {
		return false, nil
	}
	now, valid := time.Now(), 0
	var ended []*apikey.Entry // the first to end is the first
	for _, other := range s.byID {
		forget := other.ForgetAfter()
		switch {
		case !forget.IsZero() && !now.Before(forget):
			delete(s.byID, other.ID)
		case other.Ring != e.Ring || other.Subject != e.Subject:
		case other.Ended(now):
			ended = append(ended, other)
		default:
			valid++
		}
	}
	slices.SortFunc(ended, func(a, b *apikey.Entry) int { return a.ForgetAfter().Compare(b.ForgetAfter()) })
	switch {
	case valid >= maxPerSubject:
		return false, apikey.ErrTooMany
	case valid+len(ended) >= maxPerSubject:
		delete(s.byID, ended[0].ID)
	case len(s.byID) >= 1<<20:
		return false, apikey.ErrFull
	}
	s.byID[e.ID] = clone(e)
	return true, nil
}

// clone copies what the caller may change.
func clone(e apikey.Entry) *apikey.Entry {
	e.Scopes, e.Networks, e.Previous, e.Metadata = slices.Clone(e.Scopes), slices.Clone(e.Networks), slices.Clone(e.Previous), maps.Clone(e.Metadata)
	return &e
}

func (s *APIKeys) Load(_ context.Context, id string) (e *apikey.Entry, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found = s.byID[id]
	return e, found, nil
}

// change replaces an entry by a copy that f has changed, unless f returns false.
func (s *APIKeys) change(id string, f func(e *apikey.Entry) bool) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.byID[id]
	if !found {
		return false, nil
	}
	changing := *e
	if changed = f(&changing); changed {
		s.byID[id] = clone(changing)
	}
	return changed, nil
}

func usedUp(e *apikey.Entry, maxUses int64) bool { return maxUses > 0 && e.Uses >= maxUses }

func (s *APIKeys) Rotate(_ context.Context, id string, r apikey.Rotation) (rotated bool, err error) {
	return s.change(id, func(e *apikey.Entry) bool {
		if !e.RevokedAt.IsZero() || e.Digest != r.From {
			return false
		}
		e.Digest, e.InUse, e.Previous, e.Last4, e.RotatedAt = r.To, false, r.Previous, r.Last4, r.At
		return true
	})
}

func (s *APIKeys) Update(_ context.Context, rec apikey.Record, revision int64) (updated bool, err error) {
	return s.change(rec.ID, func(e *apikey.Entry) bool {
		if !e.RevokedAt.IsZero() || e.Revision != revision || usedUp(e, e.MaxUses) || usedUp(e, rec.MaxUses) {
			return false
		}
		e.Name, e.Scopes, e.Networks, e.Metadata, e.MaxUses = rec.Name, rec.Scopes, rec.Networks, rec.Metadata, rec.MaxUses
		e.NotBefore, e.ExpiresAt, e.Revision = rec.NotBefore, rec.ExpiresAt, revision+1
		return true
	})
}

func (s *APIKeys) Revoke(_ context.Context, id string, at time.Time) (found bool, err error) {
	return s.change(id, func(e *apikey.Entry) bool {
		if e.RevokedAt.IsZero() {
			e.RevokedAt = at
		}
		return true
	})
}

func (s *APIKeys) Used(_ context.Context, id string, key apikey.Digest, at time.Time) error {
	_, err := s.change(id, func(e *apikey.Entry) bool { return use(e, key, at) })
	return err
}

func (s *APIKeys) Spend(_ context.Context, rec *apikey.Record, key apikey.Digest, at time.Time) (spent bool, err error) {
	return s.change(rec.ID, func(e *apikey.Entry) bool {
		if !e.RevokedAt.IsZero() || usedUp(e, e.MaxUses) {
			return false
		}
		e.Uses++
		return use(e, key, at)
	})
}

func use(e *apikey.Entry, key apikey.Digest, at time.Time) bool {
	e.InUse = e.InUse || key == e.Digest
	if at.After(e.LastUsedAt) {
		e.LastUsedAt = at
	}
	return true
}

func (s *APIKeys) List(_ context.Context, ring, subject string) (list []apikey.Record, err error) {
	return s.list(func(e *apikey.Entry) bool { return e.Ring == ring && e.Subject == subject }), nil
}

func (s *APIKeys) ListAll(_ context.Context, ring string, after apikey.Position, limit int) (list []apikey.Record, next apikey.Position, err error) {
	list = s.list(func(e *apikey.Entry) bool {
		older := cmp.Or(e.CreatedAt.Compare(after.CreatedAt), cmp.Compare(e.ID, after.ID)) < 0
		return e.Ring == ring && (after == apikey.Position{} || older)
	})
	if len(list) > limit {
		next = apikey.Position{CreatedAt: list[limit-1].CreatedAt, ID: list[limit-1].ID}
		list = list[:limit]
	}
	return list, next, nil
}

// list returns records, the newest first.
func (s *APIKeys) list(wanted func(*apikey.Entry) bool) (list []apikey.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byID {
		if wanted(e) {
			list = append(list, clone(*e).Record)
		}
	}
	slices.SortFunc(list, func(a, b apikey.Record) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return list
}
