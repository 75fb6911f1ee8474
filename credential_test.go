package guard_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
)

type scoped interface{ HasScope(string) bool }

type grant string

func (g grant) HasScope(s string) bool { return string(g) == s }

type account struct{ id string }

// authenticates is an authenticator that always answers p, or abstains.
type authenticates[P any] struct {
	p     P
	known bool
}

func (a authenticates[P]) Authenticate(*http.Request) (P, error) {
	if !a.known {
		return a.p, guard.ErrNoCredentials
	}
	return a.p, nil
}

func (authenticates[P]) Scheme() guard.Scheme { return guard.Scheme{Challenge: `Bearer realm="x"`} }

func TestAuthenticatedByInterface(t *testing.T) {
	known := guard.Require[grant](authenticates[grant]{"read", true})
	toAccount := func(_ context.Context, g grant) (account, bool, error) { return account{"1"}, true, nil }
	tests := []struct {
		name string
		mw   guard.Middleware
		want int
	}{
		{"the principal itself", known, 200},
		{"an interface as principal", guard.Require[any](authenticates[any]{grant("read"), true}), 200},
		{"mapped", guard.Require[account](guard.Map(authenticates[grant]{"read", true}, toAccount)), 200},
		{"behind another type", guard.Chain(known, guard.Require[account](authenticates[account]{account{"1"}, true})), 200},
		{"nobody", guard.Optional[grant](authenticates[grant]{}), 401},
		{"hidden by an inner step", guard.Chain(known, guard.Optional[grant](authenticates[grant]{})), 401},
		{"no step", guard.Chain(), 401},
		{"no such credential", guard.Require[account](authenticates[account]{account{"1"}, true}), 500},
		{"no such interface", guard.Require[any](authenticates[any]{account{"1"}, true}), 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, err := guard.AuthenticatedBy[scoped](r.Context())
				if err != nil {
					guard.Refuse(w, r, err)
					return
				}
				if !s.HasScope("read") {
					t.Errorf("found %v", s)
				}
			}))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != tt.want {
				t.Errorf("status %d, want %d: %s", w.Code, tt.want, w.Body)
			}
		})
	}
	if _, err := guard.AuthenticatedBy[scoped](context.Background()); errors.Is(err, guard.ErrNoCredentials) {
		t.Error("a guard's refusal abstains")
	}
}

func TestChallenges(t *testing.T) {
	if got := guard.Challenges(context.Background()); got != nil {
		t.Errorf("challenges %q without a step", got)
	}
	h := guard.Optional[grant](authenticates[grant]{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := guard.Challenges(r.Context()); len(got) != 1 || got[0] != `Bearer realm="x"` {
			t.Errorf("challenges %q", got)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}
