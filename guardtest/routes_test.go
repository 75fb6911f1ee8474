package guardtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
)

// fakeT is a test that records its failures.
type fakeT struct {
	testing.TB
	failures []string
}

func (*fakeT) Helper() {}

func (f *fakeT) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

// routes has a mistake on each route whose name says so.
func routes(users guard.Authenticator[user]) http.Handler {
	authenticated := guard.Require(users)
	roles := guard.Must(rbac.New(rbac.Roles("admin", "user"), func(u user) string { return u.role }, nil))
	limit := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1000, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil))
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux := http.NewServeMux()
	mux.Handle("GET /profile", authenticated(ok))
	mux.Handle("GET /posts", guard.Optional(users)(ok))
	mux.Handle("PUT /admin/posts/{id}", guard.Chain(authenticated, roles.RequireRole("admin"))(ok))
	mux.Handle("GET /forgotten/guard", ok)
	mux.Handle("GET /forgotten/role", authenticated(ok))
	mux.Handle("GET /forgotten/limited", limit.Wrap(ok))
	mux.HandleFunc("GET /forgotten/handler", func(w http.ResponseWriter, r *http.Request) {
		guard.Decision{Package: "session", Action: "sign-in", Outcome: guard.Allowed}.Report(r)
		guard.Refuse(w, r, guard.Unauthorized(""))
	})
	mux.Handle("GET /mistake", authenticated(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *user) {})))
	return mux
}

func TestRoutes(t *testing.T) {
	callers := guardtest.Callers{"anonymous": nil, "bob": guardtest.Caller(bob, nil), "alice": guardtest.Caller(alice, guardtest.Session("1", profile{}))}
	tests := []struct {
		route                 string
		anonymous, bob, alice int
		want                  []string
	}{
		{"GET /profile", 401, 200, 200, nil},
		{"GET /posts", 200, 200, 200, nil},
		{"PUT /admin/posts/1", 401, 403, 200, nil},
		{"GET /profile", 401, 403, 200, []string{
			"GET /profile as bob: status 200, want 403\nguardtest: allowed",
		}},
		{"PUT /admin/posts/1", 401, 200, 403, []string{
			"PUT /admin/posts/1 as alice: status 200, want 403\nguardtest: allowed, subject \"1\"\nrbac, role admin: allowed, subject \"1\"",
			"PUT /admin/posts/1 as bob: status 403, want 200\nguardtest: allowed\nrbac, role admin: refused 403: rbac: not granted: \"user\"",
		}},
		{"GET /forgotten/guard", 200, 200, 200, []string{
			"GET /forgotten/guard has no guard: none decided about the request as alice, anonymous, bob",
		}},
		{"GET /forgotten/guard", 401, 200, 200, []string{
			"GET /forgotten/guard as anonymous: status 200, want 401\nno decisions",
			"GET /forgotten/guard has no guard: none decided about the request as alice, anonymous, bob",
		}},
		{"GET /forgotten/role", 401, 403, 200, []string{
			"GET /forgotten/role as bob: status 200, want 403\nguardtest: allowed",
		}},
		{"GET /forgotten/limited", 200, 200, 200, []string{
			"GET /forgotten/limited has no guard: none decided about the request as alice, anonymous, bob",
		}},
		{"GET /forgotten/handler", 401, 401, 401, []string{
			"GET /forgotten/handler has no guard: none decided about the request as alice, anonymous, bob",
		}},
		{"GET /missing", 404, 404, 404, []string{
			"GET /missing has no guard: none decided about the request as alice, anonymous, bob",
		}},
		{"GET /mistake", 401, 500, 200, []string{
			"GET /mistake as alice: status 500, want 200\nguardtest: allowed, subject \"1\"\n" +
				"guard: failed 500, subject \"1\": guard: wired wrongly: a guard or handler wants a principal of type *guardtest_test.user, " +
				"and the request was authenticated as guardtest_test.user",
		}},
	}
	for _, tt := range tests {
		f := &fakeT{}
		guardtest.Routes(f, routes(guardtest.Authenticator[user]()), guardtest.Matrix{
			Callers: callers,
			Want:    guardtest.Want{tt.route: {"anonymous": tt.anonymous, "bob": tt.bob, "alice": tt.alice}},
		})
		if !slices.Equal(f.failures, tt.want) {
			t.Errorf("%s %d, %d, %d:\n%q\nwant\n%q", tt.route, tt.anonymous, tt.bob, tt.alice, f.failures, tt.want)
		}
	}
}

// TestMatrixMistakes: an incomplete matrix fails, and sends no request for the row.
func TestMatrixMistakes(t *testing.T) {
	callers := guardtest.Callers{"anonymous": nil}
	tests := []struct {
		name string
		m    guardtest.Matrix
		want string
	}{
		{"empty", guardtest.Matrix{}, "a matrix of 0 callers and 0 routes tests nothing"},
		{"no routes", guardtest.Matrix{Callers: callers}, "a matrix of 1 callers and 0 routes tests nothing"},
		{"a missing status", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"GET /": {}}}, `route "GET /" has no status for caller "anonymous"`},
		{"a mistyped caller", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"GET /": {"anonymous": 401, "bbo": 200}}},
			`route "GET /" has a status for caller "bbo", which is not in Callers`},
		{"a pattern", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"GET /{id}": {"anonymous": 401}}}, `route "GET /{id}" is not a method and a target`},
		{"no method", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"/": {"anonymous": 401}}}, `route "/" is not a method and a target`},
		{"a method alone", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"GET": {"anonymous": 401}}}, `route "GET" is not a method and a target`},
		{"a relative target", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"GET x": {"anonymous": 401}}}, `route "GET x" is not a method and a target`},
		{"two spaces", guardtest.Matrix{Callers: callers, Want: guardtest.Want{"GET / HTTP/1.0": {"anonymous": 401}}}, `is not a method and a target`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeT{}
			guardtest.Routes(f, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was sent", r.URL) }), tt.m)
			if len(f.failures) != 1 || !strings.HasPrefix(f.failures[0], "guardtest: ") || !strings.Contains(f.failures[0], tt.want) {
				t.Errorf("failures %q, want one: %s", f.failures, tt.want)
			}
		})
	}
}

// TestRoutesNamesAPanic: a handler that panics fails its own cell only.
func TestRoutesNamesAPanic(t *testing.T) {
	f := &fakeT{}
	h := guardtest.Authenticator[user]().Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, _ := guard.CredentialFrom[*session.Session[profile]](r.Context())
		_ = s.Data()
	}))
	guardtest.Routes(f, h, guardtest.Matrix{
		Callers: guardtest.Callers{
			"anonymous": nil, "bob": guardtest.Caller(bob, nil), "alice": guardtest.Caller(alice, guardtest.Session("1", profile{})),
			"nil": guardtest.Caller[*user](nil, nil),
		},
		Want: guardtest.Want{"GET /": {"anonymous": 401, "bob": 200, "alice": 200, "nil": 200}},
	})
	want := []string{"GET / as bob: panic: session: Data of a nil Session", "GET / as nil: panic: guardtest: As a nil *guardtest_test.user"}
	if !slices.EqualFunc(f.failures, want, strings.HasPrefix) {
		t.Errorf("failures %q, want %q", f.failures, want)
	}
	if len(f.failures) > 0 && !strings.Contains(f.failures[0], "routes_test.go") {
		t.Errorf("the handler is not in the stack: %s", f.failures[0])
	}
}

// TestRoutesByRealCredentials: callers may send what a client would, with a body.
func TestRoutesByRealCredentials(t *testing.T) {
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (user, bool, error) { return alice, key == "key_alice", nil }, nil))
	bodies := map[string]bool{}
	h := keys.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies[string(b)] = true
	}))
	guardtest.Routes(t, h, guardtest.Matrix{
		Callers: guardtest.Callers{"anonymous": nil, "guess": guardtest.Header("X-API-Key", "guess"), "alice": guardtest.Header("X-API-Key", "key_alice")},
		Want:    guardtest.Want{"POST /posts?draft=1": {"anonymous": 401, "guess": 401, "alice": 200}},
		Request: func(method, target string) *http.Request {
			return httptest.NewRequest(method, target, strings.NewReader(method+" "+target))
		},
	})
	if len(bodies) != 1 || !bodies["POST /posts?draft=1"] {
		t.Errorf("bodies %v", bodies)
	}
}
