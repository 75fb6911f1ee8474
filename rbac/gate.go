package rbac

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
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
	return p.gate("role "+strings.Join(names, " or "), message, nil, func(_ context.Context, g *grants[P, Perm]) error {
		refusal := errNotGranted
		for _, n := range names {
			switch g.role(n) {
			case nil:
				return nil
			case errScope:
				refusal = errScope
			}
		}
		return refusal
	})
}

// RequireAll lets on who has the permission and all of the others. An
// undeclared permission panics.
func (p *Policy[P, Perm]) RequireAll(perm Perm, and ...Perm) guard.Middleware {
	perms := append([]Perm{perm}, and...)
	indexes := p.indexesOf(perms)
	return p.gate("permission "+join(perms, " and "), message(perms, "' and '"), perms, func(ctx context.Context, g *grants[P, Perm]) error {
		refusal := error(nil)
		for _, i := range indexes {
			switch err := g.permission(ctx, i); err {
			case nil:
			case errScope:
				refusal = errScope
			default:
				return err
			}
		}
		return refusal
	})
}

// RequireAny lets on who has the permission or one of the others. An undeclared
// permission panics.
func (p *Policy[P, Perm]) RequireAny(perm Perm, or ...Perm) guard.Middleware {
	perms := append([]Perm{perm}, or...)
	indexes := p.indexesOf(perms)
	return p.gate("permission "+join(perms, " or "), message(perms, "' or '"), perms[:1], func(ctx context.Context, g *grants[P, Perm]) error {
		refusal := errNotGranted
		for _, i := range indexes {
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
	})
}

// gate is the middleware around decide; scope is what its challenge asks for.
func (p *Policy[P, Perm]) gate(name, message string, scope []Perm, decide func(context.Context, *grants[P, Perm]) error) guard.Middleware {
	return func(next http.Handler) http.Handler {
		wiring.Next("rbac", next)
		return &gate[P, Perm]{p, next, guard.Decision{Package: "rbac", Guard: name}, message, scope, decide}
	}
}

// A gate is a handler in front of which its policy decides.
type gate[P any, Perm ~string] struct {
	policy   *Policy[P, Perm]
	next     http.Handler
	decision guard.Decision
	message  string
	scope    []Perm
	decide   func(context.Context, *grants[P, Perm]) error
}

func (h *gate[P, Perm]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	g := h.policy.find(ctx)
	first := g == nil
	if first {
		var err error
		if g, err = h.policy.look(ctx); err != nil {
			h.decision.Refuse(w, r, err)
			return
		}
	}
	if err := h.decide(ctx, g); err != nil {
		h.refuse(w, r, g, err)
		return
	}
	if first && !h.policy.keep(ctx, g) {
		r = r.WithContext(g.node(ctx))
	}
	if guard.Observed(ctx) {
		h.report(r, g)
	}
	h.next.ServeHTTP(w, r)
}

func (h *gate[P, Perm]) refuse(w http.ResponseWriter, r *http.Request, g *grants[P, Perm], err error) {
	if err == errNotGranted || err == errScope {
		ctx := r.Context()
		err = h.policy.refusal(ctx, h.scope, h.message, reason{err, func() string { return g.describe(ctx) }})
	}
	d := h.decision
	d.Generation = g.generation.number
	d.Refuse(w, r, err)
}

func (h *gate[P, Perm]) report(r *http.Request, g *grants[P, Perm]) {
	d := h.decision
	d.Generation, d.Outcome = g.generation.number, guard.Allowed
	d.Report(r)
}

// A reason is for operators; it is put into words only if one reads it.
type reason struct {
	error
	whom func() string
}

func (r reason) Error() string { return r.error.Error() + ": " + r.whom() }

func (r reason) Unwrap() error { return r.error }

// refusal is a 403; one for want of scopes says which in its challenge (RFC
// 6750, section 3.1).
func (p *Policy[P, Perm]) refusal(ctx context.Context, scope []Perm, message string, err error) error {
	if p.message != "" {
		message = p.message
	}
	e := &guard.Error{Status: http.StatusForbidden, Message: message, Err: err}
	if errors.Is(err, errScope) {
		e.Code = "insufficient_scope"
		e.Challenges = []string{insufficient(guard.Challenges(ctx), join(scope, " "))}
	}
	return e
}

// insufficient is the first challenge of the step in front, which names scheme
// and realm, with the error added.
func insufficient(challenges []string, scope string) string {
	c := "Bearer"
	if len(challenges) > 0 {
		c = challenges[0]
	}
	sep := " "
	if strings.Contains(c, " ") {
		sep = ", "
	}
	c += sep + `error="insufficient_scope"`
	if scope != "" { // declared permissions are scope-tokens: they need no escaping
		c += `, scope="` + scope + `"`
	}
	return c
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

func join[Perm ~string](perms []Perm, sep string) string {
	s := make([]string, len(perms))
	for i, p := range perms {
		s[i] = string(p)
	}
	return strings.Join(s, sep)
}
