package list

import "slices"

// truth is a value of SQL's logic. AND is the minimum, OR the maximum, and NOT the
// negation.
type truth int8

const (
	isFalse truth = iota - 1
	isUnknown
	isTrue
)

// A Rule selects resources T. The zero value is unknown for each of them: it selects
// none, and neither does its Not. A Rule is immutable.
type Rule[T any] struct {
	eval  func(T) truth
	write func(*statement)
}

// Match reports whether the rule selects v.
func (r Rule[T]) Match(v T) bool { return r.truth(v) == isTrue }

func (r Rule[T]) truth(v T) truth {
	if r.eval == nil {
		return isUnknown
	}
	return r.eval(v)
}

// Any selects what at least one of the rules selects. Without rules, it is the zero
// Rule.
func Any[T any](rules ...Rule[T]) Rule[T] {
	return join(" OR ", rules, func(a, b truth) truth { return max(a, b) })
}

// All selects what every one of the rules selects. Without rules, it is the zero
// Rule.
func All[T any](rules ...Rule[T]) Rule[T] {
	return join(" AND ", rules, func(a, b truth) truth { return min(a, b) })
}

func join[T any](operator string, rules []Rule[T], combine func(a, b truth) truth) Rule[T] {
	if len(rules) == 0 {
		return Rule[T]{}
	}
	rules = slices.Clone(rules)
	return Rule[T]{
		eval: func(v T) truth {
			t := rules[0].truth(v)
			for _, r := range rules[1:] {
				t = combine(t, r.truth(v))
			}
			return t
		},
		write: func(s *statement) {
			s.text("(")
			for i, r := range rules {
				if i > 0 {
					s.text(operator)
				}
				writeTo(s, r)
			}
			s.text(")")
		},
	}
}

// Not selects what the rule rejects. It does not select what is unknown, such as a
// comparison with NULL: see [Null].
func Not[T any](rule Rule[T]) Rule[T] {
	return Rule[T]{
		eval:  func(v T) truth { return -rule.truth(v) },
		write: func(s *statement) { s.text("(NOT "); writeTo(s, rule); s.text(")") },
	}
}

// Everything selects every resource, such as for an administrator.
func Everything[T any]() Rule[T] { return constant[T](isTrue, "(1 = 1)") }

func constant[T any](t truth, text string) Rule[T] {
	return Rule[T]{eval: func(T) truth { return t }, write: func(s *statement) { s.text(text) }}
}
