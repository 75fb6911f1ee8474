package session

import (
	"context"
	"time"

	"github.com/go-guard/guard/internal/wiring"
)

// deadline returns when the record's session ends: at the deadline that was
// stored, or earlier where today's settings are shorter.
func (m *Manager[D]) deadline(rec *Record, l *login) time.Time {
	return earlier(rec.Deadline, m.deadlineAfterUse(l, rec.Created, rec.LastSeen))
}

// deadlineAfterUse returns the end of the idle timeout or of the absolute
// timeout, whichever comes first.
func (m *Manager[D]) deadlineAfterUse(l *login, created, used time.Time) time.Time {
	end := created.Add(m.lifetimeOf(l))
	if l.step != "" || l.lifetime > 0 {
		return end
	}
	return earlier(used.Add(m.idle), end)
}

// lifetimeOf returns the absolute timeout of a login.
func (m *Manager[D]) lifetimeOf(l *login) time.Duration {
	switch {
	case l.step != "":
		return l.pending
	case l.lifetime > 0:
		return min(l.lifetime, m.maxLifetime)
	}
	return m.lifetime
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// checkDeadline refuses a record that is past its deadline. It also refuses one that
// was created or used in the future, by more than clocks of several processes may
// differ: its deadline says nothing.
func (m *Manager[D]) checkDeadline(rec *Record, l *login, now time.Time) error {
	if rec.LastSeen.Sub(now) > Grace || rec.Created.Sub(now) > Grace {
		return errFuture.Clone()
	}
	switch past := now.Sub(m.deadline(rec, l)); {
	case past >= Grace:
		return errUnknown.Clone()
	case past >= 0:
		return errExpired.Clone()
	}
	return nil
}

// reloadIfExpired returns s, or loads it again if the deadline it was read with
// is past: other requests may have used the session since, while a long handler,
// such as a WebSocket's, was running.
func (m *Manager[D]) reloadIfExpired(ctx context.Context, s *Session[D]) (*Session[D], error) {
	if s.state().login.step != "" {
		return nil, m.half.Clone()
	}
	now := m.now()
	if m.checkDeadline(&s.state().rec, &s.state().login, now) == nil {
		return s, nil
	}
	return m.load(ctx, s.state().rec.Key, now)
}

// touch records that the session was used, which extends its idle timeout. It
// writes at most every TouchEvery. A failure is reported to Observe, and the request
// is authenticated all the same.
func (m *Manager[D]) touch(ctx context.Context, s *Session[D], now time.Time) {
	if now.Sub(s.state().rec.LastSeen) < m.touchEvery || !m.touches.Due(s.ID(), now) {
		return
	}
	left := s.state().deadline.Sub(m.now()) // loading may have taken a while
	if left <= 0 {
		return
	}
	seen := now.Truncate(time.Millisecond)
	// The write ends before the deadline: after it another request may have been
	// refused already. Its limit is short so that a slow store does not delay the
	// request for long. It continues when the client disconnects.
	touchCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(m.timeout/5, left))
	defer cancel()
	err := wiring.Recovered("session", "the store", func() error {
		return m.store.Touch(touchCtx, s.state().rec.Key, seen, m.deadlineAfterUse(&s.state().login, s.state().rec.Created, seen))
	})
	if err != nil {
		reportFailure(ctx, "touch", err)
	}
}
