package guard

import (
	"net/http"
	"slices"

	"github.com/go-guard/guard/internal/wiring"
)

// Middleware wraps a handler, as every router's Use method takes it.
type Middleware = func(http.Handler) http.Handler

// Chain is the middlewares as one; the first is the outermost. A nil
// middleware, and later a nil handler, panics where it is wired.
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

// Must is v, or a panic where err is not nil: for wiring at start-up.
//
//	keys := guard.Must(apikey.New(lookup, nil))
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
