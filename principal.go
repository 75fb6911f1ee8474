package guard

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
)

// WithPrincipal returns ctx with p as its principal, for one's own middleware
// and for tests of handlers. A nil is nobody. An authentication step further
// in hides it. Where the credential of the step in front has bounds (see
// [Ceiling]), p has them too.
func WithPrincipal[P any](ctx context.Context, p P) context.Context {
	n := &node[P]{Context: ctx, principal: p, rec: recorderOf(ctx)}
	if canBeNil[P]() && isNil(p) {
		n.kept.Store(&nobody)
	}
	if front, ok := ctx.Value(stepKey{}).(stepNode); ok && front.knows() && n.knows() {
		_, itself := any(p).(bounded)
		if scopes, limited := front.ceiling(); limited && !itself {
			n.cred = chained{p, bounds(scopes)}
		}
	}
	return n
}

// bounds are those of a credential in front.
type bounds []string

func (b bounds) Ceiling() (scopes []string, limited bool) { return b, true }

// PrincipalFrom returns who sends the request: what the innermost
// authentication step for P found. ok is false where that step knows nobody,
// and where there is none.
func PrincipalFrom[P any](ctx context.Context) (p P, ok bool) {
	if n := nodeOf[P](ctx); n != nil && n.knows() {
		return n.principal, true
	}
	return p, false
}

// CredentialFrom returns how the sender proved who they are: the token,
// session or key record that [Map] or [BySubject] kept behind a principal, or
// the principal itself where it was not mapped. A credential whose principal
// is hidden by a step further in is hidden with it.
func CredentialFrom[A any](ctx context.Context) (a A, ok bool) {
	h, found := ctx.Value(credentialKey[A]{}).(holder)
	if !found || !h.current(ctx) {
		return a, false
	}
	return unwrapCredential[A](h.credential())
}

// Authenticated is PrincipalFrom for guards: the error is what to [Refuse]
// with. It is a 401 with the challenges of the step that knows nobody. Where
// the request was authenticated as some other type the chain is wired wrongly,
// and the error is a failure of ours (500) that names both types.
func Authenticated[P any](ctx context.Context) (P, error) {
	n := nodeOf[P](ctx)
	if n != nil && n.knows() {
		return n.principal, nil
	}
	var zero P
	if n != nil {
		return zero, &Error{Status: http.StatusUnauthorized, Challenges: n.challenges()}
	}
	if other, ok := ctx.Value(stepKey{}).(stepNode); ok {
		return zero, fmt.Errorf("guard: wired wrongly: a guard wants a principal of type %v, and the request was authenticated as %v",
			reflect.TypeFor[P](), other.principalType())
	}
	return zero, Unauthorized("")
}

// AuthenticatedBy is CredentialFrom for guards, which ask by an interface such
// as interface{ HasScope(string) bool }: the error is what to [Refuse] with. It
// is a 401 where nobody is known, and a failure of ours (500) where whoever is
// known has no such credential.
func AuthenticatedBy[A any](ctx context.Context) (A, error) {
	a, ok := CredentialFrom[A](ctx)
	if ok {
		return a, nil
	}
	step, ok := ctx.Value(stepKey{}).(stepNode)
	if !ok || !step.knows() {
		return a, Unauthorized("")
	}
	return a, fmt.Errorf("guard: wired wrongly: a guard wants a credential that is %v, and the request was authenticated as %v",
		reflect.TypeFor[A](), step.principalType())
}

// Challenges are those of the authentication step in front, for guards that
// add to them; nil without one. They must not be changed.
func Challenges(ctx context.Context) []string {
	if step, ok := ctx.Value(stepKey{}).(stepNode); ok {
		return step.challenges()
	}
	return nil
}

// A StepKey is, by its address, a context key of a guard that puts something
// about a principal into the context. What stands under it is not found from
// behind a further authentication step, which may have found somebody else.
type StepKey struct{ _ byte }

// Kept is a value under its key, for [Keep].
type Kept struct {
	Key   *StepKey
	Value any
}

// Keep puts k, which is not to change any more, into the authentication step in
// front, which is made once per request: the value is found by everybody behind
// that step and before a further one, and the guard need not copy the request.
// It is for what follows from the principal alone. Keep reports false, and does
// nothing, where something is kept there already, and where the principal is from
// [WithPrincipal], whose context may be that of many requests.
func Keep(ctx context.Context, k *Kept) bool {
	step, ok := ctx.Value(stepKey{}).(stepNode)
	return ok && step.keep(k)
}

// Ceiling returns the scopes that bound what the principal P of ctx may do: those
// of the credential behind it, where that has a method
// Ceiling() (scopes []string, limited bool), as an *apikey.Record. It is for
// guards that ask for permissions; package rbac asks it in any case, and its
// Options.Ceiling besides.
func Ceiling[P any](ctx context.Context) (scopes []string, limited bool) {
	if n := nodeOf[P](ctx); n != nil && n.knows() {
		return n.ceiling()
	}
	return nil, false
}

// HandlerFunc adapts a handler that needs a principal. Without one the request
// is refused as [Authenticated] says, so that a handler cannot forget to ask.
func HandlerFunc[P any](f func(http.ResponseWriter, *http.Request, P)) http.HandlerFunc {
	if f == nil {
		panic("guard: HandlerFunc of nil")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := Authenticated[P](r.Context())
		if err != nil {
			Decision{Package: "guard"}.Refuse(w, r, err)
			return
		}
		f(w, r, p)
	}
}
