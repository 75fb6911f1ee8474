// Package wiring refuses chains that could never work, where they are built.
package wiring

import (
	"fmt"
	"net/http"
	"reflect"
)

// IsNil reports whether v is nil, or an interface that holds a nil.
func IsNil(v any) bool {
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return value.IsNil()
	}
	return false
}

// TypedNil returns the mistake of an option that is an interface with a nil in it, such
// as a store that was declared and never made. A nil option is its default.
func TypedNil(pkg, option string, v any) error {
	if v != nil && IsNil(v) {
		return fmt.Errorf("%s: %s is a nil %T", pkg, option, v)
	}
	return nil
}

// IsZero reports whether a key has zeros only: it was made and never filled.
func IsZero(key []byte) bool {
	for _, b := range key {
		if b != 0 {
			return false
		}
	}
	return len(key) > 0
}

// Recovered calls f, and returns its panic as an error. It is for calls of the
// application's code whose failure does not fail the request.
func Recovered(pkg, what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %s panicked: %v", pkg, what, p)
		}
	}()
	return f()
}

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
