package session

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// Recent passes on requests whose session was created less than d ago. It
// protects sensitive actions on an unattended screen. It belongs inside an
// authentication step of m: without one the answer is 500. Other requests are
// refused with 401: the user signs in again, which is Create.
func (m *Manager[D]) Recent(d time.Duration) guard.Middleware {
	if d <= 0 {
		wiring.Panic("session", "Recent(%v) refuses every request", d)
	}
	stale := refusal(codeStale, "Recent authentication required", fmt.Errorf("session: created more than %v ago", d))
	decision := guard.Decision{Package: "session", Guard: "recent " + d.String()}
	return func(next http.Handler) http.Handler {
		wiring.Next("session", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := guard.AuthenticatedBy[*Session[D]](r.Context())
			if err != nil {
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
