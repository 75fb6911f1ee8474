package session

import (
	"context"
	"time"
)

// deadline returns when the record's session ends: at the deadline that was
// stored, or earlier where today's settings are shorter.
func (m *Manager[D]) deadline(rec *Record) time.Time {
	return earlier(rec.Deadline, m.deadlineAfterUse(rec.Created, rec.LastSeen))
}

// deadlineAfterUse returns the end of the idle timeout or of the absolute
// timeout, whichever comes first.
func (m *Manager[D]) deadlineAfterUse(created, used time.Time) time.Time {
	return earlier(used.Add(m.idle), created.Add(m.lifetime))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// checkDeadline refuses a record that is past its deadline.
func (m *Manager[D]) checkDeadline(rec *Record, now time.Time) error {
	switch past := now.Sub(m.deadline(rec)); {
	case past >= Grace:
		return errUnknown.Clone()
	case past >= 0:
		return errExpired.Clone()
	}
	return nil
}

// isExpired reports whether checkDeadline would refuse the record.
func (m *Manager[D]) isExpired(rec *Record, now time.Time) bool {
	return !now.Before(m.deadline(rec))
}

// reloadIfExpired returns s, or loads it again if the deadline it was read with
// is past: other requests may have used the session since, while a long handler,
// such as a WebSocket's, was running.
func (m *Manager[D]) reloadIfExpired(ctx context.Context, s *Session[D]) (*Session[D], error) {
	now := m.now()
	if !m.isExpired(&s.rec, now) {
		return s, nil
	}
	return m.load(ctx, s.rec.Key, now)
}

// touch records that the session was used, which extends its idle timeout. It
// writes at most every TouchEvery. A failure is reported to Observe, and the request
// is authenticated all the same.
func (m *Manager[D]) touch(ctx context.Context, s *Session[D], now time.Time) {
	if now.Sub(s.rec.LastSeen) < m.touchEvery || !m.touches.Claim(s.ID(), now) {
		return
	}
	left := s.deadline.Sub(m.now()) // loading may have taken a while
	if left <= 0 {
		return
	}
	seen := now.Truncate(time.Millisecond)
	// The write ends before the deadline: after it another request may have been
	// refused already. Its limit is short so that a slow store does not delay the
	// request for long. It continues when the client disconnects.
	touchCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(m.timeout/5, left))
	defer cancel()
	if err := m.store.Touch(touchCtx, s.rec.Key, seen, m.deadlineAfterUse(s.rec.Created, seen)); err != nil {
		reportFailure(ctx, "touch", err)
	}
}
