package session

import (
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Recent passes on requests whose session was created less than d ago. It
// protects sensitive actions on an unattended screen. Other requests are refused
// with 401, also those that were authenticated without a session of m, such as by
// an API key: the user signs in again, which is Create. Recent belongs inside an
// authentication step that accepts sessions of m: without one the answer is 500.
func (m *Manager[D]) Recent(d time.Duration) guard.Middleware {
	if d <= 0 {
		wiring.Panic("session", "Recent(%v) refuses every request", d)
	}
	stale := refusal(codeStale, "Recent authentication required", fmt.Errorf("session: created more than %v ago", d))
	// Refuse adds the challenges of the step, which may accept sessions, too.
	sessionless := stale.Clone()
	sessionless.Challenges = nil
	sessionless.Err = fmt.Errorf("session: the request was authenticated without a %v", reflect.TypeFor[*Session[D]]())
	decision := guard.Decision{Package: "session", Guard: "recent " + d.String()}
	return func(next http.Handler) http.Handler {
		wiring.Next("session", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := guard.AuthenticatedBy[*Session[D]](r.Context())
			if err != nil {
				if identity.Otherwise[*Session[D]](r.Context()) {
					err = sessionless // no failure of ours: any client with a key could cause it
				}
				decision.Refuse(w, r, err)
				return
			}
			if m.now().Sub(s.rec.Created) >= d {
				decision.Refuse(w, r, stale)
				return
			}
			allowed := decision
			allowed.Outcome = guard.Allowed
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}
