package session

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/secret"
)

// Rotate gives the session a new token, for when the subject's privileges
// change. The old token is invalid at once, for requests in flight too. The
// deadline does not change, nor does the device that the session is bound to. s must be
// the session of the request; use the returned one from here on.
//
// The error is for guard.Refuse: 403 for a request from another origin, 431 for more
// session cookies than a browser has, 401 if the session has ended, 503 if the store is
// down, 500 if s is not the request's. After a 503 the session may have its old token or
// no usable one.
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
	if !s.isOf(m) {
		return nil, errForeign
	}
	// Without this check the client could be given a session from a list.
	presented, _, err := m.presented(w, r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(presented, s.state().rec.Key) {
		return nil, errors.New("session: Rotate of a session that the request did not present")
	}
	ctx, cancel := m.writeContext(r.Context())
	defer cancel()
	if s, err = m.reloadIfExpired(ctx, s); err != nil {
		return nil, err
	}
	token, key := newToken(s.state().rec.Subject)
	rotated, err := m.store.Rotate(ctx, s.state().rec.Key, key)
	if err != nil {
		return nil, unavailable("rotate", err)
	}
	if !rotated {
		return nil, errUnknown.Clone()
	}
	moved := *s.state()
	moved.rec.Key = key
	next := &Session[D]{secret.New(&moved)}
	m.setCookie(w, token, m.maxAge(next))
	m.offerDevice(ctx, w, r, &moved.rec, m.now())
	return next, nil
}
