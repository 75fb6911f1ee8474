package rbac_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/rbac"
)

// contexts are behind a gate and without one.
func contexts(t *testing.T, p *rbac.Policy[user, perm], roles ...string) map[string]context.Context {
	_, gated, _ := serve(t, p.RequireAll(postsRead), as(roles...))
	return map[string]context.Context{"behind a gate": gated, "without a gate": as(roles...).Context()}
}

func TestCheck(t *testing.T) {
	p := newPolicy(t, nil)
	for name, ctx := range contexts(t, p, "moderator") {
		if err := p.Check(ctx, usersRead); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var e *guard.Error
		err := p.WithMessage("No").Check(ctx, usersDelete)
		if !errors.As(err, &e) || e.Status != 403 || e.Code != "permission_required" || e.Message != "No" {
			t.Errorf("%s: with a message: %v", name, err)
		}
		if err := p.Check(ctx, usersDelete); !errors.As(err, &e) || e.Message != "Permission 'users:delete' required" {
			t.Errorf("%s: without a message: %v", name, err)
		}
		if err := p.Check(ctx, "users:raed"); err == nil || errors.As(err, &e) {
			t.Errorf("%s: an undeclared permission: %v", name, err)
		}
	}
	var e *guard.Error
	_, anonymous, _ := serve(t, guard.Optional(fixed[user]{}), request())
	if err := p.Check(anonymous, usersRead); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("an anonymous context: %v", err)
	}
	if err := p.Check(context.Background(), usersRead); err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), "no authentication step") {
		t.Errorf("a context without a step: %v", err)
	}
}

// A caller that changes the error of a Check changes no other answer.
func TestCheckReturnsACopy(t *testing.T) {
	failure := &guard.Error{Status: 503, Message: "Down"}
	decided, err := rbac.NewDecided(permissions, func(context.Context, user, perm) (bool, error) { return false, failure }, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := newPolicy(t, nil)
	anonymous := guard.Optional(fixed[user]{})
	limited := newPolicy(t, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return nil, true }})
	_, inner, _ := serve(t, anonymous, request())
	for name, tt := range map[string]struct {
		check   func(context.Context, perm) error
		ctx     context.Context
		message string
	}{
		"denied":                  {p.Check, as("guest").Context(), "Permission 'users:read' required"},
		"denied, with a message":  {p.WithMessage("No").Check, as("guest").Context(), "No"},
		"outside the scopes":      {limited.Check, as("admin").Context(), "Permission 'users:read' required"},
		"anonymous":               {p.Check, inner, ""},
		"the decider's own error": {decided.Check, as("guest").Context(), "Down"},
	} {
		var first, second *guard.Error
		if !errors.As(tt.check(tt.ctx, usersRead), &first) {
			t.Fatalf("%s: no *guard.Error", name)
		}
		first.Status, first.Message = 418, "changed"
		for i := range first.Challenges {
			first.Challenges[i] = "changed"
		}
		if !errors.As(tt.check(tt.ctx, usersRead), &second) || second.Message != tt.message || second.Status == 418 || slices.Contains(second.Challenges, "changed") {
			t.Errorf("%s: a changed error changed the next one: %+v", name, second)
		}
	}
}

// A Check is a question: only a handler that refuses reports a Decision.
func TestCheckReportsNoDecision(t *testing.T) {
	p := newPolicy(t, nil)
	for name, tt := range map[string]struct {
		refuse bool
		want   int
	}{"the handler refuses": {true, 1}, "the handler answers": {false, 0}} {
		ask := func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := p.Check(r.Context(), usersRead); tt.refuse {
					guard.Refuse(w, r, err)
				}
			})
		}
		if _, _, decisions := serve(t, ask, as("guest")); len(decisions) != tt.want {
			t.Errorf("%s: decisions %+v, want %d", name, decisions, tt.want)
		}
	}
}

func TestHas(t *testing.T) {
	p := newPolicy(t, nil)
	for name, ctx := range contexts(t, p, "moderator") {
		if ok, err := p.Has(usersRead)(ctx); !ok || err != nil {
			t.Errorf("%s: a granted permission is denied: %v", name, err)
		}
		if ok, err := p.Has(usersDelete)(ctx); ok || err != nil {
			t.Errorf("%s: a permission that no role grants: %t, %v", name, ok, err)
		}
	}
	serve(t, guard.Chain(guard.Optional(fixed[user]{}), func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if ok, err := p.Has(usersRead)(r.Context()); ok || err != nil {
				t.Errorf("an anonymous principal: %t, %v", ok, err)
			}
		})
	}), request())
	if ok, err := p.Has(usersRead)(context.Background()); ok || err == nil {
		t.Errorf("a context without an authentication step: %t, %v", ok, err)
	}
}

// A denied Check allocates the error that it returns, and nothing else does.
func TestCheckAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := newPolicy(t, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return allScopes, true }})
	_, ctx, _ := serve(t, p.RequireAll(usersRead), as("moderator"))
	has, named := p.Has(postsRead), p.WithMessage("No")
	for name, tt := range map[string]struct {
		f    func()
		want float64
	}{
		"Check, granted":               {func() { _ = p.Check(ctx, usersRead) }, 0},
		"Check, denied":                {func() { _ = p.Check(ctx, usersDelete) }, 1},
		"Check, denied with a message": {func() { _ = named.Check(ctx, usersDelete) }, 1},
		"Has":                          {func() { _, _ = has(ctx) }, 0},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, got, tt.want)
		}
	}
}

var allScopes = []string{"*"}
