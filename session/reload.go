package session

import (
	"context"

	"github.com/go-guard/guard"
)

// Reload returns the session as it is now, also if it has been rotated or updated
// since. It is for what outlives the check of a request, such as a WebSocket: call it
// before each message, or every minute, and close the connection on an error. It does
// not extend the idle timeout: a connection alone is no use of the session. Without a
// request, it checks no bound cookie: see [DeviceOptions].
//
// The error is for guard.Refuse: 401 if the session has ended, 503 if the store is
// down, 500 if the session is another manager's or its data cannot be decoded.
func (m *Manager[D]) Reload(ctx context.Context, s *Session[D]) (*Session[D], error) {
	next, err := m.reload(ctx, s)
	return next, guard.Decision{Package: "session", Guard: "reload", Subject: subjectOf(s)}.Deny(ctx, err)
}

func (m *Manager[D]) reload(ctx context.Context, s *Session[D]) (*Session[D], error) {
	if s == nil {
		return nil, m.missing.Clone()
	}
	if !s.isOf(m) {
		return nil, errForeign
	}
	next, err := m.load(ctx, s.state().rec.Key, m.now())
	if err == nil || !isRefusal(err) {
		return next, err
	}
	return m.reloadRotated(ctx, s, err)
}

// reloadRotated finds the session by its ID, which a rotation does not change. It
// returns ended if there is none.
func (m *Manager[D]) reloadRotated(ctx context.Context, s *Session[D], ended error) (*Session[D], error) {
	old := s.state().rec
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	recs, err := m.store.List(ctx, old.Subject)
	if err != nil {
		return nil, unavailable("list", err)
	}
	for _, rec := range recs {
		if rec.ID != old.ID || rec.Subject != old.Subject || rec.Key == old.Key {
			continue
		}
		l, err := parseLogin(rec.Login)
		if err != nil {
			return nil, err
		}
		if err := m.checkDeadline(&rec, &l, m.now()); err != nil {
			return nil, err
		}
		return m.open(ctx, rec)
	}
	return nil, ended
}
