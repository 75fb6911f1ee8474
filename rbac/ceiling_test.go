package rbac_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

// key is a credential with scopes.
type key struct{ scopes []string }

func byScopes(ctx context.Context) ([]string, bool) {
	k, limited := guard.CredentialFrom[*key](ctx)
	if !limited {
		return nil, false
	}
	return k.scopes, true
}

func TestCeiling(t *testing.T) {
	p := newPolicy(t, &rbac.Options{ScopeLimit: byScopes})
	all, any, role := p.RequireAll(postsWrite), p.RequireAny(usersRead, postsWrite), p.RequireRole("user")
	const w, a, u = "Permission 'posts:write' required", "Permission 'users:read' or 'posts:write' required", "Role 'user' required"
	tests := []struct {
		name   string
		gate   guard.Middleware
		roles  string
		scopes string
		want   string
		ask    string // the scope that the challenge asks for; "-" is no challenge
	}{
		{"granted by both", all, "user", "posts:write", "", ""},
		{"wildcard", all, "user", "posts:*", "", ""},
		{"all", all, "user", "*", "", ""},
		{"not by the scopes", all, "user", "posts:read users:*", w, `, scope="posts:write"`},
		{"no scopes", all, "user", "", w, `, scope="posts:write"`},
		{"unknown scopes", all, "user", "posts openid POSTS:WRITE posts:writes", w, `, scope="posts:write"`},
		{"not by the roles", all, "guest", "*", w, "-"},
		{"by neither", all, "guest", "", w, "-"},
		{"scopes add nothing", p.RequireAll(usersDelete), "moderator", "users:delete *", "Permission 'users:delete' required", "-"},
		{"any", any, "moderator", "posts:write", "", ""},
		{"any, none", any, "moderator", "posts:read", a, `, scope="users:read"`},
		{"both, one scope", p.RequireAll(usersRead, postsRead), "moderator", "users:read", "Permissions 'users:read' and 'posts:read' required", `, scope="users:read posts:read"`},
		{"role, all of it", role, "moderator", "posts:read posts:write", "", ""},
		{"role, wildcard", role, "moderator", "posts:*", "", ""},
		{"role, everything", role, "user", "*", "", ""},
		{"role, a part of it", role, "moderator", "posts:read", u, ""},
		{"role, one of two", p.RequireRole("admin", "user"), "user", "posts:read", "Role 'admin' or 'user' required", ""},
		{"role that grants nothing", p.RequireRole("guest"), "guest", "posts:read", "Role 'guest' required", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mapped := guard.Map(fixed[*key]{&key{strings.Fields(tt.scopes)}, true}, func(context.Context, *key) (user, bool, error) {
				return user{"u", strings.Fields(tt.roles)}, true, nil
			})
			w, inner, made := serve(guard.Chain(mapped.Wrap, tt.gate), httptest.NewRequest("GET", "/", nil))
			if tt.want == "" {
				if w.Code != 200 || inner == nil {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				return
			}
			if w.Code != 403 || inner != nil || w.Body.String() != e(403, tt.want) {
				t.Errorf("%d %s, reached %t", w.Code, w.Body, inner != nil)
			}
			want := `Fixed error="insufficient_scope"` + tt.ask
			if tt.ask == "-" {
				want = ""
			}
			if got := w.Header().Get("WWW-Authenticate"); got != want {
				t.Errorf("challenge %q, want %q", got, want)
			}
			if d := made[len(made)-1]; strings.Contains(d.Reason, "scopes") != (want != "") {
				t.Errorf("reason %q", d.Reason)
			}
		})
	}
	// Without such a credential there is no ceiling.
	if w, _, _ := serve(all, as("user")); w.Code != 200 {
		t.Errorf("without a credential: %d", w.Code)
	}
	// Check tells of scopes as well.
	ctx := guard.WithPrincipal(as("user").Context(), &key{})
	var err *guard.Error
	if !errors.As(p.Check(ctx, postsRead), &err) || err.Code != "insufficient_scope" {
		t.Errorf("Check: %v", err)
	}
}

// scoped is a credential that says by itself what it is good for.
type scoped struct{ scopes []string }

func (s *scoped) ScopeLimit() ([]string, bool) { return s.scopes, len(s.scopes) > 0 }

// TestOptionsCeilingOnlyNarrows: what Options.ScopeLimit answers never lifts the
// bounds that a credential has by itself.
func TestOptionsCeilingOnlyNarrows(t *testing.T) {
	for _, tt := range []struct {
		own, other string // "-": no bound
		perm       perm
		want       int
	}{
		{"posts:read", "-", usersDelete, 403},
		{"posts:read", "-", postsRead, 200},
		{"posts:read", "*", usersDelete, 403},
		{"posts:read", "*", postsRead, 200},
		{"*", "posts:read", usersDelete, 403},
		{"*", "posts:read", postsRead, 200},
		{"posts:*", "posts:read users:*", postsRead, 200},
		{"posts:*", "posts:read users:*", postsWrite, 403},
		{"posts:*", "posts:read users:*", usersRead, 403},
		{"posts:read", "users:read", postsRead, 403},
		{"-", "users:read", usersRead, 200},
		{"-", "users:read", postsRead, 403},
		{"-", "-", usersDelete, 200},
		{"-", "", usersRead, 403},
	} {
		p := newPolicy(t, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) {
			return strings.Fields(tt.other), tt.other != "-"
		}})
		own := strings.Fields(tt.own)
		if tt.own == "-" {
			own = nil
		}
		auth := guard.Map(fixed[*scoped]{&scoped{own}, true}, func(context.Context, *scoped) (user, bool, error) {
			return user{"u", []string{"admin"}}, true, nil
		})
		w, _, _ := serve(guard.Chain(auth.Wrap, p.RequireAll(tt.perm)), httptest.NewRequest("GET", "/", nil))
		if w.Code != tt.want {
			t.Errorf("own %q, Options %q, %s: %d, want %d", tt.own, tt.other, tt.perm, w.Code, tt.want)
		}
	}
}

// Another engine decides, and its failures are ours.
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
		name, who string
		gate      guard.Middleware
		want      int
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
		w, inner, made := serve(tt.gate, as(tt.who))
		if w.Code != tt.want || (inner != nil) != (tt.want == 200) || strings.Contains(w.Body.String(), "10.") {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		if tt.want == 403 && !strings.Contains(made[0].Reason, "decider") {
			t.Errorf("%s: reason %q", tt.name, made[0].Reason)
		}
	}
	ctx := as("down").Context()
	if err := p.Check(ctx, usersRead); !errors.Is(err, down) {
		t.Errorf("Check: %v", err)
	}
	if p.Has(usersRead)(ctx) || p.From(ctx).Has(usersRead) {
		t.Error("a decider that fails grants")
	}
	if got := p.From(as("bob").Context()); !got.Has(usersRead) || got.Has(postsRead) || got.HasRole("admin") {
		t.Error("From")
	}
	if err := p.Swap(spec()); err == nil {
		t.Error("Swap of a decided policy")
	}
}
