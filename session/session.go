// Package session signs people in with a cookie.
//
//	sessions := guard.Must(session.New[Profile](nil))
//	http.Handle("GET /profile", sessions.Wrap(guard.HandlerFunc(profile)))
//
// A login handler that checked a password calls [Manager.Create]; handlers
// behind Wrap get a *[Session] as their principal, or the application's own
// user by guard.BySubject.
//
// # Guarantees
//
// The cookie holds 32 random bytes; the store holds their SHA-256. The cookie
// is __Host-session with Secure, HttpOnly, SameSite=Lax and Path=/. A session
// ends at its lifetime, and when it is idle; a destroyed one stays destroyed,
// whatever is in flight. Every verb writes to the store at once, before it
// touches the response: nothing is left to the end of the request. A login
// never adopts a session that was there before. Unsafe requests from other
// origins are refused with 403. A store that is down is 503, never an anonymous
// request, and a logout that it missed is no success.
//
// # Not covered
//
// Safe methods (GET, HEAD, OPTIONS) are not checked for their origin, so they
// must change nothing. Whoever has the cookie is the subject until it ends:
// serve it over TLS, and ask [Manager.Recent] in front of sensitive actions. A
// request that was let in runs to its end: a WebSocket outlives a logout unless
// its handler asks again, which [Manager.Update] does.
//
// The default store is in memory, for one process. Stores for more are in
// stores/redisstore and stores/sqlstore. Passwords are hashed by package password.
package session

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// A Session is one login of one subject with its data. It is immutable: what
// was read stays as it was read, and [Manager.Update] returns another.
type Session[D any] struct {
	rec      Record
	data     D
	deadline time.Time
}

// Sub is the subject who is signed in, never empty.
func (s *Session[D]) Sub() string { return s.rec.Subject }

// ID names the session in lists and logs. It survives Rotate, and is worth
// nothing as a credential.
func (s *Session[D]) ID() string { return s.rec.ID.String() }

// Data is the session's data. No other request shares memory with it.
func (s *Session[D]) Data() D { return s.data }

// AuthTime is when the subject signed in.
func (s *Session[D]) AuthTime() time.Time { return s.rec.Created }

// LastSeen is when the session was last used before this request, to the
// precision of [Options].TouchEvery.
func (s *Session[D]) LastSeen() time.Time { return s.rec.LastSeen }

// Deadline is when the session ends if it is not used until then.
func (s *Session[D]) Deadline() time.Time { return s.deadline }

// String is the public id and the subject, without the data.
func (s *Session[D]) String() string {
	if s == nil {
		return "session <nil>"
	}
	return fmt.Sprintf("session %s of %q", s.rec.ID, s.rec.Subject)
}

// Format keeps the data out of logs under every verb.
func (s *Session[D]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s *Session[D]) LogValue() slog.Value { return slog.StringValue(s.String()) }
