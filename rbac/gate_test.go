package rbac_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/rbac"
)

func TestGates(t *testing.T) {
	p := newPolicy(t, nil)
	m := p.WithMessage("Admin access required")
	tests := []struct {
		name  string
		gate  guard.Middleware
		roles string
		want  string // the message of a 403; "" is 200
	}{
		{"role", p.RequireRole("admin"), "admin", ""},
		{"role, another", p.RequireRole("admin"), "moderator", "Role 'admin' required"},
		{"role, one of", p.RequireRole("moderator", "admin"), "admin", ""},
		{"role, none of", p.RequireRole("moderator", "admin"), "user", "Role 'moderator' or 'admin' required"},
		{"role, inherited", p.RequireRole("user"), "moderator", ""},
		{"role, not upwards", p.RequireRole("moderator"), "user", "Role 'moderator' required"},
		{"role, in another case", p.RequireRole("admin"), "Admin", "Role 'admin' required"},
		{"role, unknown", p.RequireRole("admin"), "root", "Role 'admin' required"},
		{"role, none", p.RequireRole("admin"), "", "Role 'admin' required"},
		{"role, message", m.RequireRole("admin"), "user", "Admin access required"},
		{"permission", p.RequireAll(usersRead), "moderator", ""},
		{"permission, missing", p.RequireAll(usersRead), "user", "Permission 'users:read' required"},
		{"permission, wildcard", p.RequireAll(postsWrite), "user", ""},
		{"permission, inherited", p.RequireAll(postsWrite), "moderator", ""},
		{"permission, all", p.RequireAll(usersDelete), "admin", ""},
		{"permission, unknown role", p.RequireAll(postsRead), "root", "Permission 'posts:read' required"},
		{"permission, of the second role", p.RequireAll(postsRead, usersRead), "guest moderator", ""},
		{"permission, of two roles", p.RequireAll(postsRead, usersRead), "user moderator guest admin unknown", ""},
		{"permission, one of two", p.RequireAll(postsRead, usersRead), "user", "Permissions 'posts:read' and 'users:read' required"},
		{"permission, any", p.RequireAny(usersRead, postsRead), "user", ""},
		{"permission, none of any", p.RequireAny(usersRead, postsRead), "guest", "Permission 'users:read' or 'posts:read' required"},
		{"permission, message", m.RequireAll(usersRead), "user", "Admin access required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, inner, decisions := serve(t, tt.gate, as(strings.Fields(tt.roles)...))
			status, want := 200, ""
			if tt.want != "" {
				status, want = 403, body(403, tt.want)
			}
			if w.Code != status || w.Body.String() != want || (inner != nil) != (status == 200) {
				t.Errorf("status %d, body %s, reached %t; want %d %s", w.Code, w.Body, inner != nil, status, want)
			}
			if status == 403 && (w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("header %v", w.Header())
			}
			if len(decisions) != 1 || decisions[0].Package != "rbac" || decisions[0].Guard == "" || decisions[0].Generation != 1 {
				t.Errorf("decisions %+v", decisions)
			}
			code, _, _ := strings.Cut(tt.name, ",")
			if status == 403 && codeOf(decisions[0].Err) != code+"_required" {
				t.Errorf("code %q, want %s_required", codeOf(decisions[0].Err), code)
			}
			if status == 403 && !strings.Contains(decisions[0].Reason, "not granted") {
				t.Errorf("reason %q", decisions[0].Reason)
			}
		})
	}
}

// The reason of a refusal names the roles that were not enough, for operators.
func TestReason(t *testing.T) {
	p := newPolicy(t, nil)
	for roles, want := range map[string]string{
		"": "rbac: not granted: no roles", "user admn": `rbac: not granted: "user", "admn" (unknown)`,
	} {
		_, _, decisions := serve(t, p.RequireAll(usersRead), as(strings.Fields(roles)...))
		if decisions[0].Reason != want {
			t.Errorf("reason %q, want %q", decisions[0].Reason, want)
		}
	}
}

func TestGateAndAuthentication(t *testing.T) {
	type other struct{}
	p := newPolicy(t, nil)
	admin, anonymous := authenticateAs("admin"), guard.Optional(fixed[user]{})
	for _, gate := range []guard.Middleware{p.RequireRole("admin"), p.RequireAll(usersRead), p.RequireAny(usersRead)} {
		for name, tt := range map[string]struct {
			m    guard.Middleware
			want int
		}{
			"no step":                    {gate, 500},
			"an anonymous step":          {guard.Chain(anonymous, gate), 401},
			"a step for another type":    {guard.Chain(guard.Require(fixed[other]{authenticated: true}), gate), 500},
			"a step for a pointer to it": {guard.Chain(guard.Require(fixed[*user]{p: &user{}, authenticated: true}), gate), 500},
			"a step inside the gate":     {guard.Chain(gate, admin), 500},
			"a step outside the gate":    {guard.Chain(admin, gate), 200},
			"hidden by an inner step":    {guard.Chain(admin, anonymous, gate), 401},
			"a gate between two steps":   {guard.Chain(admin, gate, anonymous, gate), 401},
		} {
			w, inner, decisions := serve(t, tt.m, request())
			if w.Code != tt.want || (inner != nil) != (tt.want == 200) {
				t.Errorf("%s: status %d, reached %t; want %d", name, w.Code, inner != nil, tt.want)
			}
			if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s: challenge %q", name, w.Header().Get("WWW-Authenticate"))
			}
			wantRefusals := 1
			if tt.want == 200 {
				wantRefusals = 0
			}
			if n := refusals(decisions); n != wantRefusals {
				t.Errorf("%s: %d refusals by rbac, want %d: %+v", name, n, wantRefusals, decisions)
			}
		}
	}
}

// A gate without an authentication step in front lets no request through, and the
// first one is logged. It answered 401 to every client, and logged nothing.
func TestWrongOrderIsLogged(t *testing.T) {
	p := newPolicy(t, nil)
	scoped := newPolicy(t, &rbac.Options{ScopeLimit: func(context.Context) ([]string, bool) { return allScopes, true }})
	admin := authenticateAs("admin")
	for name, tt := range map[string]struct {
		m     guard.Middleware
		guard string
	}{
		"a role outside":                  {guard.Chain(p.RequireRole("admin"), admin), "role admin"},
		"a permission outside":            {guard.Chain(p.RequireAll(usersRead), admin), "permission users:read"},
		"one of some permissions outside": {guard.Chain(p.RequireAny(usersRead, postsRead), admin), "permission users:read or posts:read"},
		"scopes outside":                  {guard.Chain(scoped.RequireAll(usersRead), admin), "permission users:read"},
		"no authentication":               {p.RequireRole("admin"), "role admin"},
	} {
		t.Run(name, func(t *testing.T) {
			log := harness.CaptureLog(t)
			w, reached := harness.Serve(t, tt.m, nil, request())
			if w.Code != 500 || reached || w.Body.String() != body(500, "The request could not be processed") {
				t.Errorf("status %d, body %s, reached %t; want 500", w.Code, w.Body, reached)
			}
			lines := log.Lines()
			if len(lines) != 1 {
				t.Fatalf("logged %q, want one line", lines)
			}
			for _, want := range []string{"level=ERROR", "package=rbac", tt.guard, "rbac_test.user", "no authentication step is in front of it"} {
				if !strings.Contains(lines[0], want) {
					t.Errorf("the line does not mention %q: %s", want, lines[0])
				}
			}
		})
	}
}

// refusals counts the decisions of rbac that were not to allow.
func refusals(decisions []guard.Decision) (n int) {
	for _, d := range decisions {
		if d.Package == "rbac" && d.Outcome != guard.Allowed {
			n++
		}
	}
	return n
}

func TestWiringPanics(t *testing.T) {
	p := newPolicy(t, nil)
	decided, err := rbac.NewDecided(permissions, func(context.Context, user, perm) (bool, error) { return true, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"role":             func() { p.RequireRole("amdin") },
		"other role":       func() { p.RequireRole("admin", "") },
		"permission":       func() { p.RequireAll("users:raed") },
		"wildcard":         func() { p.RequireAll("users:*") },
		"other permission": func() { p.RequireAny(usersRead, "") },
		"Has":              func() { p.Has("x") },
		"nil handler":      func() { p.RequireAll(usersRead)(nil) },
		"decided role":     func() { decided.RequireRole("admin") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// A gate decides on the principal of the innermost step, and what it granted to
// an outer one does not count.
func TestInnerPrincipal(t *testing.T) {
	p := newPolicy(t, nil)
	admin, bob := authenticateAs("admin"), authenticateAs("user")
	w, _, _ := serve(t, guard.Chain(admin, p.RequireAll(usersDelete), bob, p.RequireAll(usersDelete)), request())
	if w.Code != 403 {
		t.Errorf("status %d, want 403", w.Code)
	}
	w, inner, _ := serve(t, guard.Chain(admin, p.RequireAll(usersDelete), bob), request())
	if w.Code != 200 || has(p, usersDelete, inner) || p.Check(inner, usersDelete) == nil || p.From(inner).Has(usersDelete) {
		t.Errorf("status %d; Bob has what Alice was granted", w.Code)
	}
}

func TestGateInsideASecondStep(t *testing.T) {
	p := newPolicy(t, nil)
	gate := p.RequireAll(postsWrite)
	for name, tt := range map[string]struct {
		inner guard.Middleware
		want  int
	}{
		"anonymous":       {guard.Optional(fixed[user]{}), 401},
		"a lesser role":   {authenticateAs("guest"), 403},
		"the same role":   {authenticateAs("user"), 200},
		"of another type": {guard.Require(fixed[string]{"x", true}), 200},
	} {
		if w, _, _ := serve(t, guard.Chain(authenticateAs("user"), gate, tt.inner, gate), request()); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", name, w.Code, tt.want)
		}
	}
}

// Gates may run concurrently in one request.
func TestConcurrentGates(t *testing.T) {
	p, q := newPolicy(t, nil), newPolicy(t, nil)
	for name, step := range map[string]guard.Middleware{"one role": authenticateAs("user"), "two": authenticateAs("user", "guest")} {
		fan := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var parts sync.WaitGroup
			for i := range 16 {
				policy, permission, want := p, postsRead, 200
				if i%2 == 1 {
					policy = q
				}
				if i%4 > 1 {
					permission, want = usersDelete, 403
				}
				parts.Go(func() {
					w, _ := harness.Serve(t, policy.RequireAll(permission), func(_ http.ResponseWriter, r *http.Request) {
						if !has(policy, postsRead, r.Context()) {
							t.Errorf("%s: the gate's principal is not that of its handler", name)
						}
					}, r)
					if w.Code != want {
						t.Errorf("%s: status %d, want %d", name, w.Code, want)
					}
				})
			}
			parts.Wait()
		})
		for range 50 {
			step(fan).ServeHTTP(httptest.NewRecorder(), request())
		}
	}
}

// Contexts are logged with any verb; principals and their roles must not be.
func TestPrintedContextHoldsNoPrincipal(t *testing.T) {
	type person struct{ Secret string }
	p := guard.Must(rbac.New(rbac.Roles("admin"), func(person) string { return "admin" }, nil))
	r := request()
	_, inner, _ := serve(t, p.RequireRole("admin"), r.WithContext(guard.WithPrincipal(r.Context(), person{"hush"})))
	if inner == nil {
		t.Fatal("the handler was not reached")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, inner); strings.Contains(s, "hush") {
			t.Errorf("%s prints the principal: %s", verb, s)
		}
	}
	_, inner, _ = serve(t, newPolicy(t, nil).RequireAll(postsRead), as("moderator"))
	if s := fmt.Sprint(inner); strings.Contains(s, "moderator") {
		t.Errorf("the context prints a role: %s", s)
	}
}

// A gate costs no allocation, wherever it is.
func TestGateAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	allow := func(context.Context) ([]string, bool) { return allScopes, true }
	several := newPolicy(t, &rbac.Options{ScopeLimit: allow})
	single := guard.Must(rbac.New(spec(), func(u user) string { return u.roles[0] }, &rbac.Options{ScopeLimit: allow}))
	decided := guard.Must(rbac.NewDecided(permissions, func(context.Context, user, perm) (bool, error) { return true, nil }, nil))
	three := func(p *rbac.Policy[user, perm]) guard.Middleware {
		return guard.Chain(p.RequireAll(usersRead), p.RequireRole("user"), p.RequireAny(usersDelete, postsWrite))
	}
	roles := []string{"moderator", "user", "guest"}
	byHand, step := as(roles...), authenticateAs(roles...)
	var later *http.Request
	harness.Serve(t, several.RequireAll(usersRead), func(_ http.ResponseWriter, r *http.Request) { later = r }, as(roles...))
	none := guard.Chain()
	for name, tt := range map[string]struct {
		step  guard.Middleware // whose own allocations do not count
		gates guard.Middleware
		r     *http.Request
	}{
		"one role":                              {step, single.RequireAll(usersRead), request()},
		"one role, three gates":                 {step, three(single), request()},
		"one role, without a step":              {none, single.RequireAll(usersRead), byHand},
		"one role, three gates without a step":  {none, three(single), byHand},
		"several roles":                         {step, several.RequireAll(usersRead), request()},
		"several roles, three gates":            {step, three(several), request()},
		"several roles, without a step":         {none, several.RequireAll(usersRead), byHand},
		"several roles, inside an earlier gate": {none, several.RequireAll(usersRead), later},
		"several roles, three without a step":   {none, three(several), byHand},
		"a decider, two gates":                  {step, guard.Chain(decided.RequireAll(usersRead, postsRead), decided.RequireAny(postsWrite)), request()},
		"a decider, without a step":             {none, decided.RequireAll(usersRead), byHand},
	} {
		nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		w := harness.NewDiscard()
		before := w.Allocs(tt.step(nop), tt.r)
		if got := w.Allocs(guard.Chain(tt.step, tt.gates)(nop), tt.r) - before; got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}
