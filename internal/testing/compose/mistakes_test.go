package compose_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	opaque "github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
	"github.com/go-guard/guard/webhook"
)

// keysOf authenticates every request with a key by lookup.
func keysOf[P any](lookup func() (P, bool, error)) guard.Middleware {
	return guard.Must(apikey.New(func(context.Context, string) (P, bool, error) { return lookup() }, nil)).Wrap
}

// TestMistakesAreLogged: a program that is wired wrongly lets no request through
// and prints one line on standard error, by slog.Default() at Error, that names the
// mistake.
func TestMistakesAreLogged(t *testing.T) {
	bob := members["bob"]
	step := keysOf(func() (member, bool, error) { return bob, true, nil })
	pointers := keysOf(func() (*member, bool, error) { return &bob, true, nil })
	h := newApp(t)
	perTenant := guard.Must(rbac.NewPerTenant(rbac.Roles("user"), func(context.Context, member, string) (rbac.Membership, bool, error) {
		return rbac.Membership{Roles: []string{"user"}, Tenant: "acme"}, true, nil
	}, nil))
	inAcme := perTenant.In(func(*http.Request) string { return "acme" })
	noScopes := func(*http.Request) ([]string, error) { return nil, nil }
	bound := guard.Must(session.New[struct{}](&session.Options{ExperimentalDevice: session.DeviceOptions{Path: "/device"}}))
	noStep := "no authentication step is in front of it"
	handlerOf := func(f http.HandlerFunc) guard.Middleware { return func(http.Handler) http.Handler { return f } }
	documents := func(load func() (*document, bool, error)) guard.Middleware {
		return guard.Must(owner.New(func(*http.Request, member) (*document, bool, error) { return load() }, nil)).Load
	}

	tests := []struct {
		name  string
		chain guard.Middleware
		want  []string // what the line has
	}{
		{"a handler of another type", guard.Chain(step, handlerOf(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *member) {}))),
			[]string{"package=guard", "*compose_test.member", "as compose_test.member"}},
		{"a handler of deliveries behind keys", guard.Chain(step, handlerOf(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *webhook.Delivery) {}))),
			[]string{"package=guard", "*webhook.Delivery", "as compose_test.member"}},
		{"hooks that were never made", guard.Require(&webhook.Hooks{}), []string{"package=webhook", "a zero Hooks was used"}},
		{"a handler without a step", handlerOf(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, member) {})),
			[]string{"package=guard", "compose_test.member", noStep}},
		{"a role outside", guard.Chain(h.policy.RequireRole("user"), step), []string{"package=rbac", "role user", noStep}},
		{"a permission outside", guard.Chain(h.policy.RequireAll("documents:write"), step), []string{"package=rbac", "permission documents:write", noStep}},
		{"an owner outside", guard.Chain(h.own(), step), []string{"package=owner", noStep}},
		{"a limit by principal outside", guard.Chain(h.byMember.Wrap, step), []string{"package=ratelimit", noStep}},
		{"scopes outside", guard.Chain(opaque.Scopes("read"), step), []string{"package=bearer", "scope", noStep}},
		{"scopes by request outside", guard.Chain(opaque.ScopesBy(noScopes, nil), step), []string{"package=bearer", "scopes by request", noStep}},
		{"scopes by request behind a key without any", guard.Chain(step, opaque.ScopesBy(noScopes, nil)), []string{"package=bearer", "scopes by request", "as compose_test.member"}},
		{"a bound session outside", guard.Chain(bound.RequireDevice(), step), []string{"package=session", noStep}},
		{"a recent sign-in outside", guard.Chain(stepup.Require(stepup.Within(time.Minute)), step), []string{"package=stepup", noStep}},
		{"scopes behind a key without any", guard.Chain(step, opaque.Scopes("read")), []string{"package=bearer", "scope", "as compose_test.member"}},
		{"a recent sign-in behind a key", guard.Chain(step, stepup.Require(stepup.Within(time.Minute))),
			[]string{"package=stepup", "as compose_test.member"}},
		{"a recent sign-in behind a principal that was set by hand", guard.Chain(setByHand, stepup.Require(stepup.Within(time.Minute))),
			[]string{"package=stepup", "as compose_test.member"}},
		{"a policy of another type", guard.Chain(pointers, h.policy.RequireRole("user")), []string{"package=rbac", "type compose_test.member", "as *compose_test.member"}},
		{"a policy per tenant without In", guard.Chain(step, perTenant.RequireRole("user")), []string{"package=rbac", "role user", "neither In nor Enter is in front"}},
		{"a policy per tenant whose In is outside of the step", guard.Chain(inAcme, step), []string{"package=rbac", "guard=member", noStep}},
		{"a tenant whose roles are not loaded", guard.Chain(step, inAcme), []string{"package=rbac", "guard=member", "acme", "no SwapIn"}},
		{"a lookup that fails", keysOf(func() (member, bool, error) { return member{}, false, errors.New("sql: no rows in result set") }),
			[]string{"package=apikey", "sql: no rows in result set"}},
		{"a lookup that abstains", keysOf(func() (member, bool, error) { return member{}, false, guard.ErrNoCredentials }),
			[]string{"package=apikey", "a lookup cannot abstain"}},
		{"a lookup that finds nil", keysOf(func() (*member, bool, error) { return nil, true, nil }),
			[]string{"package=apikey", "a lookup found a nil *compose_test.member"}},
		{"a loader that fails", guard.Chain(step, documents(func() (*document, bool, error) { return nil, false, errors.New("sql: no rows") })),
			[]string{"package=owner", "sql: no rows"}},
		{"a loader that finds nil", guard.Chain(step, documents(func() (*document, bool, error) { return nil, true, nil })),
			[]string{"package=owner", "nil *compose_test.document"}},
		{"a limit by an empty ID", guard.Chain(step, guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Second},
			ratelimit.ByPrincipal(func(member) string { return "" }), nil)).Wrap), []string{"package=ratelimit", "empty"}},
		{"a handler that returns an error", guard.Chain(step, handlerOf(guard.Handler(func(http.ResponseWriter, *http.Request, member) error {
			return fmt.Errorf("template: %q is undefined", "profile")
		}).ServeHTTP)), []string{"package=handler", "template:"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stderr := logged(t)
			mux := http.NewServeMux()
			reached := false
			mux.Handle("GET /documents/{id}", tt.chain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })))
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, harness.Request("/documents/1", "X-API-Key", "s3cret"))
			if w.Code < 500 {
				t.Errorf("status %d, want 5xx", w.Code)
			}
			if reached {
				t.Error("the handler was reached")
			}
			line := stderr.String()
			if n := strings.Count(line, "\n"); n != 1 {
				t.Errorf("%d lines, want 1: %s", n, line)
			}
			for _, want := range append(tt.want, "ERROR guard", "status=5", "method=GET", `pattern="GET /documents/{id}"`) {
				if !strings.Contains(line, want) {
					t.Errorf("the line lacks %s: %s", want, line)
				}
			}
			if strings.Contains(line, "s3cret") {
				t.Errorf("the line has the key: %s", line)
			}
			if body := w.Body.String(); strings.Contains(body, "compose_test") || strings.Contains(body, "sql") || strings.Contains(body, "template") {
				t.Errorf("the client reads the cause: %s", body)
			}
		})
	}
}

// setByHand is an application's middleware that sets the principal.
func setByHand(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), members["bob"])))
	})
}

// TestRecentWithoutASession: a valid key is no recent sign-in. It was 500 with a line
// in the log that any holder of a key could cause.
func TestRecentWithoutASession(t *testing.T) {
	ring := guard.Must(apikey.NewRing(nil))
	sessions := guard.Must(session.New[struct{}](nil))
	key, _, err := ring.Issue(t.Context(), apikey.Grant{Subject: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if _, err := sessions.Create(w, harness.Request("/"), "bob", struct{}{}); err != nil {
		t.Fatal(err)
	}
	withKey := []string{"X-API-Key", key.Reveal()}
	withSession := []string{"Cookie", strings.SplitN(w.Header().Get("Set-Cookie"), ";", 2)[0]}
	byKey, bySession := guard.BySubject(ring, memberByID), guard.BySubject(sessions, memberByID)
	const recent = ` error="insufficient_user_authentication", max_age="60"`
	const stale = `{"error":"Unauthorized","message":"Recent authentication required"}`
	for _, tt := range []struct {
		name       string
		step       guard.Middleware
		header     []string
		status     int
		body       string
		challenges []string
	}{
		{"keys and sessions, a session", guard.Require(byKey, bySession), withSession, 200, "", nil},
		{"keys and sessions, a key", guard.Require(byKey, bySession), withKey, 401, stale, []string{"ApiKey" + recent, "Session" + recent}},
		{"a key inside of optional sessions", guard.Chain(guard.Optional(sessions), guard.Require(byKey)), withKey, 401, stale, []string{"ApiKey" + recent}},
		{"a principal set by hand inside of sessions", guard.Chain(guard.Optional(sessions), setByHand), nil, 401, stale, []string{"Bearer" + recent}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stderr := logged(t)
			w, reached := harness.Serve(t, guard.Chain(tt.step, stepup.Require(stepup.Within(time.Minute))), nil, harness.Request("/", tt.header...))
			if w.Code != tt.status || reached != (tt.status == 200) || w.Body.String() != tt.body {
				t.Errorf("%d %s, reached %t; want %d %s", w.Code, w.Body, reached, tt.status, tt.body)
			}
			if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, tt.challenges) {
				t.Errorf("challenges %q, want %q", got, tt.challenges)
			}
			if stderr.Len() > 0 {
				t.Errorf("logged: %s", stderr)
			}
		})
	}
}

// logged returns what slog.Default() writes to standard error until the test ends.
func logged(t *testing.T) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	before := log.Writer()
	t.Cleanup(func() { log.SetOutput(before) })
	log.SetOutput(&b)
	return &b
}

// TestMistakesPanicAtWiring: what could never work stops the program before it
// serves, with a text that names the package and the mistake.
func TestMistakesPanicAtWiring(t *testing.T) {
	step := keysOf(func() (member, bool, error) { return member{}, false, nil })
	keys := guard.Must(apikey.New(func(context.Context, string) (member, bool, error) { return member{}, false, nil }, nil))
	policy := guard.Must(rbac.New(rbac.Roles("user"), func(m member) []string { return m.roles }, nil))
	var nilKeys *apikey.Keys[member]
	for _, tt := range []struct {
		name, want string
		wire       func()
	}{
		{"Require of nothing", "guard: authentication by no authenticator", func() { guard.Require[member]() }},
		{"Optional of nothing", "guard: authentication by no authenticator", func() { guard.Optional[member]() }},
		{"Lenient of nothing", "guard: authentication by no authenticator", func() { guard.Lenient[member]() }},
		{"a nil authenticator", "guard: authenticator 2 is nil", func() { guard.Require[member](keys, nil) }},
		{"a typed nil authenticator", "guard: authenticator 1 is nil", func() { guard.Require[member](nilKeys) }},
		{"Map of nil", "guard: Map of a nil authenticator", func() {
			guard.Map[member](nil, func(context.Context, member) (int, bool, error) { return 0, false, nil })
		}},
		{"Map with nil", "guard: Map with a nil function", func() { guard.Map[member, int](keys, nil) }},
		{"BySubject with nil", "guard: BySubject with a nil function", func() { guard.BySubject[*apikey.Record, int](guard.Must(apikey.NewRing(nil)), nil) }},
		{"a nil middleware", "guard: middleware 2 of a Chain is nil", func() { guard.Chain(step, nil) }},
		{"no handler", "guard: the handler to wrap is nil", func() { step(nil) }},
		{"no handler of a gate", "rbac: the handler to wrap is nil", func() { policy.RequireRole("user")(nil) }},
		{"In without tenants", "rbac: In: ", func() { policy.In(func(*http.Request) string { return "" }) }},
		{"HandlerFunc of nil", "guard: HandlerFunc of nil", func() { guard.HandlerFunc[member](nil) }},
		{"Handler of nil", "guard: Handler of nil", func() { guard.Handler[member](nil) }},
		{"HTML with a relative login", `format: HTML("login")`, func() { format.HTML("login", nil) }},
		{"HTML with a login elsewhere", `format: HTML("//evil.example")`, func() { format.HTML("//evil.example", nil) }},
		{"OnError of nil", "guard: OnError of nil", func() { guard.OnError(nil) }},
		{"LogTo of nil", "guard: LogTo of nil", func() { guard.LogTo(nil, nil) }},
		{"an unknown role", `"admin"`, func() { policy.RequireRole("admin") }},
		{"an undeclared permission", `"documents:raed"`, func() { policy.RequireAll("documents:raed") }},
		{"a malformed scope", `"read write"`, func() { opaque.Scopes("read write") }},
		{"no trusted proxy", "clientip: XFF without a trusted proxy", func() { clientip.XFF() }},
		{"no lookup", "apikey: ", func() { guard.Must(apikey.New[member](nil, nil)) }},
		{"a short secret", "jwtauth: ", func() { guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte("short")), nil)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, tt.want) {
					t.Errorf("panic %q, want %q", text, tt.want)
				}
			}()
			tt.wire()
		})
	}
}
