// Package secret keeps keys, tokens and client secrets out of logs. It is the one
// way in which this module's types hold them.
//
// fmt and encoders print unexported fields without calling any method, so a method
// such as String cannot protect a field. A function can: every printer shows its
// address only.
package secret

// A Value is a value that no printer shows, at any depth. The zero value holds the
// zero T.
type Value[T any] struct{ reveal func() T }

// New returns a Value that holds v, which is not copied.
func New[T any](v T) Value[T] { return Value[T]{func() T { return v }} }

// Reveal returns the value.
func (v Value[T]) Reveal() T {
	if v.reveal == nil {
		return *new(T)
	}
	return v.reveal()
}
