package session

import (
	"errors"
	"net/http"

	"github.com/go-guard/guard"
)

// Rotate gives the session a new token, for when the subject's privileges
// change. The old token is invalid at once, for requests in flight too. The
// deadline does not change. s must be the session of the request; use the
// returned one from here on.
//
// The error is for guard.Refuse: 401 if the session has ended, 503 if the store
// is down. After a 503 the session may have its old token or no usable one.
//
// It reports a guard.Decision with the action "rotate".
func (m *Manager[D]) Rotate(w http.ResponseWriter, r *http.Request, s *Session[D]) (*Session[D], error) {
	next, err := m.rotate(w, r, s)
	return next, conclude(r, guard.Decision{Action: "rotate", Subject: subjectOf(s)}, err)
}

func (m *Manager[D]) rotate(w http.ResponseWriter, r *http.Request, s *Session[D]) (*Session[D], error) {
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, m.missing.Clone()
	}
	// Without this check the client could be given a session from a list.
	presented, _ := m.presented(w, r)
	if key, ok := keyOf(presented); !ok || key != s.rec.Key {
		return nil, errors.New("session: Rotate of a session that the request did not present")
	}
	ctx, cancel := m.writeContext(r.Context())
	defer cancel()
	s, err := m.reloadIfExpired(ctx, s)
	if err != nil {
		return nil, err
	}
	token, key := newToken(s.rec.Subject)
	rotated, err := m.store.Rotate(ctx, s.rec.Key, key)
	if err != nil {
		return nil, unavailable("rotate", err)
	}
	if !rotated {
		return nil, errUnknown.Clone()
	}
	next := *s
	next.rec.Key = key
	m.setCookie(w, token, m.maxAge(&next))
	return &next, nil
}
