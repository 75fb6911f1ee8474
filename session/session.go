// Package session signs users in with a cookie.
//
//	sessions := guard.Must(session.New[Profile](nil))
//	http.Handle("GET /profile", sessions.Wrap(guard.HandlerFunc(profile)))
//
// A login handler that has checked a password calls [Manager.Create];
// [Manager.LogoutHandler] is the logout. Handlers behind Wrap get a *[Session] as
// their principal, or the application's own user by guard.BySubject. A login with a
// second factor is a half sign-in first: see [Pending]. Visitors who have not signed
// in are guests: see [Manager.Guest].
//
// # Guarantees
//
// The cookie is __Host-session with Secure, HttpOnly, SameSite=Lax and Path=/. It
// contains 24 random bytes and 8 bytes of the subject's SHA-256. The store has a
// SHA-256 in place of the random bytes. A login always creates a new session (no
// session fixation). Requests in flight cannot bring back a destroyed session.
// [Manager.DestroyAll] also ends half sign-ins, and the logins under way that have
// [AtEpoch]. A session ends at its absolute timeout and at its idle timeout, which
// [For] sets for one login.
//
// Half sign-ins and guests authenticate no one. If several cookies have one name, the
// one of a valid session counts: see [Manager.Authenticate]. Unsafe requests from
// other origins are refused with 403. Data of another version of the program is not
// lost, and does not end the session: see [Manager.Update]. Every change is saved
// before the response is written, never after the handler returns.
//
// If the store is down, requests are answered with 503 and never treated as
// anonymous, and a logout reports the failure. The cookie of a session that is
// expired or unknown is cleared when a browser opens a page; under guard.Optional the
// request is anonymous then. Sign-ins, rotations and sign-outs are reported to
// guard.Observe with their subject.
//
// # Not covered
//
// The origin of safe methods (GET, HEAD, OPTIONS) is not checked, so these must change
// nothing. Anyone who holds the cookie acts as the subject until the session ends:
// serve it over TLS, and protect sensitive actions with package stepup. With the
// experimental [DeviceOptions], a stolen cookie works for minutes only, if the browser
// can bind sessions to the device. A session is checked when a request arrives: a
// WebSocket outlives a logout unless its handler checks again, by [Manager.Reload].
//
// The default store is in memory, for one process. Stores for several are in
// stores/redisstore and stores/sqlstore. Package signin/password verifies passwords
// and limits the attempts.
package session

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/go-guard/guard/internal/secret"
)

// A Session is one login of one subject with its data. It is immutable:
// [Manager.Update] returns a new one. A nil Session, in a principal that embeds one and did
// not come with a session, has no subject.
type Session[D any] struct {
	hidden secret.Value[*state[D]] // copies of a Session show no data, too
}

// A state is what a Session holds.
type state[D any] struct {
	rec      Record
	login    login // of rec.Login
	data     D
	deadline time.Time
	manager  *Manager[D] // nil for a session of package guardtest
}

// state is never nil.
func (s *Session[D]) state() *state[D] {
	if s != nil {
		if st := s.hidden.Reveal(); st != nil {
			return st
		}
	}
	return new(state[D]) // of a zero or nil Session
}

// subject is "" for a half sign-in or guest.
func (st *state[D]) subject() string {
	if kindOf(&st.rec, &st.login) != "" {
		return ""
	}
	return st.rec.Subject
}

// isOf reports whether m may act on s: sessions of other managers with the same D are
// of another user base, or have other rules. Those of package guardtest have none.
func (s *Session[D]) isOf(m *Manager[D]) bool {
	manager := s.state().manager
	return manager == nil || manager == m
}

// Sub returns the subject who is signed in, or who has begun to: behind [Manager.Step]
// the second factor is still missing. It is empty for a nil Session only. Of a guest, it
// begins with a zero byte, as no user's does, and other guests have the same one: their ID
// differs.
func (s *Session[D]) Sub() string { return s.state().rec.Subject }

// ID names the session in lists and logs. Rotate does not change it. It is no
// credential.
func (s *Session[D]) ID() string { return s.state().rec.ID.String() }

// Data returns the session's data. It shares no memory with other requests. It panics for a
// nil Session: zero data would be taken for a user's.
func (s *Session[D]) Data() D {
	if s == nil {
		panic("session: Data of a nil Session: the request has none")
	}
	return s.state().data
}

// AuthTime returns when the subject signed in. It is zero for a half sign-in and a
// guest.
func (s *Session[D]) AuthTime() time.Time {
	if s.state().subject() == "" {
		return time.Time{}
	}
	return s.state().rec.Created
}

// AMR returns how the subject signed in (RFC 8176, section 2), in the order of the
// steps, such as "pwd", "otp": the names that Create got by [Factors]. It is nil
// without any, and for a half sign-in.
func (s *Session[D]) AMR() []string {
	if s.state().subject() == "" {
		return nil
	}
	return s.state().login.amr()
}

// Ref returns the name of the login in another system that Create got by [Ref], for
// another Create that continues it. It is empty without one.
func (s *Session[D]) Ref() string { return s.state().rec.Ref }

// ACR returns the authentication context class that Create got by [ACR], such as that
// of an identity provider. It is empty without one, and for a half sign-in.
func (s *Session[D]) ACR() string {
	if s.state().subject() == "" {
		return ""
	}
	return s.state().login.acr
}

// LastSeen returns when the session was last used before this request, to the
// precision of [Options].TouchEvery.
func (s *Session[D]) LastSeen() time.Time { return s.state().rec.LastSeen }

// Deadline returns when the session ends: at its idle timeout, which use extends, and at
// the latest at its absolute timeout.
func (s *Session[D]) Deadline() time.Time { return s.state().deadline }

// String returns the ID and the subject, without the data.
func (s *Session[D]) String() string {
	if s == nil {
		return "session <nil>"
	}
	return fmt.Sprintf("session %s of %q", s.state().rec.ID, s.state().rec.Subject)
}

// Format implements [fmt.Formatter]: no verb prints the data.
func (s *Session[D]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s *Session[D]) LogValue() slog.Value { return slog.StringValue(s.String()) }
