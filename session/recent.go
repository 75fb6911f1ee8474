package session

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Recent passes on requests whose session was created less than d ago. It protects
// sensitive actions on an unattended screen. Other requests are refused with 401, also
// those that were authenticated without a session of m, such as by an API key or by
// another manager's session: the user signs in again, which is Create. A half sign-in
// and a guest are refused, too. Recent belongs inside an authentication step that
// accepts sessions of m: without one the answer is 500.
func (m *Manager[D]) Recent(d time.Duration) guard.Middleware {
	if d <= 0 {
		wiring.Panic("session", "Recent(%v) refuses every request", d)
	}
	check := m.recentCheck(d)
	decision := guard.Decision{Package: "session", Guard: "recent " + d.String()}
	return func(next http.Handler) http.Handler {
		wiring.Next("session", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := check(r.Context()); err != nil {
				decision.Refuse(w, r, err)
				return
			}
			allowed := decision
			allowed.Outcome = guard.Allowed
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

// recentCheck returns the check of a request's context.
func (m *Manager[D]) recentCheck(d time.Duration) func(context.Context) error {
	stale := refusal(codeStale, "Recent authentication required", fmt.Errorf("session: created more than %v ago", d))
	// Refuse adds the challenges of the step, which may accept sessions, too.
	sessionless := stale.Clone()
	sessionless.Challenges = nil
	sessionless.Err = fmt.Errorf("session: the request was authenticated without a %v", reflect.TypeFor[*Session[D]]())
	foreign := sessionless.Clone()
	foreign.Err = errForeign
	return func(ctx context.Context) error {
		s, err := guard.AuthenticatedBy[*Session[D]](ctx)
		switch {
		case err != nil && identity.Otherwise[*Session[D]](ctx):
			return sessionless // no failure of ours: any client with a key could cause it
		case err != nil:
			return err
		case !s.isOf(m):
			return foreign
		case s.state().subject() == "": // an application's authenticator accepted a half sign-in or guest
			return stale
		case m.now().Sub(s.state().rec.Created).Abs() >= d: // in the future, too: the clock was set back
			return stale
		}
		return nil
	}
}
