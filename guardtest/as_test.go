package guardtest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

type user struct{ id, role string }

type profile struct{ Name string }

type perm string

const (
	postsRead  perm = "posts:read"
	postsWrite perm = "posts:write"
)

var (
	alice = user{"1", "admin"}
	bob   = user{"2", "user"}
)

// scoped is a principal whose methods are those of the pointer.
type scoped struct{ scopes []string }

func (s *scoped) ScopeLimit() (scopes []string, limited bool) { return s.scopes, true }

func (s *scoped) Sub() string { return "scoped" }

// none leaves a request as As made it, as where a handler is tested alone.
func none(next http.Handler) http.Handler { return next }

// ways are how a request of As comes to a handler.
func ways[P any]() map[string]guard.Middleware {
	return map[string]guard.Middleware{
		"alone":    none,
		"require":  guard.Require(guardtest.Authenticator[P]()),
		"optional": guard.Optional(guardtest.Authenticator[P]()),
		"wrap":     guardtest.Authenticator[P]().Wrap,
	}
}

func TestAsWithCredential(t *testing.T) {
	s := guardtest.Session("1", profile{"Alice"})
	for name, way := range ways[user]() {
		t.Run(name, func(t *testing.T) {
			h := guard.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, u user) {
				if u != alice {
					t.Errorf("HandlerFunc has %v", u)
				}
				if p, ok := guard.PrincipalFrom[user](r.Context()); !ok || p != alice {
					t.Errorf("PrincipalFrom: %v, %t", p, ok)
				}
				if c, ok := guard.CredentialFrom[*session.Session[profile]](r.Context()); !ok || c != s {
					t.Errorf("CredentialFrom: %v, %t", c, ok)
				}
				if c, ok := guard.CredentialFrom[guard.Subject](r.Context()); !ok || c.Sub() != "1" {
					t.Errorf("by an interface: %v, %t", c, ok)
				}
				if c, ok := guard.CredentialFrom[user](r.Context()); ok {
					t.Errorf("the principal is a credential: %v", c)
				}
			})
			w, reached := harness.Serve(t, way, h, guardtest.As(harness.Request("/"), alice, s))
			if w.Code != 200 || !reached {
				t.Errorf("status %d, reached %t", w.Code, reached)
			}
		})
	}
}

// TestAsItsOwnCredential: without a credential, the principal is the credential, as
// behind an authenticator that is not mapped.
func TestAsItsOwnCredential(t *testing.T) {
	for name, way := range ways[scoped]() {
		t.Run(name, func(t *testing.T) {
			_, reached := harness.Serve(t, way, func(_ http.ResponseWriter, r *http.Request) {
				if c, ok := guard.CredentialFrom[scoped](r.Context()); !ok || c.scopes[0] != "a" {
					t.Errorf("CredentialFrom: %v, %t", c, ok)
				}
				limits := 0
				for _, scopes := range guard.ScopeLimits(r.Context()) {
					if limits++; !slices.Equal(scopes, []string{"a"}) {
						t.Errorf("ScopeLimits: %q", scopes)
					}
				}
				if limits == 0 {
					t.Error("ScopeLimits: none")
				}
			}, guardtest.As(harness.Request("/"), scoped{[]string{"a"}}, nil))
			if !reached {
				t.Error("not reached")
			}
		})
	}
}

func TestAsThroughGuards(t *testing.T) {
	policy := guard.Must(rbac.New(rbac.Spec[perm]{
		Permissions: []perm{postsRead, postsWrite},
		Roles:       map[string]rbac.Role[perm]{"admin": {Grants: []perm{"posts:*"}}, "user": {Grants: []perm{postsRead}}},
	}, func(u user) string { return u.role }, nil))
	posts := guard.Must(owner.New(func(*http.Request, user) (string, bool, error) { return "2", true, nil }, nil))
	readOnly := &apikey.Record{Subject: "1", Scopes: []string{"posts:read"}}
	limit := func(id string) guard.Middleware { // whose quota the user with this id has used up
		l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 10, Window: time.Hour}, ratelimit.ByPrincipal(func(u user) string { return u.id }), nil))
		for range 10 {
			harness.Serve(t, l.Wrap, nil, guardtest.As(harness.Request("/"), user{id: id}, nil))
		}
		return l.Wrap
	}
	now := time.Now()
	tests := []struct {
		name       string
		guard      guard.Middleware
		principal  user
		credential any
		want       int
	}{
		{"limit", limit("x"), bob, nil, 200},
		{"limit, exceeded", limit("2"), bob, nil, 429},
		{"role", policy.RequireRole("admin"), alice, nil, 200},
		{"another role", policy.RequireRole("admin"), bob, nil, 403},
		{"permission", policy.RequireAll(postsWrite), alice, nil, 200},
		{"permission, unlimited key", policy.RequireAll(postsWrite), alice, &apikey.Record{Subject: "1"}, 200},
		{"permission, limited key", policy.RequireAll(postsWrite), alice, readOnly, 403},
		{"permission within the limit", policy.RequireAll(postsRead), alice, readOnly, 200},
		{"owner", posts.Require(func(u user, author string) bool { return owner.Same(u.id, author) }), bob, nil, 200},
		{"another owner", posts.Require(func(u user, author string) bool { return owner.Same(u.id, author) }), alice, nil, 403},
		{"recent", stepup.Require(stepup.Within(time.Minute)), alice, guardtest.Session("1", profile{}), 200},
		{"not recent", stepup.Require(stepup.Within(time.Minute)), alice, guardtest.SessionSince("1", profile{}, now.Add(-time.Hour)), 401},
	}
	for _, tt := range tests {
		for name, way := range ways[user]() {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				w, reached := harness.Serve(t, guard.Chain(way, tt.guard), nil, guardtest.As(harness.Request("/"), tt.principal, tt.credential))
				if w.Code != tt.want || reached != (tt.want == 200) {
					t.Errorf("status %d, reached %t; want %d", w.Code, reached, tt.want)
				}
			})
		}
	}
}

// TestAsInnermost: the innermost As hides another of the same principal type.
func TestAsInnermost(t *testing.T) {
	r := guardtest.As(harness.Request("/"), alice, guardtest.Session("1", profile{}))
	r = guardtest.As(r, bob, nil)
	if u, ok := guard.PrincipalFrom[user](r.Context()); !ok || u != bob {
		t.Errorf("principal %v, %t", u, ok)
	}
	if s, ok := guard.CredentialFrom[*session.Session[profile]](r.Context()); ok {
		t.Errorf("Bob has %v", s)
	}
}

// TestBySubject: an application may map the session that a test is signed in by.
func TestBySubject(t *testing.T) {
	var rec guardtest.Recorder
	users := guard.BySubject(guardtest.Authenticator[*session.Session[profile]](), func(_ context.Context, id string) (user, bool, error) {
		return alice, id == "1", nil
	})
	for subject, want := range map[string]int{"1": 200, "9": 401} {
		s := guardtest.Session(subject, profile{})
		w, reached := harness.Serve(t, guard.Chain(rec.Observe, users.Wrap), func(_ http.ResponseWriter, r *http.Request) {
			if u, ok := guard.PrincipalFrom[user](r.Context()); !ok || u != alice {
				t.Errorf("principal %v, %t", u, ok)
			}
			if c, ok := guard.CredentialFrom[*session.Session[profile]](r.Context()); !ok || c != s {
				t.Errorf("credential %v, %t", c, ok)
			}
		}, guardtest.As(harness.Request("/"), s, nil))
		if w.Code != want || reached != (want == 200) {
			t.Errorf("subject %s: status %d, reached %t; want %d\n%v", subject, w.Code, reached, want, &rec)
		}
	}
	if d := rec.Decisions()[0]; d.Package != "guardtest" {
		t.Errorf("package %q", d.Package)
	}
}

// TestNestedSteps: an inner step finds the credential behind an outer one, too.
func TestNestedSteps(t *testing.T) {
	users, s := guardtest.Authenticator[user](), guardtest.Session("1", profile{})
	_, reached := harness.Serve(t, guard.Chain(guard.Optional(users), guard.Require(users)), func(_ http.ResponseWriter, r *http.Request) {
		if c, ok := guard.CredentialFrom[*session.Session[profile]](r.Context()); !ok || c != s {
			t.Errorf("credential %v, %t", c, ok)
		}
	}, guardtest.As(harness.Request("/"), alice, s))
	if !reached {
		t.Error("not reached")
	}
}

func TestAuthenticator(t *testing.T) {
	token := guardtest.Token("1", profile{})
	request := harness.Request("/")
	tests := []struct {
		name string
		mw   guard.Middleware
		r    *http.Request
		want int
	}{
		{"a request of As", guard.Require(guardtest.Authenticator[user]()), guardtest.As(request, alice, nil), 200},
		{"anonymous", guard.Require(guardtest.Authenticator[user]()), request, 401},
		{"anonymous, optional", guard.Optional(guardtest.Authenticator[user]()), request, 200},
		{"another type", guard.Require(guardtest.Authenticator[user]()), guardtest.As(request, token, nil), 401},
		{"a pointer to it", guard.Require(guardtest.Authenticator[user]()), guardtest.As(request, &alice, nil), 500},
		{"what it points to", guard.Require(guardtest.Authenticator[*user]()), guardtest.As(request, alice, nil), 500},
		{"two steps", guard.Chain(guardtest.Authenticator[user]().Wrap, guardtest.Authenticator[*jwtauth.Token[profile]]().Wrap),
			guardtest.As(guardtest.As(request, alice, nil), token, nil), 200},
		{"hidden by a real step", guard.Require(guard.Must(session.New[profile](nil))),
			guardtest.As(request, guardtest.Session("1", profile{}), nil), 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var rec guardtest.Recorder
			w, reached := harness.Serve(t, guard.Chain(rec.Observe, tt.mw), nil, tt.r)
			if w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("status %d, reached %t; want %d\n%v", w.Code, reached, tt.want, &rec)
			}
			if challenge := w.Header().Get("WWW-Authenticate"); (challenge != "") != (tt.want == 401) {
				t.Errorf("challenge %q", challenge)
			}
			if tt.want == 500 && !strings.Contains(rec.String(), "guardtest: the request is As a ") {
				t.Errorf("the reason is missing: %v", &rec)
			}
		})
	}
}

func TestAsPanics(t *testing.T) {
	r := harness.Request("/")
	for name, f := range map[string]func(){
		"a nil principal":         func() { guardtest.As[*user](r, nil, nil) },
		"a nil interface":         func() { guardtest.As[any](r, nil, nil) },
		"a typed nil credential":  func() { guardtest.As(r, alice, (*session.Session[profile])(nil)) },
		"no subject":              func() { guardtest.Session("", profile{}) },
		"a long subject":          func() { guardtest.Session(strings.Repeat("x", 256), profile{}) },
		"data that is not JSON":   func() { guardtest.Session("1", make(chan int)) },
		"a token without subject": func() { guardtest.Token("", profile{}) },
		"claims that are no JSON": func() { guardtest.Token("1", make(chan int)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "guardtest: ") {
					t.Errorf("panic %q", s)
				}
			}()
			f()
		})
	}
}
