package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-guard/guard"
)

// maxTries bounds the retries of Update and DestroyID. In every round one
// process succeeds, so that only more than maxTries at once can exhaust it.
const maxTries = 128

var errContended = errors.New("too many concurrent changes of the session")

// Update changes the session's data. change gets the data as it is in the store
// and is called again if another process has changed it meanwhile. It must call
// neither Update nor Flash. If change returns an error, Update returns it and writes
// nothing.
//
// Updates of one session wait for each other, until ctx ends and at most for
// Options.Timeout. Members of the stored JSON that D does not declare stay: those of
// the next version of the program, which may be running already.
//
// Other errors are for guard.Refuse: 401 if the session has ended, 503 if the
// store is down or too many Updates wait, 500 if the data is larger than
// Options.MaxData, cannot be decoded, or is that of another manager's session.
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
	if s == nil {
		return nil, m.missing.Clone()
	}
	if !s.isOf(m) {
		return nil, errForeign
	}
	done, waited, err := m.turns.take(ctx, s.state().rec.ID, m.timeout)
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	if waited {
		s, err = m.load(ctx, s.state().rec.Key, m.now()) // what the last one wrote
	} else {
		s, err = m.reloadIfExpired(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	for range maxTries {
		next, err := m.changed(s, change)
		if err != nil {
			return nil, err
		}
		updated, err := m.store.Update(ctx, s.state().rec.Key, s.state().rec.Revision, next.state().rec.Data)
		if err != nil {
			return nil, unavailable("update", err)
		}
		if updated {
			return next, nil
		}
		if s, err = m.load(ctx, s.state().rec.Key, m.now()); err != nil {
			return nil, err
		}
	}
	return nil, unavailable("update", errContended)
}

// changed applies change to a copy of the data and returns the next revision of s.
// It writes nothing.
func (m *Manager[D]) changed(s *Session[D], change func(*D) error) (*Session[D], error) {
	var data D // not that of s, which other requests may be reading
	rec := s.state().rec
	stored, flashes, err := splitFlashes(rec.Data)
	unknown := false
	if err == nil {
		unknown, err = m.codec.unmarshal(stored, &data)
	}
	if err != nil && !m.acceptUndecodable {
		return nil, fmt.Errorf("session: %s: %w", rec.ID, err)
	}
	if err := change(&data); err != nil {
		return nil, err
	}
	var text string
	if unknown {
		text, err = m.encodeOver(stored, data)
	} else {
		text, err = m.encode(data)
	}
	if err != nil {
		return nil, err
	}
	rec.Data = joinFlashes(text, flashes)
	rec.Revision++
	return m.decode(rec)
}
