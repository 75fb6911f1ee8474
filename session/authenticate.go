package session

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// Authenticate implements [guard.Authenticator]. A request without a session
// cookie returns guard.ErrNoCredentials, without a check of its origin: it has no
// session that another site could abuse. One with a cookie is refused with 403 if
// [Manager.CheckOrigin] refuses it.
//
// Of up to four cookies, the one of a live session counts, and of several live ones
// of one subject that of the newest. Live sessions of different subjects are ended,
// and the request is refused with 401: another site may have planted one of them.
// Several __Host- cookies that are not Partitioned are refused with 401, too: no
// browser has them.
func (m *Manager[D]) Authenticate(r *http.Request) (*Session[D], error) {
	s, now, err := m.find(r, "")
	if err != nil {
		return nil, err
	}
	if err := m.checkDevice(r, &s.state().rec, now); err != nil {
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

// find returns the session of the request's cookie, or of one of several: for an empty
// step a live session, otherwise a half sign-in that waits for the step.
func (m *Manager[D]) find(r *http.Request, step string) (s *Session[D], now time.Time, err error) {
	token, state := field.RawCookie(r.Header, m.cookie.Name)
	if state == field.Absent {
		return nil, now, guard.ErrNoCredentials
	}
	if err := m.checkOrigin(r); err != nil {
		return nil, now, err
	}
	now = m.now()
	if state == field.Repeated {
		s, err = m.findAmong(r, step, now)
		return s, now, err
	}
	key, ok := keyOf(token)
	if !ok {
		return nil, now, errMalformed.Clone()
	}
	s, err = m.loadFor(r.Context(), key, step, now)
	return s, now, err
}

// load returns the live session under key, which may be a guest's. The error is a 401
// if there is none.
func (m *Manager[D]) load(ctx context.Context, key Key, now time.Time) (*Session[D], error) {
	rec, l, err := m.loadRecord(ctx, key, now)
	if err != nil {
		return nil, err
	}
	if l.step != "" {
		return nil, m.half.Clone()
	}
	return m.open(ctx, rec)
}

// loadFor is load for a request that wants a session of this kind: see kindOf.
func (m *Manager[D]) loadFor(ctx context.Context, key Key, want string, now time.Time) (*Session[D], error) {
	rec, l, err := m.loadRecord(ctx, key, now)
	if err != nil {
		return nil, err
	}
	if kind := kindOf(&rec, &l); kind != want {
		return nil, m.mismatch(kind)
	}
	return m.open(ctx, rec)
}

// mismatch refuses a live session, half sign-in or guest where another is wanted: it
// counts as no credential, and its cookie is not cleared.
func (m *Manager[D]) mismatch(kind string) error {
	if kind == "" || kind == guestKind {
		return guard.ErrNoCredentials
	}
	return m.half.Clone()
}

// loadRecord returns the record of a live session or half sign-in. The error is a 401 if
// there is none.
func (m *Manager[D]) loadRecord(ctx context.Context, key Key, now time.Time) (Record, login, error) {
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	rec, found, err := m.store.Load(ctx, key)
	if err != nil {
		return Record{}, login{}, unavailable("load", err)
	}
	if !found {
		return Record{}, login{}, errUnknown.Clone()
	}
	if rec.Key != key {
		return Record{}, login{}, errors.New("session: the store returned the wrong record")
	}
	l, err := m.checkRecord(&rec, now)
	return rec, l, err
}

// checkRecord returns how the subject of a record signed in, and removes the prefix of
// that of a half sign-in. The error is a 401 if the record is no longer alive.
func (m *Manager[D]) checkRecord(rec *Record, now time.Time) (login, error) {
	l, err := parseLogin(rec.Login)
	if err != nil {
		return login{}, err
	}
	subject, prefixed := strings.CutPrefix(rec.Subject, halfPrefix)
	if prefixed != (l.step != "") || subject == "" {
		return login{}, errors.New("session: the store returned a record of another kind")
	}
	rec.Subject = subject
	return l, m.checkDeadline(rec, &l, now)
}

// reportFailure reports a failure that does not change the answer.
func reportFailure(ctx context.Context, operation string, err error) {
	guard.Decision{Package: "session", Guard: operation, Outcome: guard.Failed, Reason: err.Error(), Err: err}.ReportTo(ctx)
}
