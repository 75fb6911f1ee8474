package guard

import (
	"context"
	"fmt"
	"reflect"
	"sync/atomic"
)

type (
	principalKey[P any]  struct{} // answered by the innermost node[P]
	credentialKey[A any] struct{} // answered by the innermost node that holds an A
	stepKey              struct{} // answered by the innermost node of any type
)

// A node is the one context node of an authentication step. It is its own
// lookup table, so that a step costs one allocation whatever it carries.
type node[P any] struct {
	context.Context
	step      *step[P] // nil for WithPrincipal
	principal P
	cred      any                  // what Map kept; nil where the principal is the credential
	kept      atomic.Pointer[Kept] // nobody's where the step knows nobody
	vary      [1]string            // the Vary field's storage: header values are never shared
	rec       *recorder            // of Observe, so that guards further in need not look for it
}

func (n *node[P]) Value(key any) any {
	switch k := key.(type) {
	case *StepKey:
		if kept := n.kept.Load(); kept != nil && kept.Key == k {
			return kept.Value
		}
		return nil
	case recorderKey:
		return n.rec
	case principalKey[P], stepKey:
		return n
	case credentialKey[P]:
		if n.cred == nil && n.knows() || n.cred != nil && k.holds(n.cred) {
			return n
		}
	case interface { // a credentialKey of another type
		holds(cred any) bool
		heldBy(t reflect.Type) bool
	}:
		if n.cred != nil {
			if k.holds(n.cred) {
				return n
			}
		} else if n.knows() && k.heldBy(reflect.TypeFor[P]()) && k.holds(n.principal) {
			return n // a guard that asks for an interface does not name P
		}
	}
	return n.Context.Value(key)
}

// nobody is kept where nobody is known, so that nothing else is.
var nobody Kept

func (n *node[P]) knows() bool { return n.kept.Load() != &nobody }

func (n *node[P]) keep(k *Kept) bool {
	return n.step != nil && n.kept.CompareAndSwap(nil, k)
}

// heldBy reports whether an A is an interface that a t may be.
func (credentialKey[A]) heldBy(t reflect.Type) bool {
	a := reflect.TypeFor[A]()
	return a.Kind() == reflect.Interface && (t.Kind() == reflect.Interface || t.Implements(a))
}

func (credentialKey[A]) holds(cred any) bool {
	_, ok := unwrapCredential[A](cred)
	return ok
}

// chained is the credentials of a Map over a Map.
type chained struct{ cred, behind any }

func unwrapCredential[A any](cred any) (a A, ok bool) {
	for {
		if c, nested := cred.(chained); nested {
			if a, ok = c.cred.(A); ok {
				return a, true
			}
			cred = c.behind
			continue
		}
		a, ok = cred.(A)
		return a, ok
	}
}

// A holder is a node seen by CredentialFrom, which does not know its P.
type holder interface {
	current(ctx context.Context) bool
	credential() any
}

// A stepNode is a node seen by guards that do not know its P.
type stepNode interface {
	challenges() []string
	principalType() reflect.Type
	knows() bool
	ceiling() (scopes []string, limited bool)
	keep(k *Kept) bool
}

func nodeOf[P any](ctx context.Context) *node[P] {
	n, ok := ctx.(*node[P]) // as right behind the step: the answer without the question
	if !ok {
		n, _ = ctx.Value(principalKey[P]{}).(*node[P])
	}
	return n
}

func (n *node[P]) current(ctx context.Context) bool { return nodeOf[P](ctx) == n }

func (n *node[P]) credential() any {
	if n.cred != nil {
		return n.cred
	}
	return n.principal
}

type bounded interface {
	Ceiling() (scopes []string, limited bool)
}

func (n *node[P]) ceiling() (scopes []string, limited bool) {
	switch {
	case n.cred != nil:
		if b, ok := unwrapCredential[bounded](n.cred); ok {
			return b.Ceiling()
		}
	case n.nilable():
		if b, ok := any(n.principal).(bounded); ok {
			return b.Ceiling()
		}
	default: // the methods of P are those of *P too, and a pointer costs no allocation
		if b, ok := any(&n.principal).(bounded); ok {
			return b.Ceiling()
		}
	}
	return nil, false
}

func (n *node[P]) nilable() bool {
	if n.step == nil {
		return canBeNil[P]()
	}
	return n.step.nilable
}

func (n *node[P]) challenges() []string {
	if n.step == nil {
		return nil
	}
	return n.step.offered
}

// String keeps principals and credentials out of a printed context.
func (n *node[P]) String() string {
	return fmt.Sprintf("%v.guard(%v)", n.Context, reflect.TypeFor[P]())
}

// GoString is String, for %#v.
func (n *node[P]) GoString() string { return n.String() }

func (n *node[P]) principalType() reflect.Type { return reflect.TypeFor[P]() }
