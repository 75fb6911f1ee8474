// Package session signs users in with a cookie.
//
//	sessions := guard.Must(session.New[Profile](nil))
//	http.Handle("GET /profile", sessions.Wrap(guard.HandlerFunc(profile)))
//
// A login handler that has checked a password calls [Manager.Create]. Handlers
// behind Wrap get a *[Session] as their principal, or the application's own
// user by guard.BySubject.
//
// # Guarantees
//
// The cookie holds 32 random bytes; the store holds their SHA-256. The cookie
// is __Host-session with Secure, HttpOnly, SameSite=Lax and Path=/. A session
// ends at its absolute timeout and at its idle timeout. Requests in flight
// cannot bring back a destroyed session. Every change is saved before the
// response is written, never after the handler returns. A login always creates a
// new session (no session fixation). Unsafe requests from other
// origins are refused with 403. If the store is down, requests are answered
// with 503 and never treated as anonymous, and a logout reports the failure.
//
// The cookie of a session that is expired or unknown is cleared when a browser
// opens a page; under guard.Optional the request is anonymous then. Sign-ins,
// rotations and sign-outs are reported to guard.Observe with their subject.
//
// # Not covered
//
// The origin of safe methods (GET, HEAD, OPTIONS) is not checked, so these must
// change nothing. Anyone who holds the cookie acts as the subject until the
// session ends: serve it over TLS, and protect sensitive actions with
// [Manager.Recent]. The session is checked when a request arrives: a WebSocket
// outlives a logout unless its handler checks again, by [Manager.Update].
//
// The default store is in memory, for one process. Stores for several are in
// stores/redisstore and stores/sqlstore. Package password hashes passwords.
package session

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// A Session is one login of one subject with its data. It is immutable:
// [Manager.Update] returns a new one.
type Session[D any] struct {
	rec      Record
	data     D
	deadline time.Time
}

// Sub returns the subject who is signed in. It is never empty.
func (s *Session[D]) Sub() string { return s.rec.Subject }

// ID names the session in lists and logs. Rotate does not change it. It is no
// credential.
func (s *Session[D]) ID() string { return s.rec.ID.String() }

// Data returns the session's data. It shares no memory with other requests.
func (s *Session[D]) Data() D { return s.data }

// AuthTime returns when the subject signed in.
func (s *Session[D]) AuthTime() time.Time { return s.rec.Created }

// LastSeen returns when the session was last used before this request, to the
// precision of [Options].TouchEvery.
func (s *Session[D]) LastSeen() time.Time { return s.rec.LastSeen }

// Deadline returns when the session ends unless it is used before.
func (s *Session[D]) Deadline() time.Time { return s.deadline }

// String returns the ID and the subject, without the data.
func (s *Session[D]) String() string {
	if s == nil {
		return "session <nil>"
	}
	return fmt.Sprintf("session %s of %q", s.rec.ID, s.rec.Subject)
}

// Format implements [fmt.Formatter]: no verb prints the data.
func (s *Session[D]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s *Session[D]) LogValue() slog.Value { return slog.StringValue(s.String()) }
