// Package wiring refuses chains that could never work, where they are built.
package wiring

import (
	"fmt"
	"net/http"
)

// Next panics where a middleware of package pkg is given no handler to wrap.
func Next(pkg string, next http.Handler) {
	if f, ok := next.(http.HandlerFunc); next == nil || ok && f == nil {
		Panic(pkg, "the handler to wrap is nil")
	}
}

// Panic stops the start of a program that was wired wrongly.
func Panic(pkg, format string, args ...any) {
	panic(pkg + ": " + fmt.Sprintf(format, args...))
}
