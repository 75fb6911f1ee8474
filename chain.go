package guard

import (
	"net/http"
	"slices"

	"github.com/go-guard/guard/internal/wiring"
)

// Middleware wraps a handler, as every router's Use method takes it.
type Middleware = func(http.Handler) http.Handler

// Chain joins middlewares into one; the first is the outermost. A nil middleware
// panics at once, and a nil handler where it is wrapped.
func Chain(m ...Middleware) Middleware {
	for i, f := range m {
		if f == nil {
			wiring.Panic("guard", "middleware %d of a Chain is nil", i+1)
		}
	}
	m = slices.Clone(m)
	return func(next http.Handler) http.Handler {
		wiring.Next("guard", next)
		for _, f := range slices.Backward(m) {
			next = f(next)
			wiring.Next("guard", next)
		}
		return next
	}
}

// Must returns v, or panics where err is not nil: for wiring at start-up.
//
//	keys := guard.Must(apikey.New(lookup, nil))
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
