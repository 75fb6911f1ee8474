package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

const challenge = "Session"

// The refusals. Their causes are for Observe.
var (
	errMalformed   = refusal("Invalid session", errors.New("session: malformed token"))
	errUnknown     = refusal("Invalid session", errors.New("session: unknown token"))
	errUndecodable = refusal("Invalid session", errors.New("session: the data cannot be decoded"))
	errExpired     = refusal("Session expired", errors.New("session: past its deadline"))
	errRepeated    = &guard.Error{Status: http.StatusBadRequest, Message: "More than one session cookie was sent", Err: errors.New("session: repeated cookie")}

	// errSubject is of the application: it knows no such subject any more.
	errSubject = refusal("Invalid session", errors.New("session: the subject is gone"))
)

// refusal is a 401 that has its challenge also where no step adds one.
func refusal(message string, cause error) *guard.Error {
	return &guard.Error{Status: http.StatusUnauthorized, Message: message, Challenges: []string{challenge}, Err: cause}
}

// Authenticate implements [guard.Authenticator]. A request with a session
// cookie whose method is unsafe and which a browser sent from another origin is
// refused with 403, as [Manager.CheckOrigin] says; so is the opening of a
// WebSocket. Without a cookie it abstains, whatever the origin: there is no
// authority that could be abused.
func (m *Manager[D]) Authenticate(r *http.Request) (*Session[D], error) {
	token, p := field.RawCookie(r.Header, m.cookie.Name)
	if p == field.Absent {
		return nil, m.missing
	}
	if err := m.CheckOrigin(r); err != nil {
		return nil, err
	}
	if p == field.Repeated {
		return nil, errRepeated
	}
	key, ok := keyOf(token)
	if !ok {
		return nil, errMalformed
	}
	now := m.now()
	s, err := m.load(r.Context(), key, now)
	if err != nil {
		return nil, err
	}
	m.touch(r.Context(), s, now)
	return s, nil
}

// Scheme implements [guard.Authenticator].
func (m *Manager[D]) Scheme() guard.Scheme {
	return guard.Scheme{Challenge: challenge, Vary: []string{"Cookie"}, Unknown: errSubject}
}

// Wrap is guard.Require(m).
func (m *Manager[D]) Wrap(next http.Handler) http.Handler { return guard.Require(m)(next) }

// CheckOrigin returns a 403 for a request that a browser sent from another
// origin, unless its method is safe or the origin is trusted: see
// [http.CrossOriginProtection]. Every verb that takes a request asks it; a
// login handler asks first, before it looks at what was sent.
func (m *Manager[D]) CheckOrigin(r *http.Request) error {
	if m.origins == nil {
		return nil
	}
	if err := field.CrossOrigin(m.origins, r); err != nil {
		return &guard.Error{Status: http.StatusForbidden, Message: "Cross-origin request refused", Err: err}
	}
	return nil
}

// load returns the session under key, or why there is none.
func (m *Manager[D]) load(ctx context.Context, key Key, now time.Time) (*Session[D], error) {
	rctx, cancel := m.reading(ctx)
	defer cancel()
	rec, found, err := m.store.Load(rctx, key)
	if err != nil {
		return nil, unavailable("load", err)
	}
	if !found {
		return nil, errUnknown
	}
	if rec.Key != key || rec.Subject == "" {
		return nil, errors.New("session: the store returned a record that was not asked for")
	}
	if err := m.judge(&rec, now); err != nil {
		return nil, err
	}
	s, err := m.snapshot(rec)
	if err != nil {
		m.discard(ctx, key)
		return nil, errUndecodable
	}
	return s, nil
}

// deadline is when a record's session ends. It follows the settings of today
// where they are shorter than those it was stored under.
func (m *Manager[D]) deadline(rec *Record) time.Time {
	return earliest(rec.Deadline, earliest(rec.LastSeen.Add(m.idle), rec.Created.Add(m.lifetime)))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// judge refuses a record that is past its deadline.
func (m *Manager[D]) judge(rec *Record, now time.Time) error {
	past := now.Sub(m.deadline(rec))
	switch {
	case past >= Grace:
		return errUnknown
	case past >= 0:
		return errExpired
	}
	return nil
}

// touch records the use of a session, now and then. It is best effort: the
// request is authenticated whether or not it is written down.
func (m *Manager[D]) touch(ctx context.Context, s *Session[D], now time.Time) {
	if now.Sub(s.rec.LastSeen) < m.touchEvery {
		return
	}
	now = now.Truncate(time.Millisecond)
	left := s.deadline.Sub(m.now()) // a slow load took its time
	if left <= 0 {
		return
	}
	deadline := earliest(now.Add(m.idle), s.rec.Created.Add(m.lifetime))
	// Not after the deadline: by then it may have been told to someone.
	// Nor may a slow store keep the request for long.
	tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(m.timeout/5, left))
	defer cancel()
	if err := m.store.Touch(tctx, s.rec.Key, now, deadline); err != nil {
		guard.Decision{Package: "session", Guard: "touch", Outcome: guard.Failed, Reason: err.Error(), Err: err}.ReportTo(ctx)
	}
}

// discard removes a record that is of no use.
func (m *Manager[D]) discard(ctx context.Context, key Key) {
	wctx, cancel := m.writing(ctx)
	defer cancel()
	if _, err := m.store.Delete(wctx, key); err != nil {
		guard.Decision{Package: "session", Guard: "discard", Outcome: guard.Failed, Reason: err.Error(), Err: err}.ReportTo(ctx)
	}
}

func unavailable(what string, err error) error {
	return guard.Unavailable(fmt.Errorf("session: %s: %w", what, err))
}
