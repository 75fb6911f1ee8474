package rbac

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// RequireRole returns a gate for principals that have at least one of the roles,
// directly or by inheritance. A role that the policy does not define panics.
func (p *Policy[P, Perm]) RequireRole(role string, or ...string) guard.Middleware {
	names := append([]string{role}, or...)
	if p.decide != nil {
		wiring.Panic("rbac", "RequireRole(%q): the policy has a decider, and no roles", role)
	}
	p.mu.Lock() // a Swap between the check and the entry in required could drop the role
	defer p.mu.Unlock()
	for _, n := range names {
		if _, ok := p.inForce.Load().roles[n]; !ok {
			wiring.Panic("rbac", "RequireRole: unknown role %q", n)
		}
	}
	for _, n := range names {
		p.required[n] = true
	}
	message := "Role '" + strings.Join(names, "' or '") + "' required"
	return p.gate(rule{roles: names}, "role "+strings.Join(names, " or "), message, nil)
}

// RequireAll returns a gate for principals that have every one of the
// permissions. An undeclared permission panics.
func (p *Policy[P, Perm]) RequireAll(perm Perm, and ...Perm) guard.Middleware {
	perms := append([]Perm{perm}, and...)
	return p.gate(rule{all: p.indexesOf(perms)}, "permission "+join(perms, " and "), permissionMessage(perms, "' and '"), perms)
}

// RequireAny returns a gate for principals that have at least one of the
// permissions. An undeclared permission panics.
func (p *Policy[P, Perm]) RequireAny(perm Perm, or ...Perm) guard.Middleware {
	perms := append([]Perm{perm}, or...)
	return p.gate(rule{any: p.indexesOf(perms)}, "permission "+join(perms, " or "), permissionMessage(perms, "' or '"), perms[:1])
}

// gate returns the middleware for a rule. scope is what a challenge asks for.
func (p *Policy[P, Perm]) gate(r rule, name, message string, scope []Perm) guard.Middleware {
	return func(next http.Handler) http.Handler {
		wiring.Next("rbac", next)
		return &gate[P, Perm]{p, next, guard.Decision{Package: "rbac", Guard: name}, message, scope, r}
	}
}

// A gate calls next where its policy allows it.
type gate[P any, Perm ~string] struct {
	policy   *Policy[P, Perm]
	next     http.Handler
	decision guard.Decision // without outcome and generation
	message  string
	scope    []Perm
	rule     rule
}

func (h *gate[P, Perm]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	var g grantee[P, Perm]
	if err := h.decide(ctx, &g); err != nil {
		d := h.decision
		d.Generation = g.number()
		d.Refuse(w, r, err)
		return
	}
	if guard.Observed(ctx) {
		d := h.decision
		d.Outcome, d.Generation = guard.Allowed, g.number()
		d.Report(r)
	}
	h.next.ServeHTTP(w, r)
}

// decide makes g the grantee of ctx, and returns the refusal or failure that
// answers the request in place of next, or nil.
func (h *gate[P, Perm]) decide(ctx context.Context, g *grantee[P, Perm]) error {
	if err := g.read(ctx, h.policy.engine); err != nil {
		return err
	}
	res, err := g.satisfies(ctx, &h.rule)
	if err != nil || res == granted {
		return err
	}
	denied := *g // a copy, because a denial outlives the stack
	return h.policy.refuse(ctx, res, h.scope, h.rule.code(), h.message, &denial[P, Perm]{&denied, res})
}

// A rule is what a gate requires: one of the roles, or all or one of the
// permissions.
type rule struct {
	roles    []string
	all, any []int
}

// code is that of a refusal.
func (r *rule) code() string {
	if r.roles != nil {
		return codeRole
	}
	return codePermission
}

func (g *grantee[P, Perm]) satisfies(ctx context.Context, r *rule) (result, error) {
	switch {
	case r.all != nil:
		return g.satisfiesAll(ctx, r.all)
	case r.any != nil:
		return g.satisfiesAny(ctx, r.any)
	}
	return g.role(r.roles), nil
}

func (g *grantee[P, Perm]) satisfiesAll(ctx context.Context, permissions []int) (result, error) {
	worst := granted
	for _, i := range permissions {
		r, err := g.permission(ctx, i)
		if err != nil || r == notGranted {
			return notGranted, err
		}
		worst = min(worst, r)
	}
	return worst, nil
}

func (g *grantee[P, Perm]) satisfiesAny(ctx context.Context, permissions []int) (result, error) {
	best := notGranted
	for _, i := range permissions {
		r, err := g.permission(ctx, i)
		if err != nil || r == granted {
			return r, err
		}
		best = max(best, r)
	}
	return best, nil
}

func (p *Policy[P, Perm]) indexOf(perm Perm) int {
	i, ok := p.index[perm]
	if !ok {
		wiring.Panic("rbac", "unknown permission %q", perm)
	}
	return i
}

func (p *Policy[P, Perm]) indexesOf(perms []Perm) []int {
	indexes := make([]int, len(perms))
	for k, perm := range perms {
		indexes[k] = p.indexOf(perm)
	}
	return indexes
}
