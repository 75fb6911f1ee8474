package compose_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// TestNoCredentialInAPrincipal: a principal that embeds a credential, and came in another
// way, has no subject, no scopes and no sign-in. Observe and gates dereferenced nil. A gate
// of what the principal never has is wired wrongly: 500.
func TestNoCredentialInAPrincipal(t *testing.T) {
	type token struct{ *jwtauth.Token[struct{}] }
	type introspection struct{ *bearer.Introspection }
	type login struct{ *session.Session[struct{}] }
	type key struct{ *apikey.Record }
	scopes, within := bearer.Scopes("read"), stepup.Require(stepup.Within(time.Hour))
	for _, tt := range []struct {
		name         string
		step         guard.Middleware
		scoped, sure int // statuses behind the two gates
	}{
		{"token", without[token](), 403, 401},
		{"introspection", without[introspection](), 403, 401},
		{"session", without[login](), 500, 401},
		{"key", without[key](), 403, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for want, chain := range map[int][]guard.Middleware{200: {tt.step}, tt.scoped: {tt.step, scopes}, tt.sure: {tt.step, within}} {
				subject := ""
				observe := guard.Observe(func(_ *http.Request, d guard.Decision) { subject += d.Subject })
				h := guard.Chain(observe, guard.Chain(chain...))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if limits := guard.ScopeLimits(r.Context()); len(limits) > 0 {
						t.Errorf("limits %q", limits)
					}
				}))
				r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
				r.Header.Set("X-API-Key", "k")
				h.ServeHTTP(w, r)
				if w.Code != want || subject != "" {
					t.Errorf("status %d, subject %q; want %d", w.Code, subject, want)
				}
			}
		})
	}
}

// without authenticates every key as a zero P.
func without[P any]() guard.Middleware {
	return guard.Require(guard.Must(apikey.New(func(context.Context, string) (p P, found bool, err error) { return p, true, nil }, nil)))
}
