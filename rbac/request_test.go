package rbac_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/rbac"
)

// What a gate placed for one principal does not hold for another that an inner
// step puts in its place.
func TestInnerPrincipal(t *testing.T) {
	p := newPolicy(t, nil)
	admin := guard.Require(fixed[user]{user{"a", []string{"admin"}}, true})
	bob := guard.Require(fixed[user]{user{"b", []string{"user"}}, true})
	w, _, _ := serve(guard.Chain(admin, p.RequireAll(usersDelete), bob, p.RequireAll(usersDelete)), httptest.NewRequest("GET", "/", nil))
	if w.Code != 403 {
		t.Errorf("status %d", w.Code)
	}
	w, inner, _ := serve(guard.Chain(admin, p.RequireAll(usersDelete), bob), httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || p.Has(usersDelete)(inner) || p.Check(inner, usersDelete) == nil || p.From(inner).Has(usersDelete) {
		t.Error("Bob has what Alice was granted")
	}
}

// Two policies with the same types do not mix.
func TestTwoPolicies(t *testing.T) {
	one := newPolicy(t, nil)
	s := spec()
	s.Roles["user"] = rbac.Role[perm]{Grants: []perm{"*"}}
	two, err := rbac.New(s, rolesOf, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, inner, _ := serve(guard.Chain(two.RequireAll(usersDelete), one.RequireAll(postsRead)), as("user"))
	if w.Code != 200 || one.Has(usersDelete)(inner) || !two.Has(usersDelete)(inner) {
		t.Error("policies mix")
	}
}

func TestCheckHasFrom(t *testing.T) {
	p := newPolicy(t, nil)
	_, gated, _ := serve(p.RequireAll(postsRead), as("moderator"))
	for name, ctx := range map[string]context.Context{"behind a gate": gated, "without a gate": as("moderator").Context()} {
		if err := p.Check(ctx, usersRead); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var e *guard.Error
		err := p.WithMessage("No").Check(ctx, usersDelete)
		if !errors.As(err, &e) || e.Status != 403 || e.Message != "No" {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Check(ctx, usersDelete); !errors.As(err, &e) || e.Message != "Permission 'users:delete' required" {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Check(ctx, "users:raed"); err == nil || errors.As(err, &e) {
			t.Errorf("%s: an undeclared permission: %v", name, err)
		}
		if !p.Has(usersRead)(ctx) || p.Has(usersDelete)(ctx) {
			t.Errorf("%s: Has", name)
		}
		g := p.From(ctx)
		if got := slices.Collect(g.All()); !slices.Equal(got, []perm{usersRead, postsRead, postsWrite}) || g.Generation() != 1 {
			t.Errorf("%s: From has %v", name, got)
		}
		if g.Has("users:raed") || !g.HasRole("user") || !g.HasRole("moderator") || g.HasRole("admin") || g.HasRole("root") {
			t.Errorf("%s: From", name)
		}
		for range g.All() {
			break
		}
	}
	var e *guard.Error
	if err := p.Check(context.Background(), usersRead); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("nobody: %v", err)
	}
	g := p.From(context.Background())
	if p.Has(usersRead)(context.Background()) || g.Has(usersRead) || g.HasRole("admin") || g.Generation() != 0 || len(slices.Collect(g.All())) != 0 {
		t.Error("nobody has something")
	}
	if s := fmt.Sprint(gated); strings.Contains(s, "moderator") {
		t.Errorf("the context prints %s", s)
	}
}

// The first gate costs the copy of the request and the context's node; after
// it, nothing costs anything.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := newPolicy(t, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return allScopes, true }})
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	gate := p.RequireAll(usersRead)
	w := httptest.NewRecorder()
	r := as("moderator", "guest")
	_, gated, _ := serve(gate, as("moderator"))
	has, named := p.Has(postsRead), p.WithMessage("No")
	inner := httptest.NewRequest("GET", "/", nil).WithContext(gated)
	one, three := gate(nop), guard.Chain(gate, p.RequireRole("user"), p.RequireAny(usersDelete, postsWrite))(nop)
	for name, tt := range map[string]struct {
		f    func()
		want float64
	}{
		"first gate":  {func() { one.ServeHTTP(w, r) }, 2},
		"three gates": {func() { three.ServeHTTP(w, r) }, 2},
		"later gate":  {func() { one.ServeHTTP(w, inner) }, 0},
		"Check":       {func() { _ = p.Check(gated, usersRead) }, 0},
		"Check, no":   {func() { _ = p.Check(gated, usersDelete) }, 0},
		"message, no": {func() { _ = named.Check(gated, usersDelete) }, 0},
		"Has":         {func() { has(gated) }, 0},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, got, tt.want)
		}
	}
}

var allScopes = []string{"*"}
