// Package identity is the context node that an authentication step leaves
// behind: the principal, the credential, and what the step says to later guards.
//
// Nodes form a list through their contexts, the innermost first. Every question
// is a walk over that list, and costs no allocation.
package identity

import (
	"context"
	"fmt"
	"reflect"
)

// A Step is what all nodes of one authentication step share.
type Step struct {
	Challenges []string       // of all its authenticators, each once, for a later 401
	Types      []reflect.Type // of the principals and credentials that they can find
}

// A Node is the result of one authentication step for one request.
type Node struct {
	context.Context
	Step       *Step // nil where the principal was set by hand
	Credential any   // nil where the principal is the credential

	Vary [1]string // storage of the field, so that it costs no allocation

	principal any // a *P into the node's own allocation; a nil *P where the request is anonymous
}

type node[P any] struct {
	Node
	p P
}

// A privateNode is that of a step whose answers shared caches must not store.
type privateNode[P any] struct {
	node[P]
	cacheControl [1]string
}

type key struct{}

// New returns a node inside ctx. An anonymous one (authenticated is false) hides
// an outer principal of the same type.
func New[P any](ctx context.Context, p P, authenticated bool) *Node {
	return new(node[P]).set(ctx, p, authenticated)
}

// NewPrivate is New with the storage of a Cache-Control field in the same
// allocation.
func NewPrivate[P any](ctx context.Context, p P, authenticated bool) (n *Node, cacheControl *[1]string) {
	private := new(privateNode[P])
	return private.set(ctx, p, authenticated), &private.cacheControl
}

func (n *node[P]) set(ctx context.Context, p P, authenticated bool) *Node {
	n.Context, n.principal, n.p = ctx, (*P)(nil), p
	if authenticated {
		n.principal = &n.p
	}
	return &n.Node
}

// Authenticated reports whether the step authenticated the request.
func (n *Node) Authenticated() bool { return !reflect.ValueOf(n.principal).IsNil() }

// From returns the innermost node of ctx, nil if there is none.
func From(ctx context.Context) *Node {
	if n, ok := ctx.(*Node); ok {
		return n
	}
	n, _ := ctx.Value(key{}).(*Node)
	return n
}

// Outer is the node of the step outside, nil if there is none.
func (n *Node) Outer() *Node { return From(n.Context) }

// Challenges are those of the step, shared by its requests: nil without a step.
func (n *Node) Challenges() []string {
	if n == nil || n.Step == nil {
		return nil
	}
	return n.Step.Challenges
}

// For returns the innermost node whose step authenticates a P, and its
// principal, which is nil where the request is anonymous to it; nil if there is
// none.
func For[P any](ctx context.Context) (n *Node, p *P) {
	for n = From(ctx); n != nil; n = n.Outer() {
		if p, ok := n.principal.(*P); ok {
			return n, p
		}
	}
	return nil, nil
}

// Credential returns the innermost credential that is an A. One whose principal
// is hidden by a step further in is hidden with it.
func Credential[A any](ctx context.Context) (a A, ok bool) {
	return credential(ctx, func(A) bool { return true })
}

// CredentialBut is Credential without those that are a B, too.
func CredentialBut[B, A any](ctx context.Context) (a A, ok bool) {
	return credential(ctx, func(a A) bool { _, is := any(a).(B); return !is })
}

func credential[A any](ctx context.Context, wanted func(A) bool) (a A, ok bool) {
	innermost := From(ctx)
	for n := innermost; n != nil; n = n.Outer() {
		if a, ok := As[A](n); ok && wanted(a) {
			return a, !n.hidden(innermost)
		}
	}
	return a, false
}

// hidden reports whether a node from innermost outwards to n has a principal of
// n's type.
func (n *Node) hidden(innermost *Node) bool {
	for m := innermost; m != n; m = m.Outer() {
		if m.PrincipalType() == n.PrincipalType() {
			return true
		}
	}
	return false
}

// As returns the credential of n as an A: the principal where that is the
// credential. An anonymous node has none.
func As[A any](n *Node) (a A, ok bool) {
	if n.Credential != nil {
		return unwrap[A](n.Credential)
	}
	if !n.Authenticated() {
		return a, false
	}
	if p, same := n.principal.(*A); same {
		return *p, true
	}
	if reflect.TypeFor[A]().Kind() == reflect.Interface {
		a, ok = reflect.ValueOf(n.principal).Elem().Interface().(A)
	}
	return a, ok
}

// Borrow is As for a method that is called at once: it allocates nothing, and what
// it returns may point into the node, which no one may change. It also finds the
// methods that only a pointer to the principal has.
func Borrow[A any](n *Node) (a A, ok bool) {
	if n.Credential != nil || !n.Authenticated() {
		return As[A](n)
	}
	return borrow[A](n)
}

func borrow[A any](n *Node) (a A, ok bool) {
	if a, ok = n.principal.(A); ok { // a *P has the methods of P
		return a, true
	}
	switch n.PrincipalType().Kind() {
	case reflect.Pointer, reflect.Interface:
		if n.Authenticated() {
			a, ok = reflect.ValueOf(n.principal).Elem().Interface().(A)
		}
	}
	return a, ok
}

// A ScopeLimiter is a guard.ScopeLimiter.
type ScopeLimiter interface {
	ScopeLimit() (scopes []string, limited bool)
}

// Otherwise reports whether ctx is authenticated, and one of its steps can find an A
// as principal or credential for other requests. Where there is no A then, the client
// came with something else; where no step can find one, the chain is wired wrongly.
func Otherwise[A any](ctx context.Context) bool {
	innermost := From(ctx)
	if innermost == nil || !innermost.Authenticated() {
		return false
	}
	want := reflect.TypeFor[A]()
	for n := innermost; n != nil; n = n.Outer() {
		types := []reflect.Type{n.PrincipalType()}
		if n.Step != nil {
			types = n.Step.Types
		}
		for _, t := range types {
			if t.Kind() == reflect.Interface || t.AssignableTo(want) {
				return true
			}
		}
	}
	return false
}

// AppendScopeLimits appends the limits of every principal and credential of ctx, of
// every step, also of those whose principal is hidden.
func AppendScopeLimits(limits [][]string, ctx context.Context) [][]string {
	for n := From(ctx); n != nil; n = n.Outer() {
		if l, ok := borrow[ScopeLimiter](n); ok && n.Authenticated() {
			limits = appendLimit(limits, l)
		}
		for credential := n.Credential; credential != nil; {
			d, derived := credential.(Derived)
			if !derived {
				d.Credential = credential
			}
			if l, ok := d.Credential.(ScopeLimiter); ok {
				limits = appendLimit(limits, l)
			}
			credential = d.From
		}
	}
	return limits
}

func appendLimit(limits [][]string, l ScopeLimiter) [][]string {
	if scopes, limited := l.ScopeLimit(); limited {
		return append(limits, scopes)
	}
	return limits
}

// PrincipalType is the P of the step.
func (n *Node) PrincipalType() reflect.Type { return reflect.TypeOf(n.principal).Elem() }

// Derived is a credential that was mapped from another one.
type Derived struct{ Credential, From any }

func unwrap[A any](credential any) (a A, ok bool) {
	for {
		d, derived := credential.(Derived)
		if !derived {
			a, ok = credential.(A)
			return a, ok
		}
		if a, ok = d.Credential.(A); ok {
			return a, true
		}
		credential = d.From
	}
}

// Value implements context.Context.
func (n *Node) Value(k any) any {
	if _, ok := k.(key); ok {
		return n
	}
	return n.Context.Value(k)
}

// String keeps principals and credentials out of a printed context.
func (n *Node) String() string { return fmt.Sprintf("%v.guard(%v)", n.Context, n.PrincipalType()) }

// GoString is String, for %#v.
func (n *Node) GoString() string { return n.String() }
