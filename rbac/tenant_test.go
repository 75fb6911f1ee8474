package rbac_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/rbac"
)

// members is a table of memberships: the roles of a user in a tenant.
type members map[[2]string][]string

var errDown = errors.New("database down at 10.0.0.1")

func (m members) rolesIn(_ context.Context, u user, tenant string) (rbac.Membership, bool, error) {
	switch tenant {
	case "down":
		return rbac.Membership{}, false, errDown
	case "hidden":
		return rbac.Membership{}, false, guard.NotFound("No such organisation")
	case "abstains":
		return rbac.Membership{}, true, guard.ErrNoCredentials
	}
	roles, member := m[[2]string{u.name, tenant}]
	return rbac.Membership{Roles: roles, Tenant: strings.TrimPrefix(tenant, "plain-")}, member, nil
}

var memberships = members{
	{"alice", "plain-a"}: {"admin"}, {"alice", "plain-b"}: {"guest", "unknown"},
	{"bob", "plain-a"}: nil, {"bob", "plain-b"}: {"user"},
}

// perTenant is a policy of memberships without own roles of tenants.
func perTenant(t testing.TB, opts *rbac.Options) *rbac.Policy[user, perm] {
	t.Helper()
	return perTenantOf(t, func(ctx context.Context, u user, tenant string) (rbac.Membership, bool, error) {
		m, member, err := memberships.rolesIn(ctx, u, tenant)
		m.Tenant = ""
		return m, member, err
	}, opts)
}

func perTenantOf(t testing.TB, rolesIn func(context.Context, user, string) (rbac.Membership, bool, error), opts *rbac.Options) *rbac.Policy[user, perm] {
	t.Helper()
	p, err := rbac.NewPerTenant(spec(), rolesIn, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// named is a user without roles of its own.
func named(name string) guard.Middleware { return guard.Require(fixed[user]{user{name: name}, true}) }

func org(r *http.Request) string { return r.Header.Get("Org") }

// inOrg is a request that names a tenant.
func inOrg(tenant string) *http.Request {
	r := request()
	r.Header.Set("Org", tenant)
	return r
}

func TestRolesPerTenant(t *testing.T) {
	p := perTenant(t, nil)
	in := p.In(org)
	const notMember, needed = "Membership required", "Permission 'posts:write' required"
	for _, tt := range []struct {
		user, tenant string
		status       int
		message      string
		reason       string
	}{
		{"alice", "plain-a", 200, "", ""},
		{"alice", "plain-b", 403, needed, `rbac: not granted: "guest", "unknown" (unknown)`},
		{"bob", "plain-a", 403, needed, "rbac: not granted: no roles"},
		{"bob", "plain-b", 200, "", ""},
		{"carol", "plain-a", 403, notMember, `rbac: not a member of tenant "plain-a"`},
		{"alice", "missing", 403, notMember, `rbac: not a member of tenant "missing"`},
		{"alice", "PLAIN-A", 403, notMember, `rbac: not a member of tenant "PLAIN-A"`},
		{"alice", "", 403, notMember, `rbac: not a member of tenant ""`},
		{"alice", "plain-a\x00", 403, notMember, `rbac: not a member of tenant "plain-a\x00"`},
		{"alice", "plain-\xff", 403, notMember, `rbac: not a member of tenant "plain-\xff"`},
		{"alice", strings.Repeat("a", 4000), 403, notMember, `rbac: not a member of tenant "` + strings.Repeat("a", 100) + `"…`},
		{"alice", "down", 500, "The request could not be processed", errDown.Error()},
		{"alice", "hidden", 404, "No such organisation", "No such organisation"},
		{"alice", "abstains", 500, "The request could not be processed", ""},
	} {
		w, inner, decisions := serve(t, guard.Chain(named(tt.user), in, p.RequireAll(postsWrite)), inOrg(tt.tenant))
		want := ""
		if tt.status != 200 {
			want = body(tt.status, tt.message)
		}
		if w.Code != tt.status || w.Body.String() != want || (inner != nil) != (tt.status == 200) {
			t.Errorf("%s in %.20q: status %d, body %s, reached %t; want %d %s", tt.user, tt.tenant, w.Code, w.Body, inner != nil, tt.status, want)
		}
		last := decisions[len(decisions)-1]
		if tt.reason != "" && last.Reason != tt.reason {
			t.Errorf("%s in %.20q: reason %q, want %q", tt.user, tt.tenant, last.Reason, tt.reason)
		}
		if tt.message == notMember && (codeOf(last.Err) != "membership_required" || last.Guard != "member" || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("%s in %.20q: %+v, header %v", tt.user, tt.tenant, last, w.Header())
		}
	}
	w, _, _ := serve(t, guard.Chain(named("carol"), p.WithMessage("Ask your administrator").In(org)), inOrg("plain-a"))
	if w.Code != 403 || w.Body.String() != body(403, "Ask your administrator") {
		t.Errorf("with a message: status %d, body %s", w.Code, w.Body)
	}
}

// A request looks its roles up once, whatever it asks afterwards. An invalid name
// is looked up by no one, and neither is an anonymous request.
func TestMembershipIsReadOnce(t *testing.T) {
	calls := 0
	p := perTenantOf(t, func(context.Context, user, string) (rbac.Membership, bool, error) {
		calls++
		return rbac.Membership{Roles: []string{"user"}}, true, nil
	}, nil)
	chain := guard.Chain(p.In(org), p.RequireAll(postsRead), p.WithMessage("No").RequireRole("user"))
	w, inner, _ := serve(t, guard.Chain(named("u"), chain), inOrg("a"))
	if w.Code != 200 || !has(p, postsRead, inner) || p.Check(inner, postsWrite) != nil || !p.From(inner).HasRole("user") || calls != 1 {
		t.Errorf("status %d, %d lookups, want 1", w.Code, calls)
	}
	for name, tt := range map[string]struct {
		step guard.Middleware
		r    *http.Request
		want int
	}{
		"anonymous":  {guard.Optional(fixed[user]{}), inOrg("a"), 401},
		"no step":    {guard.Chain(), inOrg("a"), 500},
		"no name":    {named("u"), request(), 403},
		"bad name":   {named("u"), inOrg("a\x00b"), 403},
		"space name": {named("u"), inOrg(" a"), 403},
	} {
		harness.CaptureLog(t)
		if w, inner, _ := serve(t, guard.Chain(tt.step, chain), tt.r); w.Code != tt.want || inner != nil || calls != 1 {
			t.Errorf("%s: status %d, want %d, and %d lookups", name, w.Code, tt.want, calls)
		}
	}
}

// Outside of In and Enter, or where another step has authenticated since, a policy
// with tenants fails, and does not say that the client lacks a role.
func TestTenantWiring(t *testing.T) {
	p, q := perTenant(t, nil), perTenant(t, nil)
	in, gate := p.In(org), p.RequireAll(postsWrite)
	for name, tt := range map[string]struct {
		m      guard.Middleware
		want   int
		reason string
	}{
		"a gate without In":             {guard.Chain(named("alice"), gate), 500, "neither In nor Enter"},
		"a role without In":             {guard.Chain(named("alice"), p.RequireRole("admin")), 500, "neither In nor Enter"},
		"In of another policy":          {guard.Chain(named("alice"), q.In(org), gate), 500, "neither In nor Enter"},
		"In inside":                     {guard.Chain(named("alice"), gate, in), 500, "neither In nor Enter"},
		"a step since":                  {guard.Chain(named("alice"), in, named("alice"), gate), 500, "an authentication step is between"},
		"an anonymous step since":       {guard.Chain(named("alice"), in, guard.Optional(fixed[user]{}), gate), 401, ""},
		"a step of another type since":  {guard.Chain(named("alice"), in, guard.Require(fixed[string]{"x", true}), gate), 200, ""},
		"In outside of authentication":  {guard.Chain(in, named("alice"), gate), 500, "no authentication step"},
		"In twice":                      {guard.Chain(named("alice"), p.In(func(*http.Request) string { return "plain-b" }), in, gate), 200, ""},
		"In twice, the other way round": {guard.Chain(named("alice"), in, p.In(func(*http.Request) string { return "plain-b" }), gate), 403, `not granted: "guest"`},
		"two policies":                  {guard.Chain(named("alice"), in, q.In(func(*http.Request) string { return "plain-b" }), gate), 200, ""},
	} {
		log := harness.CaptureLog(t)
		w, inner, decisions := serve(t, tt.m, inOrg("plain-a"))
		if last := decisions[len(decisions)-1]; w.Code != tt.want || (inner != nil) != (tt.want == 200) || !strings.Contains(last.Reason, tt.reason) {
			t.Errorf("%s: status %d, reason %q; want %d, %q", name, w.Code, last.Reason, tt.want, tt.reason)
		}
		log.Lines()
	}
	outside := as("admin").Context()
	if err := p.Check(outside, postsRead); err == nil || codeOf(err) != "" || has(p, postsRead, outside) || p.From(outside).Has(postsRead) {
		t.Errorf("Check outside of Enter = %v, want a failure", err)
	}
}

// Enter is In for a tenant that a handler reads from a body, and for a second one.
func TestEnter(t *testing.T) {
	p := perTenant(t, nil)
	ctx := guard.WithPrincipal(t.Context(), user{name: "alice"})
	a, err := p.Enter(ctx, "plain-a")
	if err != nil || !has(p, postsWrite, a) {
		t.Fatalf("Enter = %v, granted %t", err, has(p, postsWrite, a))
	}
	from := p.From(a)
	b, err := p.Enter(a, "plain-b")
	if err != nil || has(p, postsWrite, b) || !has(p, postsWrite, a) || !from.Has(postsWrite) {
		t.Errorf("the second Enter = %v, granted %t", err, has(p, postsWrite, b))
	}
	for tenant, want := range map[string]int{"missing": 403, "": 403, "hidden": 404} {
		var e *guard.Error
		if ctx, err := p.Enter(a, tenant); ctx != nil || !errors.As(err, &e) || e.Status != want {
			t.Errorf("Enter(%q) = %v, want %d", tenant, err, want)
		}
	}
	if ctx, err := p.Enter(a, "down"); ctx != nil || !errors.Is(err, errDown) {
		t.Errorf("Enter of a failed lookup = %v", err)
	}
	_, anonymous, _ := serve(t, guard.Optional(fixed[user]{}), request())
	var e *guard.Error
	if ctx, err := p.Enter(anonymous, "plain-a"); ctx != nil || !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("Enter of an anonymous context = %v", err)
	}
	if ctx, err := newPolicy(t, nil).Enter(a, "plain-a"); ctx != nil || err == nil || !strings.Contains(err.Error(), "NewPerTenant") {
		t.Errorf("Enter of a policy without tenants = %v", err)
	}
}

// TestOwnerBehindTenants: owner's Bypass decides in the tenant, and its From works
// on both sides of In.
func TestOwnerBehindTenants(t *testing.T) {
	type post struct{ author string }
	posts := guard.Must(owner.New(func(*http.Request, user) (post, bool, error) { return post{"zoe"}, true, nil }, nil))
	p := perTenant(t, nil)
	own := posts.Bypass(p.Has(postsWrite)).Require(func(u user, v post) bool { return owner.Same(u.name, v.author) })
	load := func(next http.Handler) http.Handler { return posts.Load(next) }
	for name, tt := range map[string]struct {
		user string
		m    guard.Middleware
		want int
	}{
		"a member who may":       {"alice", guard.Chain(p.In(org), own), 200},
		"a member who may not":   {"bob", guard.Chain(p.In(org), own), 403},
		"no member":              {"carol", guard.Chain(p.In(org), own), 403},
		"the owner, no member":   {"zoe", guard.Chain(p.In(org), own), 403},
		"the owner, without In":  {"zoe", own, 200},
		"In behind the resource": {"alice", guard.Chain(load, p.In(org), p.RequireAll(postsWrite)), 200},
		"a bypass outside of In": {"alice", own, 500},
		"a bypass before its In": {"alice", guard.Chain(own, p.In(org)), 500},
	} {
		w, inner, _ := serve(t, guard.Chain(named(tt.user), tt.m), inOrg("plain-a"))
		if w.Code != tt.want {
			t.Errorf("%s: status %d, body %s; want %d", name, w.Code, w.Body, tt.want)
		}
		if inner != nil && posts.From(inner).author != "zoe" {
			t.Errorf("%s: From is not the post", name)
		}
	}
}

// The scopes of a credential limit its principal in a tenant, too.
func TestScopesInATenant(t *testing.T) {
	p := perTenant(t, nil)
	limited := guard.Map(fixed[*scoped]{&scoped{[]string{"posts:read"}}, true}, func(context.Context, *scoped) (user, bool, error) {
		return user{name: "alice"}, true, nil
	})
	for q, want := range map[perm]int{postsRead: 200, postsWrite: 403} {
		if w, _, _ := serve(t, guard.Chain(limited.Wrap, p.In(org), p.RequireAll(q)), inOrg("plain-a")); w.Code != want {
			t.Errorf("%s: status %d, want %d", q, w.Code, want)
		}
	}
}

func TestPerTenantErrors(t *testing.T) {
	if _, err := rbac.NewPerTenant[user, perm](rbac.Spec[perm]{}, nil, nil); err == nil ||
		!strings.Contains(err.Error(), "rolesIn is nil") || !strings.Contains(err.Error(), "has no roles") {
		t.Errorf("NewPerTenant = %v, want both mistakes", err)
	}
	p := perTenant(t, nil)
	for name, f := range map[string]func(){
		"In of nil":                  func() { p.In(nil) },
		"In without a handler":       func() { p.In(org)(nil) },
		"In of one without tenants":  func() { newPolicy(t, nil).In(org) },
		"a role that is not defined": func() { p.RequireRole("lead") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// A gate inside of In costs no allocation; In costs those of its context.
func TestTenantAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p := withRoles(t, map[string]rbac.Role[perm]{"lead": {Grants: []perm{usersRead}}})
	var r *http.Request
	harness.Serve(t, guard.Chain(named("alice"), p.In(org)), func(_ http.ResponseWriter, inner *http.Request) { r = inner }, inOrg("a"))
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	w := harness.NewDiscard()
	if got := w.Allocs(guard.Chain(p.RequireAll(usersRead, postsRead), p.RequireRole("user"))(nop), r); got != 0 {
		t.Errorf("gates: %v allocations, want 0", got)
	}
	if got := w.Allocs(p.In(org)(nop), r); got > 2 {
		t.Errorf("In: %v allocations, want 2: a request and a context", got)
	}
}

// A membership does not print the roles that it holds.
func TestPrintedMembership(t *testing.T) {
	p := perTenant(t, nil)
	_, inner, _ := serve(t, guard.Chain(named("alice"), p.In(org)), inOrg("plain-a"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, inner); strings.Contains(s, "admin") || strings.Contains(s, "alice") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

// withRoles is a policy in which tenant "a" has roles of its own, and alice the
// roles "user" and "lead" there.
func withRoles(t testing.TB, roles map[string]rbac.Role[perm]) *rbac.Policy[user, perm] {
	t.Helper()
	p := perTenantOf(t, members{
		{"alice", "a"}: {"user", "lead"}, {"alice", "b"}: {"user", "lead"}, {"alice", "plain-"}: {"user", "lead"}, {"root", "a"}: {"admin"},
	}.rolesIn, nil)
	if err := p.SwapIn(t.Context(), "a", rbac.Spec[perm]{Roles: roles}); err != nil {
		t.Fatal(err)
	}
	return p
}

// grantedIn returns what a user may do in a tenant, or the error of Enter.
func grantedIn(t testing.TB, p *rbac.Policy[user, perm], name, tenant string) string {
	t.Helper()
	ctx, err := p.Enter(guard.WithPrincipal(t.Context(), user{name: name}), tenant)
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(fmt.Sprint(slices.Collect(p.From(ctx).All()))), " ")
}
