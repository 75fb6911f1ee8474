package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// Authenticate implements [guard.Authenticator]. A request without a session
// cookie returns guard.ErrNoCredentials, without a check of its origin: it has no
// session that another site could abuse. A request with a cookie is refused with 403 if
// [Manager.CheckOrigin] refuses it, which includes the opening of a WebSocket.
func (m *Manager[D]) Authenticate(r *http.Request) (*Session[D], error) {
	token, state := field.RawCookie(r.Header, m.cookie.Name)
	if state == field.Absent {
		return nil, guard.ErrNoCredentials
	}
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	if state == field.Repeated {
		return nil, errRepeated.Clone()
	}
	key, ok := keyOf(token)
	if !ok {
		return nil, errMalformed.Clone()
	}
	now := m.now()
	s, err := m.load(r.Context(), key, now)
	if err != nil {
		return nil, err
	}
	m.touch(r.Context(), s, now)
	return s, nil
}

// Scheme implements [guard.Authenticator]. Its Ambient clears the cookie of a
// session that is expired or unknown, or whose subject is.
func (m *Manager[D]) Scheme() guard.Scheme {
	return guard.Scheme{
		Challenge: challenge, Missing: m.missing.Message, Vary: []string{"Cookie"}, Unknown: errNoSubject.Clone(),
		Ambient: func(w http.ResponseWriter) { m.setCookie(w, "", 0) },
	}
}

// Wrap is guard.Require(m).
func (m *Manager[D]) Wrap(next http.Handler) http.Handler { return guard.Require(m)(next) }

// load returns the live session under key. The error is a 401 if there is none.
func (m *Manager[D]) load(ctx context.Context, key Key, now time.Time) (*Session[D], error) {
	readCtx, cancel := m.readContext(ctx)
	defer cancel()
	rec, found, err := m.store.Load(readCtx, key)
	if err != nil {
		return nil, unavailable("load", err)
	}
	if !found {
		return nil, errUnknown.Clone()
	}
	if rec.Key != key || rec.Subject == "" {
		return nil, errors.New("session: the store returned the wrong record")
	}
	if err := m.checkDeadline(&rec, now); err != nil {
		return nil, err
	}
	s, err := m.decode(rec)
	if err != nil {
		m.discard(ctx, key)
		return nil, errUndecodable.Clone()
	}
	return s, nil
}

// discard deletes a record whose data cannot be decoded. A failure is reported
// to Observe; the request is refused either way.
func (m *Manager[D]) discard(ctx context.Context, key Key) {
	writeCtx, cancel := m.writeContext(ctx)
	defer cancel()
	if _, err := m.store.Delete(writeCtx, key); err != nil {
		reportFailure(ctx, "discard", err)
	}
}

// reportFailure reports a failure that does not change the answer.
func reportFailure(ctx context.Context, operation string, err error) {
	guard.Decision{Package: "session", Guard: operation, Outcome: guard.Failed, Reason: err.Error(), Err: err}.ReportTo(ctx)
}
