package rbac_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

func TestConstructionErrors(t *testing.T) {
	if _, err := rbac.New[user, perm, []string](spec(), nil, nil); err == nil {
		t.Error("New accepted a nil rolesOf")
	}
	if _, err := rbac.NewDecided[user](permissions, nil, nil); err == nil {
		t.Error("NewDecided accepted a nil decider")
	}
	if _, err := rbac.NewDecided(nil, func(context.Context, user, perm) (bool, error) { return true, nil }, nil); err == nil {
		t.Error("NewDecided accepted an empty list of permissions")
	}
}

// TestOneRole is for a rolesOf that returns one name.
func TestOneRole(t *testing.T) {
	p, err := rbac.New(spec(), func(u user) string { return strings.Join(u.roles, "") }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]int{"admin": 200, "moderator": 200, "user": 403, "": 403, "admn": 403} {
		w, _, decisions := serve(t, p.RequireAll(usersRead), as(role))
		if w.Code != want {
			t.Errorf("role %q: status %d, want %d", role, w.Code, want)
		}
		reason := map[string]string{"user": `rbac: not granted: "user"`, "": "rbac: not granted: no roles", "admn": `rbac: not granted: "admn" (unknown)`}[role]
		if decisions[0].Reason != reason {
			t.Errorf("role %q: reason %q, want %q", role, decisions[0].Reason, reason)
		}
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
	w, inner, _ := serve(t, guard.Chain(two.RequireAll(usersDelete), one.RequireAll(postsRead)), as("user"))
	if w.Code != 200 || has(one, usersDelete, inner) || !has(two, usersDelete, inner) {
		t.Errorf("status %d; one policy's grants count for the other", w.Code)
	}
}

// A decider decides in place of roles, and its failures are answered 5xx.
func TestDecider(t *testing.T) {
	down := errors.New("engine down at 10.0.0.1")
	decide := func(_ context.Context, u user, p perm) (bool, error) {
		switch u.roles[0] {
		case "down":
			return true, down
		case "abstains":
			return true, guard.ErrNoCredentials
		}
		return p == usersRead || u.roles[0] == "admin", nil
	}
	p, err := rbac.NewDecided(permissions, decide, &rbac.Options{ScopeLimit: byScopes})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, user string
		gate       guard.Middleware
		want       int
	}{
		{"all", "bob", p.RequireAll(usersRead), 200},
		{"all, one not", "bob", p.RequireAll(usersRead, postsRead), 403},
		{"any", "bob", p.RequireAny(postsRead, usersRead), 200},
		{"any, none", "bob", p.RequireAny(postsRead, postsWrite), 403},
		{"admin", "admin", p.RequireAll(usersDelete), 200},
		{"down", "down", p.RequireAll(usersRead), 500},
		{"down, any", "down", p.RequireAny(usersRead), 500},
		{"abstains", "abstains", p.RequireAll(usersRead), 500},
	} {
		w, inner, decisions := serve(t, tt.gate, as(tt.user))
		if w.Code != tt.want || (inner != nil) != (tt.want == 200) || strings.Contains(w.Body.String(), "10.") {
			t.Errorf("%s: status %d, body %s; want %d", tt.name, w.Code, w.Body, tt.want)
		}
		if tt.want == 403 && !strings.Contains(decisions[0].Reason, "decider") {
			t.Errorf("%s: reason %q", tt.name, decisions[0].Reason)
		}
	}
	ctx := as("down").Context()
	if err := p.Check(ctx, usersRead); !errors.Is(err, down) {
		t.Errorf("Check = %v, want the decider's error", err)
	}
	if ok, err := p.Has(usersRead)(ctx); ok || !errors.Is(err, down) {
		t.Errorf("Has = %t, %v, want the decider's error", ok, err)
	}
	if p.From(ctx).Has(usersRead) {
		t.Error("a failed decider granted a permission")
	}
	if got := p.From(as("bob").Context()); !got.Has(usersRead) || got.Has(postsRead) || got.HasRole("admin") {
		t.Error("From does not return what the decider grants")
	}
	if err := p.Swap(t.Context(), spec()); err == nil {
		t.Error("Swap accepted roles for a policy with a decider")
	}
}
