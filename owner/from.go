package owner

import (
	"context"
	"fmt"
	"reflect"

	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// From returns the resource that Require or Load loaded and checked for the
// principal of ctx. It panics in a handler that is not behind one of them: a
// handler never receives an unchecked resource.
func (o *Resource[P, T]) From(ctx context.Context) T {
	n, ok := ctx.Value(&o.key).(*loaded[P, T])
	if !ok || n.checkedFor != identity.From(ctx) {
		wiring.Panic("owner", "From in a handler that is not behind Require or Load of this resource (%v), or behind a further authentication step", reflect.TypeFor[T]())
	}
	return n.value
}

// loaded is the context node of a loaded resource.
type loaded[P, T any] struct {
	context.Context
	loader     *loader[P, T]
	checkedFor *identity.Node // the authentication whose principal was checked
	value      T
}

func (n *loaded[P, T]) Value(key any) any {
	if key == any(&n.loader.key) {
		return n
	}
	return n.Context.Value(key)
}

// String keeps the resource out of a printed context.
func (n *loaded[P, T]) String() string {
	return fmt.Sprintf("%v.owner(%v)", n.Context, reflect.TypeFor[T]())
}

// GoString is String, for %#v.
func (n *loaded[P, T]) GoString() string { return n.String() }
