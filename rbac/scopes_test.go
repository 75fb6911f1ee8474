package rbac_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
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

func TestScopeLimit(t *testing.T) {
	p := newPolicy(t, &rbac.Options{ScopeLimit: byScopes})
	all, any, role := p.RequireAll(postsWrite), p.RequireAny(usersRead, postsWrite), p.RequireRole("user")
	const w, a, u = "Permission 'posts:write' required", "Permission 'users:read' or 'posts:write' required", "Role 'user' required"
	tests := []struct {
		name   string
		gate   guard.Middleware
		roles  string
		scopes string
		want   string
		scope  string // the scope in the challenge; "-" is no challenge
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
			w, inner, decisions := serve(t, guard.Chain(mapped.Wrap, tt.gate), request())
			if tt.want == "" {
				if w.Code != 200 || inner == nil {
					t.Errorf("status %d, body %s; want 200", w.Code, w.Body)
				}
				return
			}
			if w.Code != 403 || inner != nil || w.Body.String() != body(403, tt.want) {
				t.Errorf("status %d, body %s, reached %t; want 403 %s", w.Code, w.Body, inner != nil, tt.want)
			}
			want := `Fixed error="insufficient_scope"` + tt.scope
			code := "insufficient_scope"
			if tt.scope == "-" {
				want, code = "", "permission_required"
			}
			if got := codeOf(decisions[len(decisions)-1].Err); got != code {
				t.Errorf("code %q, want %q", got, code)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != want {
				t.Errorf("challenge %q, want %q", got, want)
			}
			if d := decisions[len(decisions)-1]; strings.Contains(d.Reason, "scopes") != (want != "") {
				t.Errorf("reason %q", d.Reason)
			}
		})
	}
	if w, _, _ := serve(t, all, as("user")); w.Code != 200 {
		t.Errorf("a credential without scopes: status %d, want 200", w.Code)
	}
	ctx := guard.WithPrincipal(as("user").Context(), &key{})
	var err *guard.Error
	if !errors.As(p.Check(ctx, postsRead), &err) || err.Code != "insufficient_scope" {
		t.Errorf("Check = %v, want insufficient_scope", err)
	}
}

// scoped is a credential that limits itself: a guard.ScopeLimiter.
type scoped struct{ scopes []string }

func (s *scoped) ScopeLimit() ([]string, bool) { return s.scopes, len(s.scopes) > 0 }

// Options.ScopeLimit never lifts the limit of a credential that has one.
func TestScopeLimitsIntersect(t *testing.T) {
	for _, tt := range []struct {
		credential, options string // scopes; "-" is no limit
		perm                perm
		want                int
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
			return strings.Fields(tt.options), tt.options != "-"
		}})
		scopes := strings.Fields(tt.credential)
		if tt.credential == "-" {
			scopes = nil
		}
		auth := guard.Map(fixed[*scoped]{&scoped{scopes}, true}, func(context.Context, *scoped) (user, bool, error) {
			return user{"u", []string{"admin"}}, true, nil
		})
		w, _, _ := serve(t, guard.Chain(auth.Wrap, p.RequireAll(tt.perm)), request())
		if w.Code != tt.want {
			t.Errorf("credential %q, Options %q, %s: status %d, want %d", tt.credential, tt.options, tt.perm, w.Code, tt.want)
		}
	}
}

// A role needs all of its permissions in each of several limits.
func TestScopeLimitsIntersectForRoles(t *testing.T) {
	for _, tt := range []struct {
		credential, options, role string
		want                      int
	}{
		{"posts:*", "posts:read posts:write", "user", 200},
		{"posts:*", "posts:read", "user", 403},
		{"posts:read", "posts:*", "user", 403},
		{"posts:read", "posts:write", "user", 403},
		{"*", "posts:*", "user", 200},
		{"posts:*", "*", "user", 200},
		{"*", "*", "guest", 200}, // which grants nothing
		{"*", "posts:*", "guest", 403},
		{"posts:*", "*", "guest", 403},
	} {
		p := newPolicy(t, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return strings.Fields(tt.options), true }})
		auth := guard.Map(fixed[*scoped]{&scoped{strings.Fields(tt.credential)}, true}, func(context.Context, *scoped) (user, bool, error) {
			return user{"u", []string{tt.role}}, true, nil
		})
		if w, _, _ := serve(t, guard.Chain(auth.Wrap, p.RequireRole(tt.role)), request()); w.Code != tt.want {
			t.Errorf("credential %q, Options %q, role %s: status %d, want %d", tt.credential, tt.options, tt.role, w.Code, tt.want)
		}
	}
}

// A handler may serve a batch of requests, each with its own scopes: no gate
// uses those of another.
func TestScopeLimitOfEachPart(t *testing.T) {
	type scopes struct{}
	p := newPolicy(t, &rbac.Options{ScopeLimit: func(ctx context.Context) ([]string, bool) {
		s, limited := ctx.Value(scopes{}).([]string)
		return s, limited
	}})
	gate := p.RequireAll(postsWrite)
	batch := func(_ http.ResponseWriter, r *http.Request) {
		for i, part := range []struct {
			scopes []string
			want   int
		}{{[]string{"*"}, 200}, {[]string{"posts:read"}, 403}, {[]string{"posts:write"}, 200}, {nil, 403}} {
			w, _ := harness.Serve(t, gate, nil, r.WithContext(context.WithValue(r.Context(), scopes{}, part.scopes)))
			if w.Code != part.want {
				t.Errorf("part %d: status %d, want %d", i, w.Code, part.want)
			}
		}
	}
	authenticateAs("user")(http.HandlerFunc(batch)).ServeHTTP(httptest.NewRecorder(), request())
}

// TestScopeLimitsAddUp: an inner step or a principal never lifts the limit of an
// outer credential.
func TestScopeLimitsAddUp(t *testing.T) {
	p := newPolicy(t, nil)
	limited := fixed[*scoped]{&scoped{[]string{"posts:read"}}, true}
	toUser := func(context.Context, *scoped) (user, bool, error) { return user{"u", []string{"admin"}}, true, nil }
	byHand := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), user{"u", []string{"admin"}})))
		})
	}
	anonymous := guard.Optional[string](fixed[string]{})
	tests := []struct {
		name string
		auth guard.Middleware
	}{
		{"mapped", guard.Map(limited, toUser).Wrap},
		{"by hand", guard.Chain(guard.Require(limited), byHand)},
		{"by hand, behind an anonymous step", guard.Chain(guard.Require(limited), anonymous, byHand)},
		{"another credential inside", guard.Chain(guard.Require(limited), authenticateAs("admin"))},
		{"a wider credential inside", guard.Chain(guard.Require(limited), guard.Map(fixed[*scoped]{&scoped{[]string{"*"}}, true}, toUser).Wrap)},
		{"a narrower credential outside", guard.Chain(guard.Require(fixed[*scoped]{&scoped{[]string{"*"}}, true}), guard.Map(limited, toUser).Wrap)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, gate := range []struct {
				name string
				mw   guard.Middleware
				want int
			}{
				{"covered", p.RequireAll(postsRead), 200},
				{"not covered", p.RequireAll(usersDelete), 403},
				{"one covered", p.RequireAny(usersDelete, postsRead), 200},
				{"role", p.RequireRole("admin"), 403},
			} {
				if w, _, _ := serve(t, guard.Chain(tt.auth, gate.mw), request()); w.Code != gate.want {
					t.Errorf("%s: status %d, want %d", gate.name, w.Code, gate.want)
				}
			}
		})
	}
}
