package rbac

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// RequireRole lets on who has the role or one of the others, by itself or by
// inheritance. A role that the policy does not have panics.
func (p *Policy[P, Perm]) RequireRole(role string, or ...string) guard.Middleware {
	names := append([]string{role}, or...)
	if p.decide != nil {
		wiring.Panic("rbac", "RequireRole(%q): the policy has a decider, and no roles", role)
	}
	p.mu.Lock() // before the look: a Swap in between must not drop the role
	defer p.mu.Unlock()
	for _, n := range names {
		if _, ok := p.current.Load().roles[n]; !ok {
			wiring.Panic("rbac", "RequireRole: unknown role %q", n)
		}
	}
	for _, n := range names {
		p.required[n] = true
	}
	message := "Role '" + strings.Join(names, "' or '") + "' required"
	return p.gate(rule{roles: names}, "role "+strings.Join(names, " or "), message, nil)
}

// RequireAll lets on who has the permission and all of the others. An
// undeclared permission panics.
func (p *Policy[P, Perm]) RequireAll(perm Perm, and ...Perm) guard.Middleware {
	perms := append([]Perm{perm}, and...)
	return p.gate(rule{all: p.indexesOf(perms)}, "permission "+join(perms, " and "), message(perms, "' and '"), perms)
}

// RequireAny lets on who has the permission or one of the others. An undeclared
// permission panics.
func (p *Policy[P, Perm]) RequireAny(perm Perm, or ...Perm) guard.Middleware {
	perms := append([]Perm{perm}, or...)
	return p.gate(rule{any: p.indexesOf(perms)}, "permission "+join(perms, " or "), message(perms, "' or '"), perms[:1])
}

// A rule is what a gate asks for: one of the roles, or all or one of the
// permissions.
type rule struct {
	roles    []string
	all, any []int
}

// check is nil where the rule holds, errNotGranted or errScope where it does
// not, and a failure otherwise.
func (g *grants[P, Perm]) check(ctx context.Context, r *rule) error {
	var refusal error
	for _, i := range r.all {
		switch err := g.permission(ctx, i); err {
		case nil:
		case errScope:
			refusal = err
		default:
			return err
		}
	}
	if r.all != nil {
		return refusal
	}
	refusal = errNotGranted
	for _, name := range r.roles {
		switch g.role(name) {
		case nil:
			return nil
		case errScope:
			refusal = errScope
		}
	}
	for _, i := range r.any {
		switch err := g.permission(ctx, i); err {
		case nil:
			return nil
		case errNotGranted:
		case errScope:
			refusal = errScope
		default:
			return err
		}
	}
	return refusal
}

// gate is the middleware around a rule; scope is what its challenge asks for.
func (p *Policy[P, Perm]) gate(r rule, name, message string, scope []Perm) guard.Middleware {
	return func(next http.Handler) http.Handler {
		wiring.Next("rbac", next)
		return &gate[P, Perm]{p, next, guard.Decision{Package: "rbac", Guard: name}, message, scope, r}
	}
}

// A gate is a handler in front of which its policy decides.
type gate[P any, Perm ~string] struct {
	policy   *Policy[P, Perm]
	next     http.Handler
	decision guard.Decision
	message  string
	scope    []Perm
	rule     rule
}

func (h *gate[P, Perm]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, d := r.Context(), h.decision
	g, err := h.policy.grantsOf(ctx)
	d.Generation = g.generation.number
	if err == nil {
		err = g.check(ctx, &h.rule)
	}
	if err == errNotGranted || err == errScope {
		refused := g // on the heap, which g is not
		err = h.policy.refusal(ctx, h.scope, h.message, reason{err, refused.describe})
	}
	if err != nil {
		d.Refuse(w, r, err)
		return
	}
	d.Outcome = guard.Allowed
	d.Report(r)
	h.next.ServeHTTP(w, r)
}

// A reason is for operators; it is put into words only if one reads it.
type reason struct {
	error
	whom func() string
}

func (r reason) Error() string { return r.error.Error() + ": " + r.whom() }

func (r reason) Unwrap() error { return r.error }

// refusal is a 403; one for narrow scopes names them in its challenge (RFC 6750,
// section 3.1).
func (p *Policy[P, Perm]) refusal(ctx context.Context, needed []Perm, message string, err error) error {
	if p.message != "" {
		message = p.message
	}
	if errors.Is(err, errScope) {
		return refusal.InsufficientScope(message, identity.From(ctx).Challenges(), texts(needed), err)
	}
	return &guard.Error{Status: http.StatusForbidden, Message: message, Err: err}
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

func message[Perm ~string](perms []Perm, sep string) string {
	noun := "Permission '"
	if len(perms) > 1 && sep == "' and '" {
		noun = "Permissions '"
	}
	return noun + join(perms, sep) + "' required"
}

func join[Perm ~string](perms []Perm, sep string) string { return strings.Join(texts(perms), sep) }

func texts[Perm ~string](perms []Perm) []string {
	list := make([]string, len(perms))
	for i, p := range perms {
		list[i] = string(p)
	}
	return list
}
