package session

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-guard/guard"
)

// maxTries bounds the retries of Update and DestroyID. In every round one
// request succeeds, so that only more than maxTries at once can exhaust it.
const maxTries = 128

var errContended = errors.New("too many concurrent changes of the session")

// Update changes the session's data. change gets the data as it is in the store
// and is called again if another request has changed it meanwhile. If change
// returns an error, Update returns it and writes nothing.
//
// Other errors are for guard.Refuse: 401 if the session has ended, 503 if the
// store is down, 500 if the data is larger than Options.MaxData.
func (m *Manager[D]) Update(ctx context.Context, s *Session[D], change func(*D) error) (*Session[D], error) {
	var changeErr error // the caller's, which is not ours to report
	next, err := m.update(ctx, s, func(data *D) error {
		changeErr = change(data)
		return changeErr
	})
	if err == nil || changeErr != nil {
		return next, err
	}
	return nil, guard.Decision{Package: "session", Guard: "update", Subject: subjectOf(s)}.Deny(ctx, err)
}

func (m *Manager[D]) update(ctx context.Context, s *Session[D], change func(*D) error) (*Session[D], error) {
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	if s == nil {
		return nil, m.missing.Clone()
	}
	s, err := m.reloadIfExpired(ctx, s)
	if err != nil {
		return nil, err
	}
	for range maxTries {
		next, err := m.changed(s, change)
		if err != nil {
			return nil, err
		}
		updated, err := m.store.Update(ctx, s.rec.Key, s.rec.Revision, next.rec.Data)
		if err != nil {
			return nil, unavailable("update", err)
		}
		if updated {
			return next, nil
		}
		if s, err = m.load(ctx, s.rec.Key, m.now()); err != nil {
			return nil, err
		}
	}
	return nil, unavailable("update", errContended)
}

// changed applies change to a copy of the data and returns the next revision of s.
// It writes nothing.
func (m *Manager[D]) changed(s *Session[D], change func(*D) error) (*Session[D], error) {
	var data D // not s.data, which other requests may be reading
	if err := json.Unmarshal([]byte(s.rec.Data), &data); err != nil {
		return nil, errUndecodable.Clone()
	}
	if err := change(&data); err != nil {
		return nil, err
	}
	rec := s.rec
	text, err := m.encode(data)
	if err != nil {
		return nil, err
	}
	rec.Data = text
	rec.Revision++
	return m.decode(rec)
}
